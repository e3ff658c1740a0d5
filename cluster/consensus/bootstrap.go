package consensus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// Bootstrap makes ids, this node among them, the voters of a new cluster. It is
// called on one of them, once in the life of the cluster, before or during Run;
// the others only run. It refuses with [segue.ErrRefused] if the store has any
// state. It waits until ctx ends or, without a deadline, for [DefaultWait]. After
// that and after any other error, ask [Raft.HasState] what was done.
func (r *Raft) Bootstrap(ctx context.Context, ids []segue.NodeID) error {
	c, err := r.founders(ids)
	if err == nil {
		ctx, cancel := withDefaultWait(ctx)
		defer cancel()

		err = r.exclusively(ctx, func() error { return r.bootstrap(ctx, c) })
	}

	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}

	return nil
}

// founders returns the first configuration.
func (r *Raft) founders(ids []segue.NodeID) (raft.Configuration, error) {
	var c raft.Configuration

	if !slices.Contains(ids, r.self) {
		return c, fmt.Errorf("this node, %s, is not among the voters: %w", r.self, segue.ErrBadRequest)
	}

	seen := map[segue.NodeID]bool{{}: true}

	for _, id := range ids {
		if seen[id] {
			return c, fmt.Errorf("node %s is zero or named twice: %w", id, segue.ErrBadRequest)
		}

		seen[id] = true
		c.Servers = append(c.Servers, raft.Server{Suffrage: raft.Voter, ID: serverID(id), Address: address(id)})
	}

	return c, nil
}

func (r *Raft) bootstrap(ctx context.Context, c raft.Configuration) error {
	if r.HasState() {
		return fmt.Errorf("the store has state already: %w", segue.ErrRefused)
	}

	switch r.advance(idle, founding) {
	case idle:
		defer r.advance(founding, idle)

		return r.bootstrapStore(c)
	case running:
		return r.bootstrapLive(ctx, c)
	case founding, starting:
		return fmt.Errorf("the node is starting: %w", segue.ErrRetry)
	case draining, stopped:
	}

	return fmt.Errorf("%w: %w", segue.ErrRetry, segue.ErrStopping)
}

// bootstrapStore writes the first configuration to the store of a node that
// does not run.
func (r *Raft) bootstrapStore(c raft.Configuration) error {
	s := r.cfg.Store

	err := raft.BootstrapCluster(r.cfg.raftConfig(), s.logs, s.stable, s.snaps, nil, c)
	if err != nil {
		return bootstrapError(err)
	}

	return r.recall()
}

// bootstrapLive lets raft do it.
func (r *Raft) bootstrapLive(ctx context.Context, c raft.Configuration) error {
	node, err := r.enter()
	if err != nil {
		return err
	}

	_, err = wait(ctx, r, func() (struct{}, error) {
		return struct{}{}, bootstrapError(node.BootstrapCluster(c).Error())
	})

	return err
}

func bootstrapError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrCantBootstrap):
		return fmt.Errorf("%w: %w", segue.ErrRefused, err)
	case errors.Is(err, raft.ErrRaftShutdown):
		return fmt.Errorf("%w: %w", segue.ErrRetry, segue.ErrStopping)
	}

	return fmt.Errorf("%w: %w", segue.ErrOutcomeUnknown, err)
}
