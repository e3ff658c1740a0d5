package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// ErrNobody is returned by [Cluster.Leave] when there is no node that could
// take what this one has. Leaving would lose it.
var ErrNobody = errors.New("no other node can take over")

const (
	leaveEvery = 100 * time.Millisecond // between two requests to be let go
	aloneAfter = 2 * time.Second        // without another node that stays
)

// Leave gives everything away that this node owns and waits until the cluster
// goes on without it: another node votes in its place, if it voted, and it is
// neither in raft's configuration nor a member. It takes as long as the
// handoffs take. The node may be stopped when it returns nil.
func (c *Cluster) Leave(ctx context.Context) error {
	inc := c.Inc()
	if inc == 0 {
		return nil
	}

	c.stopping.Store(true)
	c.refreshMeta()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	stop := make(chan struct{})

	go func() {
		defer close(stop)
		c.watchForOthers(ctx, cancel)
	}()

	defer func() { <-stop }()
	defer cancel(nil)

	if err := c.leave(ctx, inc); err != nil {
		if errors.Is(err, ErrNobody) || errors.Is(context.Cause(ctx), ErrNobody) {
			return ErrNobody
		}

		return fmt.Errorf("leave: %w", err)
	}

	return nil
}

// leave drains this node and asks until the cluster has let it go.
func (c *Cluster) leave(ctx context.Context, inc segue.Incarnation) error {
	if _, err := c.Propose(ctx, ownership.Drain{Node: c.id, Inc: inc, On: true}); err != nil {
		return err
	}

	c.refreshMeta()

	if err := c.drained(ctx); err != nil {
		return err
	}

	for {
		why := c.askToLeave(ctx, inc)

		switch {
		case why == nil:
			return nil
		case !c.someoneStays():
			return ErrNobody
		}

		if !pause(ctx, leaveEvery) {
			return why
		}
	}
}

// watchForOthers cancels the leave with [ErrNobody] when every other node has
// gone, or is stopping too, for so long that it is no accident: without them
// there may never be a leader again.
func (c *Cluster) watchForOthers(ctx context.Context, cancel context.CancelCauseFunc) {
	last := time.Now()

	for pause(ctx, leaveEvery) {
		if c.othersStay() {
			last = time.Now()
		} else if time.Since(last) > aloneAfter {
			cancel(ErrNobody)
		}
	}
}

// othersStay reports whether gossip knows a node that is not stopping: one that
// is live, or one that failed so lately that it may only be cut off.
func (c *Cluster) othersStay() bool {
	return slices.ContainsFunc(c.gossip.Members(), func(m gossip.Member) bool {
		stopping := m.Meta.Flags&(gossip.FlagStopping|gossip.FlagLeaving) != 0 || m.Status == gossip.StatusLeaving
		back := m.Status == gossip.StatusFailed && time.Since(m.Since) < c.cfg.FenceAfter

		return !m.Self && !stopping && (m.Status.Live() || back)
	})
}

// askToLeave returns nil when the cluster has forgotten this node, and else why
// it has not.
func (c *Cluster) askToLeave(ctx context.Context, inc segue.Incarnation) error {
	leader, err := c.findLeader(ctx)
	if err != nil {
		return err
	}

	var r leaveBody
	if err := c.ask(ctx, leader, opLeave, &nodeBody{Node: c.id, Inc: inc}, &r); err != nil {
		return err
	}

	if !r.Gone {
		return errors.New(r.Why)
	}

	return nil
}

// someoneStays reports whether there is a node that goes on without this one.
func (c *Cluster) someoneStays() bool {
	stays := false

	c.machine.view(func(t *ownership.Table) {
		for id, m := range t.Members {
			stays = stays || id != c.id && !m.Fenced && !m.Draining
		}
	})

	return stays
}

// drained waits until this node owns nothing and no session concerns it.
func (c *Cluster) drained(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	err := c.machine.until(ctx, func(t *ownership.Table) bool {
		busy, mine := false, false

		for i := range t.Shards {
			s := &t.Shards[i]
			mine = mine || s.Owner == c.id
			busy = busy || s.Owner == c.id || s.Session.ID != 0 && (s.Session.From == c.id || s.Session.To == c.id)
		}

		if mine && len(placement.Hosts(t, placement.Any)) == 0 {
			cancel(ErrNobody)
		}

		return !busy
	})
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}

	return nil
}

// release lets a node go, as far as that is possible now. It runs on the
// leader and does nothing by itself but to remember the wish: the leader's loop
// replaces the node's vote and removes it.
func (c *Cluster) release(node segue.NodeID, inc segue.Incarnation) (*leaveBody, error) {
	if !c.raft.IsLeader() {
		return nil, segue.ErrNoLeader
	}

	member := false
	c.machine.view(func(t *ownership.Table) { member = t.Members[node].Inc == inc })
	inRaft := c.inRaft(node)

	c.leaveMu.Lock()
	defer c.leaveMu.Unlock()

	if !member && !inRaft {
		delete(c.leaving, node)

		return &leaveBody{Gone: true}, nil
	}

	if _, asked := c.leaving[node]; !asked {
		c.leaving[node] = time.Now()
	}

	return &leaveBody{Why: fmt.Sprintf("member: %v, in raft: %v", member, inRaft)}, nil
}

// inRaft reports whether a node is in raft's configuration, or may be.
func (c *Cluster) inRaft(node segue.NodeID) bool {
	servers, _, err := c.raft.Servers()

	return err != nil || slices.ContainsFunc(servers, func(s consensus.Server) bool { return s.ID == node })
}

// leavers returns the nodes that asked this leader to leave, with the time of
// their first request.
func (c *Cluster) leavers() map[segue.NodeID]time.Time {
	c.leaveMu.Lock()
	defer c.leaveMu.Unlock()

	return maps.Clone(c.leaving)
}

// forgetLeavers begins a leadership: whoever wants to leave asks again.
func (c *Cluster) forgetLeavers() {
	c.leaveMu.Lock()
	defer c.leaveMu.Unlock()

	clear(c.leaving)
}
