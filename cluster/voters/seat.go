package voters

import (
	"cmp"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// fate is what will become of a node.
type fate uint8

const (
	stays  fate = iota + 1
	leaves      // asked to leave, and answers
	absent      // fenced, but may come back with its log
	gone        // fenced without a log, left, or silent after it asked to leave
)

// seat is a node with all that matters about it.
type seat struct {
	id     segue.NodeID
	voter  bool
	member ownership.Member // the zero Member if the table does not know it
	fate   fate

	live   bool // follows, knows the configuration, and is not fenced
	silent bool // does not answer, or not through raft
	ready  bool // may get a vote
	unsure bool // has not applied the configuration yet, and still has time to
	near   bool // could lead
}

// council is a view, understood.
type council struct {
	cfg     Config
	view    *View
	heading string
	wanted  int

	leader   seat
	voters   []seat // the leader included
	others   []seat // nonvoters
	newcomer []seat // members that are not in the configuration
}

func (c Config) council(v *View) *council {
	k := &council{cfg: c, view: v, heading: placement.Heading(v.Table), wanted: odd(v.Wanted)}
	known := map[segue.NodeID]bool{}

	for _, s := range v.Servers {
		known[s.ID] = true

		switch seat := k.seat(s); {
		case seat.voter && s.ID == v.Leader:
			k.leader = seat
			k.voters = append(k.voters, seat)
		case seat.voter:
			k.voters = append(k.voters, seat)
		default:
			k.others = append(k.others, seat)
		}
	}

	for id, m := range v.Table.Members {
		if _, leaving := v.Leaving[id]; !known[id] && !m.Fenced && !leaving {
			k.newcomer = append(k.newcomer, k.seat(Server{ID: id}))
		}
	}

	for _, seats := range [][]seat{k.voters, k.others, k.newcomer} {
		slices.SortFunc(seats, k.compare)
	}

	return k
}

func (k *council) seat(s Server) seat {
	v, cfg, p := k.view, k.cfg, k.view.Progress[s.ID]
	x := seat{id: s.ID, voter: s.Voter, member: v.Table.Members[s.ID]}

	if s.ID == v.Leader {
		x.fate = k.fate(x)
		x.live, x.near = !x.member.Fenced, true

		return x
	}

	behind := p.Applied < v.ConfigIndex
	late := behind && v.Now.Sub(v.Changed) > cfg.Confirm
	follows := cfg.follows(p) && p.Missed == 0 && v.Now.Sub(p.Heard) < cfg.MaxContact

	x.silent = p.Missed >= cfg.MaxMissed || p.Contact >= cfg.MaxContact || late && s.Voter
	x.fate = k.fate(x)
	x.live = follows && !behind && !x.member.Fenced
	x.unsure = behind && !late && !x.silent
	x.near = x.live && p.Term == v.Term
	x.ready = follows && p.Term == v.Term && !p.Stable.IsZero() && v.Now.Sub(p.Stable) >= cfg.MinStable

	return x
}

func (k *council) fate(x seat) fate {
	v, p := k.view, k.view.Progress[x.id]
	asked, leaving := v.Leaving[x.id]
	_, known := v.Table.Members[x.id]
	since := slices.MaxFunc([]time.Time{p.Heard, v.Changed, asked}, time.Time.Compare)

	switch {
	case leaving && (x.silent || x.member.Fenced):
		return gone
	case leaving:
		return leaves
	case x.member.Fenced && x.member.Durable:
		return absent
	case x.member.Fenced:
		return gone
	case known:
		return stays
	case !x.voter: // it was a member, or it would not have been added
		return gone
	case x.silent && v.Now.Sub(since) > k.cfg.Forget:
		return gone
	}

	return stays // it formed the cluster and has not joined yet
}

// compare puts the node first that should rather vote: one that is not about to
// go, one of the release that will stay, a keeper, one with a log that survives.
func (k *council) compare(a, b seat) int {
	return cmp.Or(
		first(!a.member.Draining, !b.member.Draining),
		first(k.modern(a), k.modern(b)),
		first(!a.member.Hosting, !b.member.Hosting),
		first(a.member.Durable, b.member.Durable),
		slices.Compare(a.id[:], b.id[:]),
	)
}

// modern reports whether a node is of the release that will stay. Keepers have
// no part in releases.
func (k *council) modern(x seat) bool {
	return x.member.Release == k.heading || !x.member.Node.IsZero() && !x.member.Hosting
}

func first(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return +1
	}

	return 0
}

func (x *seat) name() string {
	if x.member.Name != "" {
		return x.member.Name
	}

	return x.id.String()
}
