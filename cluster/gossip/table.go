package gossip

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
)

// Limits of the view.
const (
	// MaxMembers is the number of live members that a node accepts; it ignores
	// what is said about more.
	MaxMembers = 2048
	// MaxGone and GoneRetention say how many failed and left members are kept,
	// and how long. The oldest go first.
	MaxGone       = 1000
	GoneRetention = 24 * time.Hour
)

// A table is this node's view of the members. Its methods never wait for
// anything but its lock, and call nothing outside of it: memberlist's callbacks
// use them while they hold memberlist's own lock.
type table struct {
	self string // the gossip name of this node

	mu      sync.Mutex // guards the fields below
	records map[string]*record
	live    int
	cluster [8]byte // of this node
	foreign string  // the last member of another cluster that was refused
	events  ring
	changed chan struct{} // closed and replaced at every change
	met     chan struct{} // closed when another member was seen for the first time
	closed  bool          // Invariant: once set, nothing changes.
}

// A record is a member and the facts from which its status follows.
type record struct {
	Member

	gone      bool // memberlist gave it up or it left
	announced bool // it announced its leave. Invariant: never reset.
	suspect   bool
}

// A peer is what memberlist says about a member.
type peer struct {
	name string // the gossip name
	addr netip.AddrPort
	meta []byte
}

func newTable(self string, cluster [8]byte) *table {
	return &table{
		self: self, cluster: cluster, records: map[string]*record{},
		changed: make(chan struct{}), met: make(chan struct{}),
	}
}

// admit decides whether what memberlist heard about p is believed.
func (t *table) admit(p peer) error {
	_, _, err := parseGossipName(p.name)
	if err != nil {
		return err
	}

	meta, err := DecodeMeta(p.meta)
	if err != nil {
		return err
	}

	t.mu.Lock()
	defer t.mu.Unlock()

	if p.name == t.self {
		return nil
	}

	if isForeign(t.cluster, meta.Cluster) {
		t.foreign = p.name

		return fmt.Errorf("%s: its cluster id starts with %x, ours with %x: %w", p.addr, meta.Cluster, t.cluster, segue.ErrWrongCluster)
	}

	if r, ok := t.records[p.name]; t.live >= MaxMembers && (!ok || r.gone) {
		return fmt.Errorf("this node already has %d live members, more are ignored", MaxMembers)
	}

	// A leave that overtook its announcement made the member look failed.
	if r, ok := t.records[p.name]; ok && r.gone && !r.announced && meta.Flags.Has(FlagLeaving) && !t.closed {
		r.announced = true
		t.settle(r, time.Now(), 0)
	}

	return nil
}

func isForeign(ours, theirs [8]byte) bool {
	return ours != [8]byte{} && theirs != [8]byte{} && ours != theirs
}

// seen notes that p is live, with this address and meta.
func (t *table) seen(p peer, now time.Time) {
	name, start, err := parseGossipName(p.name)
	if err != nil {
		return // admit refused it
	}

	meta, err := DecodeMeta(p.meta)
	if err != nil {
		return // admit refused it
	}

	t.mu.Lock()
	defer t.mu.Unlock()

	if t.closed {
		return
	}

	r, ok := t.records[p.name]
	if !ok {
		r = &record{Member: Member{Name: name, Start: start, Self: p.name == t.self}, gone: true}
		t.records[p.name] = r
	}

	if r.gone {
		t.live++
	}

	r.gone, r.suspect = false, false
	r.announced = r.announced || meta.Flags.Has(FlagLeaving)
	updated := EventKind(0)

	if ok && r.Meta != meta {
		updated = EventUpdated
	}

	r.Meta, r.Node, r.Release, r.GossipAddr, r.DataAddr = meta, meta.Node, meta.Release, p.addr, dataAddr(p.addr, meta)
	joined := !r.Status.Live()
	t.settle(r, now, updated)

	if joined && len(t.namesakes(r)) > 0 {
		t.emit(EventDuplicate, r, now, "another live member has this name")
	}

	if !r.Self {
		t.meet()
	}
}

// lost notes that memberlist gave the member up or heard it leave.
func (t *table) lost(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()

	r, ok := t.records[name]
	if !ok || r.gone || t.closed {
		return
	}

	r.gone, r.suspect = true, false
	t.live--
	t.settle(r, now, 0)
	t.prune(now)
}

// suspected notes that a probe of a member by this node went unanswered.
func (t *table) suspected(name string, now time.Time) {
	t.probed(name, now, func(r *record) { r.suspect = true })
}

// answered notes that a member answered a probe of this node.
func (t *table) answered(name string, now time.Time) {
	t.probed(name, now, func(r *record) { r.suspect = false })
}

func (t *table) probed(name string, now time.Time, note func(*record)) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if r, ok := t.records[name]; ok && !r.gone && !t.closed {
		note(r)
		t.settle(r, now, 0)
	}
}

// conflict notes that another address claims the name and start of a member.
func (t *table) conflict(name string, other netip.AddrPort, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if r, ok := t.records[name]; ok && !t.closed {
		t.emit(EventConflict, r, now, other.String()+" claims the same name and start token")
	}
}

// setCluster changes the cluster that this node knows, and forgets the members
// of others that were met before.
func (t *table) setCluster(id [8]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if t.closed || id == t.cluster {
		return
	}

	t.cluster = id

	for name, r := range t.records {
		if name != t.self && isForeign(id, r.Meta.Cluster) {
			if !r.gone {
				t.live--
			}

			delete(t.records, name)
		}
	}

	t.notify()
}

// close freezes the view as it is.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()

	t.closed = true
}

// settle derives the status of r after a change; kind is the event to emit if
// the status stays, 0 for none.
func (t *table) settle(r *record, now time.Time, kind EventKind) {
	before := r.Status
	r.Status = statusOf(r.gone, r.announced, r.suspect, r.Meta.Flags)

	if before != r.Status {
		r.Since = now
		kind = eventOf(before, r.Status)
	}

	if kind != 0 {
		t.emit(kind, r, now, "")
	}
}

func eventOf(before, after Status) EventKind {
	switch after {
	case StatusAlive, StatusSuspect, StatusLeaving:
	case StatusFailed:
		return EventFailed
	case StatusLeft:
		return EventLeft
	}

	switch {
	case !before.Live():
		return EventJoined
	case after == StatusSuspect:
		return EventSuspect
	case after == StatusLeaving:
		return EventLeaving
	case before == StatusSuspect:
		return EventRecovered
	}

	return EventUpdated
}

func (t *table) emit(kind EventKind, r *record, now time.Time, detail string) {
	t.events.add(Event{Time: now, Kind: kind, Member: r.Member, Detail: detail})
	t.notify()
}

func (t *table) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *table) meet() {
	select {
	case <-t.met:
	default:
		close(t.met)
	}
}

// prune forgets the gone members that are too old or too many.
func (t *table) prune(now time.Time) {
	for {
		var oldest *record

		for _, r := range t.records {
			if r.gone && (oldest == nil || r.Since.Before(oldest.Since)) {
				oldest = r
			}
		}

		if oldest == nil || len(t.records)-t.live <= MaxGone && now.Sub(oldest.Since) < GoneRetention {
			return
		}

		delete(t.records, gossipName(oldest.Name, oldest.Start))
	}
}
