package consensus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// errRefused marks what raft refused for a reason that is not one of its
// sentinels.
var errRefused = errors.New("raft refuses")

// role is a node's place in the configuration.
type role uint8

const (
	absent role = iota
	nonvoter
	voter
)

// roleOf returns the role of a node, the number of voters, and the index of the
// configuration that says so.
func (r *Raft) roleOf(id segue.NodeID) (found role, voters int, index uint64) {
	list, index := r.fsm.configuration()

	for _, s := range list {
		mine := nonvoter
		if s.Suffrage == raft.Voter {
			mine = voter
			voters++
		}

		if s.ID == serverID(id) {
			found = mine
		}
	}

	return found, voters, index
}

// A request asks raft to change the configuration with index prev, and no other.
type request func(node *raft.Raft, prev uint64, enqueue time.Duration) raft.IndexFuture

// change makes the change that decide asks for in view of the configuration. If
// it asks for none, a barrier proves that the view is not an old one.
func (r *Raft) change(ctx context.Context, what string, id segue.NodeID,
	decide func(role role, voters int) (request, error),
) error {
	ctx, cancel := withDefaultWait(ctx)
	defer cancel()

	err := r.exclusively(ctx, func() error {
		if id.IsZero() {
			return fmt.Errorf("the id is zero: %w", segue.ErrBadRequest)
		}

		if !r.IsLeader() {
			return r.refuse()
		}

		req, prev, err := r.decide(id, decide)
		if err != nil || req != nil {
			return r.submit(ctx, req, prev, err)
		}

		if err := r.Barrier(ctx); err != nil {
			return err
		}

		req, prev, err = r.decide(id, decide)
		if err != nil || req != nil {
			return r.submit(ctx, req, prev, err)
		}

		return nil
	})
	if err != nil {
		return fmt.Errorf("%s node %s: %w", what, id, err)
	}

	return nil
}

// refuse returns why a node that does not lead cannot do something.
func (r *Raft) refuse() error {
	node, err := r.enter()
	if err != nil {
		return err
	}

	defer r.leave()

	return notLeader(node)
}

func (r *Raft) decide(id segue.NodeID, decide func(role role, voters int) (request, error)) (request, uint64, error) {
	role, voters, index := r.roleOf(id)
	if index == 0 {
		return nil, 0, fmt.Errorf("no configuration is known: %w", &NotLeaderError{})
	}

	req, err := decide(role, voters)

	return req, index, err
}

// submit asks raft for the change, unless it was refused with err.
func (r *Raft) submit(ctx context.Context, req request, prev uint64, err error) error {
	if err != nil {
		return err
	}

	_, err = call(ctx, r, func(node *raft.Raft, enqueue time.Duration) (struct{}, error) {
		return struct{}{}, refusal(req(node, prev, enqueue).Error())
	})

	return err
}

// refusal marks the errors by which raft refuses a change, which are all that
// are not its sentinels and not of the store.
func refusal(err error) error {
	if err == nil {
		return nil
	}

	for _, known := range []error{
		raft.ErrNotLeader, raft.ErrLeadershipLost, raft.ErrRaftShutdown, raft.ErrEnqueueTimeout,
		raft.ErrLeadershipTransferInProgress, raft.ErrAbortedByRestore, ErrDisk, ErrStalled, ErrDamaged, errClosed,
	} {
		if errors.Is(err, known) {
			return err
		}
	}

	if strings.HasPrefix(err.Error(), "configuration changed since") {
		return fmt.Errorf("%w: %w: %w", errRefused, segue.ErrRetry, err)
	}

	return fmt.Errorf("%w: %w: %w", errRefused, segue.ErrRefused, err)
}

// exclusively runs fn while no other change of the configuration is made here.
func (r *Raft) exclusively(ctx context.Context, fn func() error) error {
	select {
	case r.changing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("another change is under way: %w: %w", segue.ErrRetry, context.Cause(ctx))
	}

	defer func() { <-r.changing }()

	return fn()
}
