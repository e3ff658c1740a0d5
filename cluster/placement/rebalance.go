package placement

import (
	"cmp"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// Rebalance returns the fewest moves after which the hosts of each release
// differ by at most one shard, as far as shards are free to move: those that
// are held, on their way, in a session or mirrored stay. No shard changes its
// release. There is nothing to rebalance while a rollout is active, since it
// moves shards itself.
func Rebalance(t *ownership.Table) []ownership.Command {
	if _, active := t.Active(); active {
		return nil
	}

	load, free := LoadOf(t), map[segue.NodeID][]segue.ShardID{}

	for i := range t.Shards {
		s := &t.Shards[i]
		if s.Assigned.IsZero() && s.Hold.Reason == "" && s.Session.ID == 0 && s.Mirror.Session == 0 && t.Live(s.Owner, s.OwnerInc) {
			free[s.Owner] = append(free[s.Owner], segue.ShardID(i))
		}
	}

	var moves []ownership.Move

	for _, release := range Releases(t) {
		hosts := Hosts(t, OfRelease(release))
		byLoad := func(a, b segue.NodeID) int { return cmp.Compare(load[a], load[b]) }

		for {
			givers := slices.DeleteFunc(slices.Clone(hosts), func(id segue.NodeID) bool { return len(free[id]) == 0 })
			to := slices.MinFunc(hosts, byLoad)

			if len(givers) == 0 {
				break
			}

			from := slices.MaxFunc(givers, byLoad)
			if load[from]-load[to] < 2 {
				break
			}

			moves = append(moves, ownership.Move{Shard: free[from][0], To: to})
			free[from] = free[from][1:]
			load[from]--
			load[to]++
		}
	}

	if len(moves) == 0 {
		return nil
	}

	return []ownership.Command{ownership.Assign{Moves: moves, Cause: ownership.CauseRebalance}}
}
