package rollout

import (
	"cmp"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// plan gathers the moves of one step.
type plan struct {
	t  *ownership.Table
	ro *ownership.Rollout

	moves    []ownership.Move
	recalled []ownership.Move
	unheld   []segue.ShardID
	drained  bool // a drain brings shards to the release that is left
}

// with returns the shards that stand so to a release.
func (p *plan) with(release string, want standing) []segue.ShardID {
	var ids []segue.ShardID

	for i := range p.t.Shards {
		if standingOf(p.t, &p.t.Shards[i], release, p.ro.Since) == want {
			ids = append(ids, segue.ShardID(i))
		}
	}

	return ids
}

// recall takes assignments back.
func (p *plan) recall(ids []segue.ShardID) {
	for _, id := range ids {
		p.recalled = append(p.recalled, ownership.Move{Shard: id})
		p.unhold(id)
	}
}

// assign gives up to n of the shards to hosts. It takes from the most loaded
// first, so that those that give stay even as well.
func (p *plan) assign(ids []segue.ShardID, n int, hosts []segue.NodeID) {
	load := placement.LoadOf(p.t)
	for _, m := range p.recalled {
		load[placement.Holder(&p.t.Shards[m.Shard])]--
		load[p.t.Shards[m.Shard].Owner]++
	}

	byHolder := map[segue.NodeID][]segue.ShardID{}

	var givers []segue.NodeID

	for _, id := range ids {
		holder := placement.Holder(&p.t.Shards[id])
		if byHolder[holder] == nil {
			givers = append(givers, holder)
		}

		byHolder[holder] = append(byHolder[holder], id)
	}

	for ; n > 0 && len(givers) > 0; n-- {
		from := slices.MaxFunc(givers, func(a, b segue.NodeID) int {
			return cmp.Or(cmp.Compare(load[a], load[b]), slices.Compare(b[:], a[:]))
		})

		to, ok := load.Take(hosts)
		if !ok {
			return
		}

		id := byHolder[from][0]
		p.moves = append(p.moves, ownership.Move{Shard: id, To: to})
		p.unhold(id)

		load[from]--
		if byHolder[from] = byHolder[from][1:]; len(byHolder[from]) == 0 {
			givers = slices.DeleteFunc(givers, func(id segue.NodeID) bool { return id == from })
		}
	}
}

func (p *plan) unhold(id segue.ShardID) {
	if p.t.Shards[id].Hold.Reason != "" {
		p.unheld = append(p.unheld, id)
	}
}

func (p *plan) commands() []ownership.Command {
	var cmds []ownership.Command

	// Assignments come before the holds are lifted, so that no shard starts to
	// where it was assigned before.
	for _, moves := range [][]ownership.Move{p.recalled, p.moves} {
		if len(moves) > 0 {
			cmds = append(cmds, ownership.Assign{Moves: moves, Cause: ownership.CauseRollout, Rollout: p.ro.Revision})
		}
	}

	if len(p.unheld) > 0 {
		cmds = append(cmds, ownership.Unhold{Shards: p.unheld})
	}

	return cmds
}
