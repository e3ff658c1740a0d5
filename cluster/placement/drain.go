package placement

import (
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// Drain returns the commands that a draining node still needs, none if it is
// not draining.
//
// What the node owns goes to the newest release that has a host, its own if
// nothing newer is there. During a rollout that goes forward it goes to a peer
// of the same release, so that the rollout's stages keep their share; to the new
// release only if no other is left. What is on its way to any node that may
// receive shards stays on its way.
//
// A shard that is held back could not change its release: it is tried once with
// a peer of the same release, where nothing is transformed, and otherwise stays.
// What is on its way to the draining node is taken back; a rollout assigns it
// again.
func Drain(t *ownership.Table, node segue.NodeID) []ownership.Command {
	m := t.Members[node]
	if !m.Draining || m.Fenced {
		return nil
	}

	d := drain{
		t: t, load: LoadOf(t), any: Hosts(t, Any), peers: Hosts(t, OfRelease(m.Release)), refuge: refuge(t, m.Release),
	}

	for i := range t.Shards {
		id, s := segue.ShardID(i), &t.Shards[i]

		switch {
		case s.Owner == node && s.OwnerInc != m.Inc:
			// It died with a former start of the node.
		case s.Owner == node && s.Hold.Reason != "":
			d.held(id, s)
		case s.Owner == node && !slices.Contains(d.any, s.Assigned):
			d.move(id, d.refuge)
		case s.Owner != node && s.Assigned == node && !t.Members[s.Owner].Draining:
			d.back = append(d.back, ownership.Move{Shard: id})
		}
	}

	return d.commands()
}

// drain gathers the moves off one node.
type drain struct {
	t                  *ownership.Table
	load               Load
	any, peers, refuge []segue.NodeID

	// own are moves that the active rollout wants as well, and counts.
	own, other, back []ownership.Move
	free             []segue.ShardID
}

func (d *drain) move(id segue.ShardID, hosts []segue.NodeID) {
	to, ok := d.load.Take(hosts)
	if !ok {
		return
	}

	s := &d.t.Shards[id]
	move := ownership.Move{Shard: id, To: to}
	release := d.t.Members[to].Release

	if ro, active := d.t.Active(); active && release == direction(ro) && release != d.t.Members[s.Owner].Release {
		d.own = append(d.own, move)
	} else {
		d.other = append(d.other, move)
	}
}

// held moves a shard to a peer, unless that was tried before.
func (d *drain) held(id segue.ShardID, s *ownership.Shard) {
	if len(d.peers) > 0 && !slices.Contains(d.peers, s.Assigned) {
		d.move(id, d.peers)
		d.free = append(d.free, id)
	}
}

func (d *drain) commands() []ownership.Command {
	var cmds []ownership.Command

	if ro, ok := d.t.Active(); ok && len(d.own) > 0 {
		cmds = append(cmds, ownership.Assign{Moves: d.own, Cause: ownership.CauseDrain, Rollout: ro.Revision})
	}

	for _, moves := range [][]ownership.Move{d.other, d.back} {
		if len(moves) > 0 {
			cmds = append(cmds, ownership.Assign{Moves: moves, Cause: ownership.CauseDrain})
		}
	}

	if len(d.free) > 0 {
		cmds = append(cmds, ownership.Unhold{Shards: d.free})
	}

	return cmds
}
