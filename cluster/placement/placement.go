// Package placement decides on which nodes shards should be: at the formation
// of a cluster, when a node gives its shards away, and when one died.
//
// Its functions are pure: they read a table and return moves. They promise that
// equal tables give equal moves, that no move goes to a node that is fenced,
// draining or hosts nothing, and that the load of the chosen nodes ends up as
// even as the moves allow. They do not know what a shard weighs.
package placement

import (
	"cmp"
	"maps"
	"slices"

	"github.com/Masterminds/semver/v3"

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
		if s := &t.Shards[i]; !s.Assigned.IsZero() && s.Hold.Reason == "" {
			load[s.Assigned]++
		} else if !s.Owner.IsZero() {
			load[s.Owner]++
		}
	}

	return load
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

	slices.SortFunc(hosts, func(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) })

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

	for _, to := range sortedNodes(shards) {
		cmds = append(cmds, ownership.Place{Shards: shards[to], Node: to, Inc: t.Members[to].Inc})
	}

	return cmds
}

// Drain returns the moves that a draining node still needs: what it owns and
// what is on its way to it goes to the newest release that has a host, its own
// if nothing newer is there.
func Drain(t *ownership.Table, node segue.NodeID) []ownership.Move {
	hosts := Newest(t)
	load := LoadOf(t)

	var moves []ownership.Move

	for i := range t.Shards {
		s := &t.Shards[i]
		stays := s.Owner == node && (s.Assigned.IsZero() || !slices.Contains(hosts, s.Assigned))

		if !stays && s.Assigned != node {
			continue
		}

		if to, ok := load.Take(hosts); ok && to != s.Assigned {
			moves = append(moves, ownership.Move{Shard: segue.ShardID(i), To: to})
		}
	}

	return moves
}

// Newest returns the hosts of the newest release. While a rollout is active
// that is the one that it goes to, or back to.
func Newest(t *ownership.Table) []segue.NodeID {
	if ro, ok := t.Active(); ok {
		release := ro.To
		if ro.Phase == ownership.RollingBack || ro.Phase == ownership.Aborting {
			release = ro.From
		}

		if hosts := Hosts(t, OfRelease(release)); len(hosts) > 0 {
			return hosts
		}
	}

	releases := Releases(t)
	if len(releases) == 0 {
		return nil
	}

	return Hosts(t, OfRelease(releases[0]))
}

// Releases returns the releases of the hosts of t, the newest first. What is
// not a semantic version counts as older than what is.
func Releases(t *ownership.Table) []string {
	found := map[string]bool{}
	for _, id := range Hosts(t, Any) {
		found[t.Members[id].Release] = true
	}

	return slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		va, errA := semver.NewVersion(a)
		vb, errB := semver.NewVersion(b)

		switch {
		case errA == nil && errB == nil && va.Compare(vb) != 0:
			return vb.Compare(va)
		case errA == nil && errB != nil:
			return -1
		case errA != nil && errB == nil:
			return +1
		}

		return cmp.Compare(b, a)
	})
}

// Successor returns the host that gets a shard whose state died with its
// owner: one of the same release if there is one, any other if not.
func Successor(t *ownership.Table, shard segue.ShardID, load Load) (segue.NodeID, bool) {
	dead := t.Members[t.Shards[shard].Owner]

	hosts := Hosts(t, OfRelease(dead.Release))
	if len(hosts) == 0 {
		hosts = Newest(t)
	}

	return load.Take(hosts)
}

func sortedNodes[V any](m map[segue.NodeID]V) []segue.NodeID {
	return slices.SortedFunc(maps.Keys(m), func(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) })
}
