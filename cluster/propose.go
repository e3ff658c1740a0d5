package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// retryPause is the time between two tries to reach the leader.
const retryPause = 50 * time.Millisecond

// Propose appends a command to the log, on whichever node leads, and returns
// what applying it gave. It asks again as long as the outcome is unknown, since
// a repeated command does no harm, until ctx is done. The three outcomes are:
// nil, the entry was applied, and the result has a verdict for each shard;
// an error that matches [segue.ErrOutcomeUnknown], it may be applied later or
// never; any other error, it was not written.
func (c *Cluster) Propose(ctx context.Context, cmd ownership.Command) (ownership.Result, error) {
	entry, err := ownership.Encode(cmd, c.start, c.seq.Add(1))
	if err != nil {
		return ownership.Result{}, fmt.Errorf("propose: %w", err)
	}

	maybe := false // an earlier try may have been written

	for {
		r, err := c.proposeOnce(ctx, entry)
		if err == nil {
			return *r, nil
		}

		maybe = maybe || errors.Is(err, segue.ErrOutcomeUnknown) || ctx.Err() != nil
		again := errors.Is(err, segue.ErrOutcomeUnknown) || errors.Is(err, segue.ErrNoLeader) || errors.Is(err, segue.ErrRetry)

		if again && pause(ctx, retryPause) {
			continue
		}

		if maybe && !errors.Is(err, segue.ErrOutcomeUnknown) {
			err = fmt.Errorf("%w: %w", segue.ErrOutcomeUnknown, err)
		}

		return ownership.Result{}, fmt.Errorf("propose %s: %w", cmd.Type(), err)
	}
}

// proposeOnce asks the node that is believed to lead.
func (c *Cluster) proposeOnce(ctx context.Context, entry []byte) (*ownership.Result, error) {
	if c.raft.IsLeader() {
		return c.proposeHere(ctx, entry)
	}

	leader, ok := c.raft.Leader()
	if !ok {
		return nil, segue.ErrNoLeader
	}

	r := &ownership.Result{}
	if err := c.ask(ctx, leader, opPropose, &proposeBody{Entry: entry}, r); err != nil {
		return nil, err
	}

	return r, nil
}

// proposeHere appends an entry on this node, if it leads.
func (c *Cluster) proposeHere(ctx context.Context, entry []byte) (*ownership.Result, error) {
	if _, _, err := ownership.Decode(entry); err != nil {
		return nil, fmt.Errorf("%w: %w", segue.ErrBadRequest, err)
	}

	_, v, err := c.raft.Propose(ctx, entry)
	if err != nil {
		return nil, fmt.Errorf("raft: %w", err)
	}

	a, ok := v.(applied)

	switch {
	case !ok:
		return nil, fmt.Errorf("the table returned %T: %w", v, segue.ErrInternal)
	case a.err != nil:
		return nil, a.err
	}

	return &a.result, nil
}

// pause waits for d; it reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
