package consensus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// DefaultWait is the deadline of a call whose ctx has none.
const DefaultWait = 10 * time.Second

// applied is what a future of raft gives.
type applied struct {
	index  uint64
	result any
}

// Propose appends data, of 1 to [MaxProposal] bytes, to the log and waits until
// this node has applied it. It returns the index of the entry and what the
// machine returned. It copies data.
//
// See the package's documentation for the three outcomes. After
// [segue.ErrOutcomeUnknown] the entry may be applied later, so a proposal that
// is made again must be recognized by the machine.
func (r *Raft) Propose(ctx context.Context, data []byte) (index uint64, result any, err error) {
	switch {
	case len(data) == 0:
		return 0, nil, fmt.Errorf("propose: the entry is empty: %w", segue.ErrBadRequest)
	case len(data) > MaxProposal:
		return 0, nil, fmt.Errorf("propose: the entry has %d bytes, want at most %d: %w", len(data), MaxProposal, segue.ErrTooLarge)
	}

	data = slices.Clone(data)

	out, err := call(ctx, r, func(node *raft.Raft, enqueue time.Duration) (applied, error) {
		f := node.Apply(data, enqueue)
		if err := f.Error(); err != nil {
			return applied{}, err //nolint:wrapcheck // translate wants it as it is
		}

		return applied{f.Index(), f.Response()}, nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("propose: %w", err)
	}

	return out.index, out.result, nil
}

// Barrier writes an entry to the log and waits until this node has applied all
// entries before it. Nil proves that this node was the leader when the call had
// begun, and that its state has everything that was done before. The three
// outcomes are those of Propose; there is no harm in an unknown one.
func (r *Raft) Barrier(ctx context.Context) error {
	_, err := call(ctx, r, func(node *raft.Raft, enqueue time.Duration) (struct{}, error) {
		return struct{}{}, node.Barrier(enqueue).Error()
	})
	if err != nil {
		return fmt.Errorf("barrier: %w", err)
	}

	return nil
}

// call runs fn, which asks the leader's raft for something, until ctx ends. Raft
// may take as long as enqueue to accept the request.
func call[T any](ctx context.Context, r *Raft, fn func(node *raft.Raft, enqueue time.Duration) (T, error)) (T, error) {
	var zero T

	ctx, cancel := withDefaultWait(ctx)
	defer cancel()

	if ctx.Err() != nil {
		return zero, fmt.Errorf("%w: %w", segue.ErrRetry, context.Cause(ctx))
	}

	node, err := r.enter()
	if err != nil {
		return zero, err
	}

	if node.State() != raft.Leader {
		r.leave()

		return zero, notLeader(node)
	}

	deadline, _ := ctx.Deadline()
	enqueue := min(max(time.Until(deadline), time.Millisecond), DefaultWait)

	return wait(ctx, r, func() (T, error) {
		v, err := fn(node, enqueue)

		return v, translate(node, err)
	})
}

// wait runs fn until ctx ends. It runs on a goroutine of its own, since raft's
// futures know no ctx. The caller has entered; Run waits until fn has left.
func wait[T any](ctx context.Context, r *Raft, fn func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}

	ended := make(chan outcome, 1)

	go func() {
		defer r.leave()

		v, err := fn()
		ended <- outcome{v, err}
	}()

	var zero T

	select {
	case out := <-ended:
		return out.value, out.err
	case <-r.cfg.Store.failed(): // raft may never answer
		return zero, fmt.Errorf("%w: %w", segue.ErrOutcomeUnknown, r.cfg.Store.failure())
	case <-ctx.Done():
		return zero, fmt.Errorf("%w: %w", segue.ErrOutcomeUnknown, context.Cause(ctx))
	}
}

func withDefaultWait(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}

	return context.WithTimeout(ctx, DefaultWait)
}

// enter counts a call, if the node runs.
func (r *Raft) enter() (*raft.Raft, error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	switch r.phase {
	case idle, founding, starting:
		return nil, &NotLeaderError{}
	case draining, stopped:
		return nil, fmt.Errorf("%w: %w", segue.ErrRetry, segue.ErrStopping)
	case running:
	}

	if r.calls == maxConcurrent {
		return nil, fmt.Errorf("%d calls wait for raft already: %w", maxConcurrent, segue.ErrRetry)
	}

	r.calls++

	return r.node, nil
}

func (r *Raft) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.calls--

	if r.calls == 0 && r.quiet != nil {
		close(r.quiet)
		r.quiet = nil
	}
}

func notLeader(node *raft.Raft) error {
	_, server := node.LeaderWithID()

	id, err := segue.ParseNodeID(string(server))
	if err != nil { // "" while there is none
		return &NotLeaderError{}
	}

	return &NotLeaderError{Leader: id}
}

// translate maps an error of raft to one of the three outcomes. What it does not
// know is an unknown outcome.
func translate(node *raft.Raft, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRefused):
		return err
	case errors.Is(err, raft.ErrNotLeader):
		return notLeader(node)
	case errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return fmt.Errorf("%w: %w", segue.ErrRetry, err)
	}

	return fmt.Errorf("%w: %w", segue.ErrOutcomeUnknown, err)
}
