package voters_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/voters"
)

// What the simulation assumes about raft and about nodes.
const (
	tick        = 25 * time.Millisecond
	pollEvery   = 2 // ticks
	lease       = time.Second
	election    = time.Second
	fenceAfter  = 2 * time.Second
	stillLeaves = 5 * time.Second
)

// entry is one of raft's log; servers is nil unless it is a configuration.
type entry struct {
	term    uint64
	servers []voters.Server
}

// peer is a node with its raft.
type peer struct {
	id      segue.NodeID
	up      bool
	gone    bool // has left for good
	slow    bool // receives nothing for the time being
	durable bool
	release string

	log             []entry
	term            uint64
	commit, applied uint64
	contact         time.Time // it heard from the leader
	died            time.Time
	asked           time.Time // it asked to leave; zero: it did not
}

// config is the newest configuration that the peer knows.
func (p *peer) config() []voters.Server {
	for _, e := range slices.Backward(p.log) {
		if e.servers != nil {
			return e.servers
		}
	}

	return nil
}

func (p *peer) configIndex() uint64 {
	for i, e := range slices.Backward(p.log) {
		if e.servers != nil {
			return uint64(i) + 1
		}
	}

	return 0
}

func (p *peer) lastTerm() uint64 {
	if len(p.log) == 0 {
		return 0
	}

	return p.log[len(p.log)-1].term
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// world is raft by its rules, without messages: single-server changes take
// effect when they are written, entries are committed by a majority of the
// newest configuration, leaders lead while they reach one.
type world struct {
	t      tb
	now    time.Time
	ticks  int
	peers  map[segue.NodeID]*peer
	leader segue.NodeID
	lost   time.Time // when there was a leader last

	cfg    voters.Config
	table  *ownership.Table
	index  uint64 // of the table
	wanted int

	// What a leader keeps in mind.
	changed  time.Time
	progress map[segue.NodeID]voters.Progress
	leaving  map[segue.NodeID]time.Time

	crashed time.Time // last
	unlucky bool      // a crash and a change came too close to each other
	trace   []voters.Action
	last    voters.Action
}

// newWorld forms a cluster in which the given number of nodes vote.
func newWorld(t tb, voting, wanted int) *world {
	t.Helper()

	w := &world{
		t: t, now: time.Unix(1_800_000_000, 0), peers: map[segue.NodeID]*peer{}, table: ownership.New(), wanted: wanted,
	}
	w.lost = w.now.Add(-election)
	w.apply(ownership.Genesis{
		Cluster: "donation", ID: ownership.ClusterID{7}, Generation: 1, Shards: 1, Hash: ownership.ShardHash, Expect: uint8(voting),
	})

	var servers []voters.Server

	for range voting {
		p := w.join("1.0.0", true)
		servers = append(servers, voters.Server{ID: p.id, Voter: true})
	}

	for _, s := range servers {
		w.peers[s.ID].log = []entry{{term: 1, servers: servers}}
	}

	w.elect(func(n int) int { return n - 1 })

	return w
}

func (w *world) apply(cmd ownership.Command) {
	w.t.Helper()

	w.index++

	r := w.table.Apply(w.index, cmd)
	if err := r.Err(); err != nil {
		w.t.Fatalf("%s %+v: %v", cmd.Type(), cmd, err)
	}
}

// join starts a node that never was there.
func (w *world) join(release string, durable bool) *peer {
	p := &peer{id: segue.NodeID{byte(len(w.peers) + 1)}, durable: durable, release: release}
	w.peers[p.id] = p
	w.start(p)

	return p
}

// start starts a node, with the log that it has.
func (w *world) start(p *peer) {
	p.up, p.asked, p.contact = true, time.Time{}, w.now
	w.apply(ownership.Join{
		Node: p.id, Start: w.index + 1, Name: fmt.Sprintf("donation_%s@h%d", p.release, p.id[0]), Release: p.release, MaxLevel: 1,
		Hosting: p.release != "keeper", Durable: p.durable,
	})
}

func (w *world) crash(p *peer) {
	p.up, p.died = false, w.now
	w.crashed = w.now

	if w.leader == p.id {
		w.leader, w.lost = segue.NodeID{}, w.now
	}
}

// ask lets a node want to leave.
func (w *world) ask(p *peer) {
	p.asked = w.now
	w.apply(ownership.Drain{Node: p.id, Inc: w.table.Members[p.id].Inc, On: true})
}

// sorted returns the peers that accept accepts, in order.
func (w *world) sorted(accept func(*peer) bool) []*peer {
	var found []*peer

	for _, id := range slices.SortedFunc(maps.Keys(w.peers), func(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) }) {
		if p := w.peers[id]; accept(p) {
			found = append(found, p)
		}
	}

	return found
}

// replicate is a round of the leader's heartbeats.
func (w *world) replicate() {
	l := w.peers[w.leader]
	servers := l.config()
	reached, n := 0, 0

	var match []uint64

	for _, s := range servers {
		p := w.peers[s.ID]
		if p.up && !p.slow {
			p.applied = max(p.applied, p.commit)
			p.log, p.term, p.commit, p.contact = l.log, l.term, l.commit, w.now
		}

		if !s.Voter {
			continue
		}

		n++

		if w.now.Sub(p.contact) < lease && p.up || p == l {
			reached++
		}

		if p.term == l.term && p.lastTerm() == l.term {
			match = append(match, uint64(len(p.log)))
		}
	}

	slices.Sort(match)

	if len(match) > n/2 {
		if at := match[len(match)-n/2-1]; l.log[at-1].term == l.term {
			l.commit = max(l.commit, at)
		}
	}

	l.applied = l.commit

	// A voter that died counts as reached until the lease runs out.
	for _, s := range servers {
		if p := w.peers[s.ID]; s.Voter && !p.up && w.now.Sub(p.contact) < lease {
			reached++
		}
	}

	if reached <= n/2 {
		w.leader, w.lost = segue.NodeID{}, w.now
	}
}

// elect makes a node the leader that can win, if there is one. Among several,
// pick chooses.
func (w *world) elect(pick func(n int) int) {
	var able []*peer

	for _, p := range w.sorted(func(p *peer) bool { return p.up }) {
		voting, votes := 0, 0
		mine := false

		for _, s := range p.config() {
			if !s.Voter {
				continue
			}

			voting++
			mine = mine || s.ID == p.id

			o := w.peers[s.ID]
			if o.up && (o.lastTerm() < p.lastTerm() || o.lastTerm() == p.lastTerm() && len(o.log) <= len(p.log)) {
				votes++
			}
		}

		if mine && votes > voting/2 {
			able = append(able, p)
		}
	}

	if len(able) > 0 {
		w.lead(able[pick(len(able))])
	}
}

func (w *world) lead(p *peer) {
	term := uint64(0)
	for _, o := range w.peers {
		term = max(term, o.term)
	}

	p.term = term + 1
	p.log = append(slices.Clip(p.log), entry{term: p.term})
	w.leader, w.changed = p.id, w.now
	w.progress, w.leaving = map[segue.NodeID]voters.Progress{}, map[segue.NodeID]time.Time{}

	for _, o := range w.peers {
		o.contact = w.now
	}
}

// poll asks every node how far it is.
func (w *world) poll() {
	l := w.peers[w.leader]
	for _, s := range l.config() {
		p, before := w.peers[s.ID], w.progress[s.ID]

		switch {
		case p == l:
		case p.up:
			w.progress[s.ID] = w.cfg.Answered(before, voters.Progress{
				Heard: w.now, Commit: l.commit, Applied: p.applied, Contact: w.now.Sub(p.contact), Term: p.term,
			})
		default:
			w.progress[s.ID] = w.cfg.Unanswered(before)
		}
	}
}

// duties are what else the leader does: fences, wishes to leave, and farewells.
func (w *world) duties() {
	l := w.peers[w.leader]
	if n, up := w.upVoters(l.config()); up <= n/2 || l.commit < l.configIndex() {
		return
	}

	for _, p := range w.sorted(func(p *peer) bool { return !p.gone }) {
		m, member := w.table.Members[p.id]
		in := slices.ContainsFunc(l.config(), func(s voters.Server) bool { return s.ID == p.id })

		switch {
		case p.up && !p.asked.IsZero():
			if _, known := w.leaving[p.id]; !known {
				w.leaving[p.id] = w.now
			}

			if !in {
				if member {
					w.apply(ownership.Leave{Node: p.id, Inc: m.Inc})
				}

				p.up, p.gone, p.died = false, true, w.now
				delete(w.leaving, p.id)
			}
		case p.up, w.now.Sub(p.died) > stillLeaves:
			delete(w.leaving, p.id)
		}

		if member && !p.up && !m.Fenced && w.now.Sub(p.died) > fenceAfter {
			w.apply(ownership.Fence{Node: p.id, Inc: m.Inc, Reason: "lease"})
		}
	}
}
