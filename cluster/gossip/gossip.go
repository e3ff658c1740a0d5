package gossip

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/segue-cluster/segue"
)

// Errors of this package.
var (
	// ErrCookieMismatch is the error of a join through a node that has another
	// gossip key: the two were not started with the same cookie and cluster
	// name. Trying again does not help.
	ErrCookieMismatch = errors.New("cookie mismatch")

	// ErrHungUp is the error of a join through something that took the
	// connection and closed it: a node of another cluster name, or no node.
	ErrHungUp = errors.New("it has another cluster name, or is not a Segue node")

	// ErrNoLeave, as the cause of the end of [Gossip.Run]'s context, makes Run
	// skip the announcement of the leave: the others find the node failed.
	ErrNoLeave = errors.New("stop without leaving")
)

// A Gossip is this node's part in gossip. Make one with [New]. All methods may
// be called by several goroutines, before, while and after Run runs.
type Gossip struct {
	cfg     Config
	log     *slog.Logger
	sockets *sockets
	table   *table
	counts  counters
	lines   chan line

	started atomic.Bool
	list    atomic.Pointer[memberlist.Memberlist] // while Run runs
	dirty   chan struct{}                         // the meta changed

	mu     sync.Mutex // guards the fields below
	meta   Meta
	packed []byte // meta, encoded
	join   JoinState
	warned string // the reason that was logged last, as a warning
}

// New validates cfg and binds the port, so that [Gossip.Addr] is known, and
// starts nothing. A port in use is an error that matches
// syscall.EADDRINUSE. Call [Gossip.Run] next, or else [Gossip.Close].
func New(cfg Config) (*Gossip, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}

	cfg.Timing = cfg.Timing.withDefaults()
	cfg.Key = slices.Clone(cfg.Key)
	cfg.Seeds = slices.Clone(cfg.Seeds)

	if cfg.Network == nil {
		cfg.Network = system{}
	}

	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}

	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}

	packed, err := cfg.Meta.Encode()
	if err != nil {
		return nil, err
	}

	s, err := listen(cfg.Network, cfg.Bind)
	if err != nil {
		return nil, err
	}

	return &Gossip{
		cfg: cfg, log: cfg.Logger, sockets: s, lines: make(chan line, chatterQueue), dirty: make(chan struct{}, 1),
		table: newTable(gossipName(cfg.Name, cfg.Start), cfg.Meta.Cluster), meta: cfg.Meta, packed: packed,
	}, nil
}

// Close releases the port of a Gossip that is not run. Run does so itself.
func (g *Gossip) Close() error {
	if g.started.Load() {
		return errors.New("gossip: end the context of Run instead")
	}

	return g.sockets.close()
}

// Addr is the address that New bound. Its IP may be the wildcard.
func (g *Gossip) Addr() netip.AddrPort { return g.sockets.addr }

// Members returns all members that are known, this node, failed ones and left
// ones included, by name and start token. Failed and left members are kept for
// [GoneRetention], at most [MaxGone] of them. It is empty before Run. After Run
// it is the view as of its end.
func (g *Gossip) Members() []Member { return g.table.snapshot(time.Now()) }

// Changed returns a channel that is closed at the next change of the members.
// To miss nothing, call it before Members:
//
//	for {
//		changed := g.Changed()
//		use(g.Members())
//		select {
//		case <-changed:
//		case <-ctx.Done():
//			return
//		}
//	}
func (g *Gossip) Changed() <-chan struct{} { return g.table.changes() }

// Events returns the events after the one numbered seq, the oldest first, and
// the number of those that were dropped because only [MaxEvents] are kept.
// Events(0) returns all that are left.
func (g *Gossip) Events(seq uint64) (events []Event, dropped uint64) { return g.table.eventsSince(seq) }

// Lookup returns the member with the node id: the one that is live, or else the
// one that was last. Of two live ones it prefers the one that came later.
func (g *Gossip) Lookup(id segue.NodeID) (Member, bool) {
	members := slices.DeleteFunc(g.Members(), func(m Member) bool { return m.Node != id })
	if len(members) == 0 {
		return Member{}, false
	}

	return slices.MaxFunc(members, func(a, b Member) int {
		if a.Status.Live() != b.Status.Live() {
			return cmp.Compare(liveRank(a), liveRank(b))
		}

		return a.Since.Compare(b.Since)
	}), true
}

func liveRank(m Member) int {
	if m.Status.Live() {
		return 1
	}

	return 0
}

// Duplicates returns the names that several live members have.
func (g *Gossip) Duplicates() []Duplicate {
	var duplicates []Duplicate

	members := slices.DeleteFunc(g.Members(), func(m Member) bool { return !m.Status.Live() })

	for len(members) > 0 { // Members sorts by name, so that namesakes are neighbours
		n := 1
		for n < len(members) && members[n].Name == members[0].Name {
			n++
		}

		if n > 1 {
			duplicates = append(duplicates, Duplicate{Name: members[0].Name, Members: members[:n:n]})
		}

		members = members[n:]
	}

	return duplicates
}

// Meta returns what this node tells about itself.
func (g *Gossip) Meta() Meta {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.meta
}

// UpdateMeta changes what this node tells about itself and spreads it; it does
// not wait for that. It returns what [Meta.Validate] says. A meta that is
// replaced before it was spread may never be seen by others.
func (g *Gossip) UpdateMeta(m Meta) error {
	if m.Flags.Has(FlagLeaving) {
		return errors.New("meta: the leaving flag is not for the node to set")
	}

	return g.setMeta(m)
}

func (g *Gossip) setMeta(m Meta) error {
	packed, err := m.Encode()
	if err != nil {
		return err
	}

	g.mu.Lock()

	if g.meta.Flags.Has(FlagLeaving) { // a late update must not undo the announcement
		m.Flags |= FlagLeaving

		if packed, err = m.Encode(); err != nil {
			g.mu.Unlock()

			return err
		}
	}

	g.meta, g.packed = m, packed
	g.mu.Unlock()
	g.table.setCluster(m.Cluster)

	select {
	case g.dirty <- struct{}{}:
	default: // the one that waits will do
	}

	return nil
}

// packedMeta returns the encoded meta.
func (g *Gossip) packedMeta() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.packed
}

// Stats are counts since the start, and the health of this node.
type Stats struct {
	// Cookie, Label, Plain and Garbage count packets and streams that were
	// refused: encrypted with another key, of another cluster name, not
	// encrypted at all, not understood.
	Cookie, Label, Plain, Garbage uint64
	// Ignored counts what was said about nodes that are not believed in:
	// members of other clusters, or with a meta that makes no sense.
	Ignored uint64
	// StreamsRefused counts streams over [MaxStreams].
	StreamsRefused uint64
	// LinesDropped counts log lines that found the queue full.
	LinesDropped uint64
	// Health is 0 if this node keeps up with its probes, and up to 7 if it is
	// slow; it then waits longer before it suspects others.
	Health int
}

// Stats returns the counts.
func (g *Gossip) Stats() Stats {
	s := Stats{
		Cookie: g.counts.cookie.Load(), Label: g.counts.label.Load(), Plain: g.counts.plain.Load(),
		Garbage: g.counts.garbage.Load(), Ignored: g.counts.ignored.Load(),
		StreamsRefused: g.counts.streamsRefused.Load(), LinesDropped: g.counts.linesDropped.Load(),
	}

	if list := g.list.Load(); list != nil {
		s.Health = list.GetHealthScore()
	}

	return s
}
