package cluster

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
	"github.com/segue-cluster/segue/cluster/rollout"
)

const (
	dutyEvery    = 50 * time.Millisecond  // between two looks at the table, if nothing wakes the leader
	dutyTimeout  = 5 * time.Second        // for one proposal of the leader
	recoverAfter = 200 * time.Millisecond // that the target of a dead source may read on
	placeAfter   = 5 * time.Second        // that a new cluster waits for the nodes that formed it
)

// leadWhenElected does the leader's work whenever this node leads, until ctx is
// done.
func (c *Cluster) leadWhenElected(ctx context.Context) {
	for {
		changed := c.raft.LeaderChanged()

		if c.raft.IsLeader() {
			c.lead(ctx)
		}

		c.refreshMeta()

		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// lead does the leader's work until this node does not lead any more.
func (c *Cluster) lead(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	stop := make(chan struct{})

	go func() {
		defer close(stop)
		c.whileLeading(ctx)
		cancel()
	}()

	defer func() { <-stop }()

	// Everything that a former leader did must be known before anything is
	// decided.
	if err := c.raft.Barrier(ctx); err != nil {
		return
	}

	c.leases.lead()
	defer c.leases.resign()

	c.cfg.Logger.InfoContext(ctx, "this node leads", "term", c.raft.Term())
	c.refreshMeta()

	c.forgetLeavers()

	var voting sync.WaitGroup

	voting.Go(func() { newVotersWork(c).run(ctx) })

	defer voting.Wait()
	defer cancel()

	w := &work{c: c, began: time.Now(), fenced: map[segue.NodeID]time.Time{}}
	tick := time.NewTicker(dutyEvery)

	defer tick.Stop()

	for {
		changed := c.machine.next()
		w.duties(ctx)

		select {
		case <-changed:
			if !pause(ctx, dutyEvery/10) { // let a burst of entries pass
				return
			}
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// whileLeading returns when this node does not lead any more.
func (c *Cluster) whileLeading(ctx context.Context) {
	for {
		changed := c.raft.LeaderChanged()

		if !c.raft.IsLeader() {
			return
		}

		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// work is what a leader keeps in mind between two looks at the table.
type work struct {
	c      *Cluster
	began  time.Time
	fenced map[segue.NodeID]time.Time // when this leader saw the fence first
}

// duties looks at the table once and proposes what follows from it. What a
// proposal changes is seen at the next look.
func (w *work) duties(ctx context.Context) {
	var cmds []ownership.Command

	w.c.machine.view(func(t *ownership.Table) {
		switch {
		case !t.Formed():
			cmds = []ownership.Command{w.c.genesis()}
		default:
			cmds = w.decide(t)
		}
	})

	for _, cmd := range cmds {
		ctx, cancel := context.WithTimeout(ctx, dutyTimeout)
		r, err := w.c.Propose(ctx, cmd)

		cancel()

		if err == nil {
			err = r.Err()
		}

		if err != nil && ctx.Err() == nil {
			w.c.cfg.Logger.WarnContext(ctx, "the leader's proposal had no effect", "command", cmd.Type(), "err", err)
		}
	}
}

// decide lists the commands that follow from the table and from what the leader
// knows about nodes. It reads no clock but that of the leases.
func (w *work) decide(t *ownership.Table) []ownership.Command {
	if cmds := w.fence(t); len(cmds) > 0 {
		return cmds
	}

	if cmds := w.recover(t); len(cmds) > 0 {
		return cmds
	}

	if cmds := w.place(t); len(cmds) > 0 {
		return cmds
	}

	if cmds := rollout.Step(t, time.Now().UnixMilli()); len(cmds) > 0 {
		return cmds
	}

	if cmds := w.drain(t); len(cmds) > 0 {
		return cmds
	}

	return w.dismiss(t)
}

// dismiss lets go of the nodes that asked for it and that raft does without.
func (w *work) dismiss(t *ownership.Table) []ownership.Command {
	var cmds []ownership.Command

	for id := range w.c.leavers() {
		if m, member := t.Members[id]; member && !w.c.inRaft(id) {
			cmds = append(cmds, ownership.Leave{Node: id, Inc: m.Inc})
		}
	}

	return cmds
}

// fence gives up the nodes that are dead or silent for too long.
func (w *work) fence(t *ownership.Table) []ownership.Command {
	var cmds []ownership.Command

	for _, id := range sorted(t.Members) {
		m := t.Members[id]
		if m.Fenced || id == w.c.id {
			continue
		}

		if reason, ok := w.c.leases.expired(&m, w.c.cfg.FenceAfter); ok {
			w.c.cfg.Logger.Warn("giving up a node", "node", m.Name, "id", id, "incarnation", m.Inc, "because", reason)
			cmds = append(cmds, ownership.Fence{Node: id, Inc: m.Inc, Reason: reason})
		}
	}

	return cmds
}

// recover finds a new owner for every shard whose owner was fenced.
func (w *work) recover(t *ownership.Table) []ownership.Command {
	var cmds []ownership.Command

	load := placement.LoadOf(t)

	for i := range t.Shards {
		id, s := segue.ShardID(i), &t.Shards[i]
		if s.Owner.IsZero() || t.Live(s.Owner, s.OwnerInc) {
			continue
		}

		if s.Session.ID != 0 && w.sinceFence(s.Owner) < recoverAfter {
			continue // what the source sent may still be on its way to the target
		}

		at, count := ownership.ShardEpoch{Shard: id, Epoch: s.Epoch}, w.c.leases.count(id)

		if heir, inc, ok := t.Heir(id); ok {
			cmds = append(cmds, ownership.Recover{Shard: at, To: heir, ToInc: inc, Known: count})

			continue
		}

		if to, ok := placement.Successor(t, id, load); ok {
			cmds = append(cmds, ownership.Reassign{Shard: at, To: to, ToInc: t.Members[to].Inc, Lost: count})
		}
	}

	return cmds
}

// sinceFence returns how long ago this leader saw that a node is fenced.
func (w *work) sinceFence(id segue.NodeID) time.Duration {
	if _, ok := w.fenced[id]; !ok {
		w.fenced[id] = time.Now()
	}

	return time.Since(w.fenced[id])
}

// place gives the shards of a new cluster to the nodes that formed it.
func (w *work) place(t *ownership.Table) []ownership.Command {
	if !slices.ContainsFunc(t.Shards, func(s ownership.Shard) bool { return s.Owner.IsZero() }) {
		return nil
	}

	hosts := placement.Hosts(t, placement.Any)
	if len(hosts) < int(t.Expect) && time.Since(w.began) < placeAfter {
		return nil
	}

	return placement.Place(t, hosts)
}

// drain moves shards off the nodes that give theirs away.
func (w *work) drain(t *ownership.Table) []ownership.Command {
	var cmds []ownership.Command

	for _, id := range sorted(t.Members) {
		cmds = append(cmds, placement.Drain(t, id)...)
	}

	return cmds
}

func sorted(members map[segue.NodeID]ownership.Member) []segue.NodeID {
	return slices.SortedFunc(maps.Keys(members), func(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) })
}
