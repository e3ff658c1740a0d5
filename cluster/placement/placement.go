package placement

import (
	"cmp"
	"maps"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// Load is the number of shards that a node has, or will have when every
// assignment was carried out.
type Load map[segue.NodeID]int

// LoadOf counts the shards of t by the node that should own them.
func LoadOf(t *ownership.Table) Load {
	load := Load{}

	for i := range t.Shards {
		if holder := Holder(&t.Shards[i]); !holder.IsZero() {
			load[holder]++
		}
	}

	return load
}

// Holder returns the node that will have the shard when its assignment was
// carried out: its owner, if it is assigned nowhere or held back. It is zero for
// a shard that nobody owns.
func Holder(s *ownership.Shard) segue.NodeID {
	if !s.Assigned.IsZero() && s.Hold.Reason == "" {
		return s.Assigned
	}

	return s.Owner
}

// Hosts returns the members that may receive shards and that accept accepts,
// in the order of their node ids.
func Hosts(t *ownership.Table, accept func(*ownership.Member) bool) []segue.NodeID {
	var hosts []segue.NodeID

	for id, m := range t.Members {
		if m.Hosting && !m.Fenced && !m.Draining && accept(&m) {
			hosts = append(hosts, id)
		}
	}

	slices.SortFunc(hosts, compare)

	return hosts
}

// Any accepts every member.
func Any(*ownership.Member) bool { return true }

// OfRelease accepts the members of a release.
func OfRelease(release string) func(*ownership.Member) bool {
	return func(m *ownership.Member) bool { return m.Release == release }
}

// Take returns the least loaded of hosts, the first of equals, and counts one
// more shard for it. It reports false if there is none.
func (l Load) Take(hosts []segue.NodeID) (segue.NodeID, bool) {
	if len(hosts) == 0 {
		return segue.NodeID{}, false
	}

	best := slices.MinFunc(hosts, func(a, b segue.NodeID) int { return cmp.Compare(l[a], l[b]) })
	l[best]++

	return best, true
}

// Place returns commands that give the shards that nobody ever owned to hosts.
func Place(t *ownership.Table, hosts []segue.NodeID) []ownership.Command {
	load := LoadOf(t)
	shards := map[segue.NodeID][]segue.ShardID{}

	for i := range t.Shards {
		if !t.Shards[i].Owner.IsZero() {
			continue
		}

		if to, ok := load.Take(hosts); ok {
			shards[to] = append(shards[to], segue.ShardID(i))
		}
	}

	var cmds []ownership.Command

	for _, to := range slices.SortedFunc(maps.Keys(shards), compare) {
		cmds = append(cmds, ownership.Place{Shards: shards[to], Node: to, Inc: t.Members[to].Inc})
	}

	return cmds
}

func compare(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) }
