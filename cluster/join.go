package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/deathwatch"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/ownership"
)

const (
	enterEvery = 100 * time.Millisecond // between two tries to get into a cluster
	askTimeout = 2 * time.Second        // for one request to another node on the way in
)

// enter makes this node a member: of the cluster that its seeds lead to, or of
// a new one, if every node that is expected is there and none belongs to one.
// A join that fails is tried again for ever; it never forms a cluster.
func (c *Cluster) enter(ctx context.Context) error {
	for {
		err := c.tryEnter(ctx)
		c.wait(ctx, err)

		switch {
		case err == nil:
			c.cfg.Logger.InfoContext(ctx, "joined", "incarnation", c.inc.Load())
			c.refreshMeta()

			return nil
		case errors.Is(err, segue.ErrDuplicateName), errors.Is(err, segue.ErrFenced), errors.Is(err, segue.ErrUnsupported):
			return err
		}

		if !pause(ctx, enterEvery) {
			return nil
		}
	}
}

func (c *Cluster) tryEnter(ctx context.Context) error {
	if err := c.checkName(ctx); err != nil {
		return err
	}

	if c.raft.HasState() {
		return c.join(ctx)
	}

	peers := c.gossip.Members()

	formed := slices.ContainsFunc(peers, func(m gossip.Member) bool {
		return !m.Self && m.Status.Live() && !m.Meta.Flags.Has(gossip.FlagVirgin)
	})

	switch {
	case formed:
		return c.join(ctx)
	case c.cfg.Expect > 0:
		return c.form(ctx, peers)
	}

	if why := c.alone(ctx); why != nil {
		return fmt.Errorf("no node of a cluster was found: %w", why)
	}

	if c.gossip.Joined() {
		return errors.New("the nodes that were met belong to no cluster yet")
	}

	return errors.New("no node of a cluster was found")
}

// checkName ends the newcomer if another live node has its name: whoever is
// there first answers.
func (c *Cluster) checkName(ctx context.Context) error {
	for _, d := range c.gossip.Duplicates() {
		for _, m := range d.Members {
			if m.Self || m.Name != c.cfg.Name || m.Node == c.id || m.Start > c.start && m.Meta.Flags.Has(gossip.FlagVirgin) {
				continue
			}

			s, err := c.statusOf(ctx, m.Node)
			if err == nil && s.Node == m.Node {
				return fmt.Errorf("node %s at %s is called %s as well; give this node another name, for instance by its port: %w",
					m.Node, m.GossipAddr, c.cfg.Name, segue.ErrDuplicateName)
			}
		}
	}

	return nil
}

func (c *Cluster) statusOf(ctx context.Context, id segue.NodeID) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()

	var s Status

	err := c.ask(ctx, id, opStatus, &struct{}{}, &s)

	return s, err
}

// form makes a new cluster of the expected nodes: the one with the smallest id
// does, after each of the others said itself that it belongs to none.
func (c *Cluster) form(ctx context.Context, peers []gossip.Member) error {
	ids := []segue.NodeID{c.id}

	for _, m := range peers {
		if m.Self || !m.Status.Live() {
			continue
		}

		if m.Meta.Expect != 0 && int(m.Meta.Expect) != c.cfg.Expect {
			return fmt.Errorf("this node expects %d nodes, node %s expects %d: %w", c.cfg.Expect, m.Name, m.Meta.Expect, errExpect)
		}

		if m.Meta.Expect != 0 {
			ids = append(ids, m.Node)
		}
	}

	slices.SortFunc(ids, func(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) })

	switch {
	case len(ids) < c.cfg.Expect:
		err := fmt.Errorf("%d of %d expected nodes are there", len(ids), c.cfg.Expect)
		if why := c.alone(ctx); why != nil {
			err = fmt.Errorf("%w; %w", err, why)
		}

		return err
	case len(ids) > c.cfg.Expect:
		return fmt.Errorf("%d nodes are there that form a cluster, %d are expected: start the others without expect", len(ids), c.cfg.Expect)
	case ids[0] != c.id:
		return fmt.Errorf("waiting for node %s to form the cluster", ids[0])
	}

	for _, id := range ids[1:] {
		s, err := c.statusOf(ctx, id)
		if err != nil {
			return fmt.Errorf("node %s does not answer: %w", id, err)
		}

		if !s.Virgin || (s.Cluster != ownership.ClusterID{}) {
			return fmt.Errorf("node %s belongs to a cluster already", id)
		}
	}

	if err := c.raft.Bootstrap(ctx, ids); err != nil {
		return fmt.Errorf("form: %w", err)
	}

	c.cfg.Logger.InfoContext(ctx, "formed a cluster", "nodes", len(ids))

	return errors.New("waiting for the new cluster")
}

// join asks the leader to let this node in and waits until its own log shows
// it.
func (c *Cluster) join(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, 5*askTimeout)
	defer cancel()

	leader, err := c.findLeader(ask)
	if err != nil {
		if why := c.alone(ctx); why != nil {
			err = fmt.Errorf("%w; %w", err, why)
		}

		return err
	}

	req := ownership.Join{
		Node: c.id, Start: c.start, Name: c.cfg.Name.String(), Release: c.cfg.Name.Release, Addrs: c.addrs(),
		MaxLevel: ownership.MaxLevel, Hosting: !c.cfg.Keeper, Durable: c.store.Durable(),
	}
	if c.lock != nil {
		req.Host = deathwatch.BootID()
	}

	var inc segue.Incarnation
	if err := c.ask(ask, leader, opJoin, &req, &inc); err != nil {
		return fmt.Errorf("join: %w", err)
	}

	err = c.machine.until(ask, func(t *ownership.Table) bool { return t.Members[c.id].Inc >= inc })
	if err != nil {
		return fmt.Errorf("join: the log does not come: %w", err)
	}

	if err := c.store.SetIncarnation(inc); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}

	c.inc.Store(uint64(inc))
	close(c.entered)

	return nil
}

func (c *Cluster) addrs() ownership.Addrs {
	a := c.cfg.Addrs

	for _, m := range c.gossip.Members() {
		if m.Self {
			a.Gossip, a.Data = m.GossipAddr.String(), m.DataAddr
		}
	}

	return a
}

// findLeader returns the leader as this node's raft or one of the others knows
// it.
func (c *Cluster) findLeader(ctx context.Context) (segue.NodeID, error) {
	if id, ok := c.raft.Leader(); ok {
		return id, nil
	}

	for _, m := range c.gossip.Members() {
		if m.Self || !m.Status.Live() || m.Meta.Flags.Has(gossip.FlagVirgin) {
			continue
		}

		if s, err := c.statusOf(ctx, m.Node); err == nil && !s.Leader.IsZero() {
			return s.Leader, nil
		}
	}

	return segue.NodeID{}, segue.ErrNoLeader
}

// admit lets a node in. It runs on the leader.
func (c *Cluster) admit(ctx context.Context, req ownership.Join) (*segue.Incarnation, error) {
	if !c.raft.IsLeader() {
		return nil, segue.ErrNoLeader
	}

	if err := c.nameTaken(ctx, req); err != nil {
		return nil, err
	}

	if err := c.raft.AddNonvoter(ctx, req.Node); err != nil {
		return nil, fmt.Errorf("add to raft: %w", err)
	}

	r, err := c.Propose(ctx, req)
	if err != nil {
		return nil, err
	}

	if err := r.Err(); err != nil {
		return nil, err
	}

	return &r.Incarnation, nil
}

// nameTaken refuses a node whose name another one holds: one that answers, or
// one that is silent but not given up yet.
func (c *Cluster) nameTaken(ctx context.Context, req ownership.Join) error {
	var holder ownership.Member

	c.machine.view(func(t *ownership.Table) {
		for _, m := range t.Members {
			if m.Name == req.Name && m.Node != req.Node && !m.Fenced {
				holder = m
			}
		}
	})

	if holder.Node.IsZero() {
		return nil
	}

	if s, err := c.statusOf(ctx, holder.Node); err == nil && s.Node == holder.Node || c.leases.leased(&holder) {
		return fmt.Errorf("node %s at %s is called %s as well; give this node another name, for instance by its port: %w",
			holder.Node, holder.Addrs.Gossip, req.Name, segue.ErrDuplicateName)
	}

	return fmt.Errorf("the former holder of the name %s, node %s, does not answer and is not given up yet: %w",
		req.Name, holder.Node, segue.ErrRetry)
}

// genesis is the first entry of a new cluster.
func (c *Cluster) genesis() ownership.Genesis {
	g := ownership.Genesis{
		Cluster: c.cfg.Keys.Cluster(), Generation: 1, Shards: c.cfg.Shards, Hash: ownership.ShardHash,
		Expect: uint8(max(c.cfg.Expect, 1)), //nolint:gosec // validated to be at most 5
	}

	_, _ = rand.Read(g.ID[:]) // never fails

	return g
}

// Greet makes sure that a node has introduced itself to this one.
func (c *Cluster) Greet(ctx context.Context, id segue.NodeID) error {
	_, err := c.statusOf(ctx, id)

	return err
}
