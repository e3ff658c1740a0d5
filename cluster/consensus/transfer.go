package consensus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// TransferTo makes another voter the leader and waits until this node follows
// it. If the node leads already it does nothing. It refuses a node that is not
// a voter with [segue.ErrRefused]. Only the leader can do it. Proposals are
// refused with [segue.ErrRetry] meanwhile. An unknown outcome means that this
// node does not lead any more, or may soon not, and that it does not know
// whether the other one does.
func (r *Raft) TransferTo(ctx context.Context, id segue.NodeID) error {
	ctx, cancel := withDefaultWait(ctx)
	defer cancel()

	if err := r.transfer(ctx, id); err != nil {
		return fmt.Errorf("transfer leadership to node %s: %w", id, err)
	}

	return nil
}

func (r *Raft) transfer(ctx context.Context, id segue.NodeID) error {
	if leader, ok := r.Leader(); ok && leader == id {
		return nil
	}

	if !r.IsLeader() {
		return r.refuse()
	}

	if role, _, _ := r.roleOf(id); role != voter {
		return fmt.Errorf("it is not a voter: %w", segue.ErrRefused)
	}

	_, err := call(ctx, r, func(node *raft.Raft, _ time.Duration) (struct{}, error) {
		return struct{}{}, transferError(node, node.LeadershipTransferToServer(serverID(id), address(id)).Error())
	})
	if err != nil {
		return err
	}

	for { // raft only waits until this node does not lead
		changed := r.LeaderChanged()

		switch leader, ok := r.Leader(); {
		case ok && leader == id:
			return nil
		case ok:
			return fmt.Errorf("node %s was elected instead: %w", leader, segue.ErrRetry)
		}

		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: no leader is known yet: %w", segue.ErrOutcomeUnknown, context.Cause(ctx))
		}
	}
}

// transferError tells apart a transfer that raft refused, one that failed while
// this node leads on, and one that went somewhere, which is nil.
func transferError(node *raft.Raft, err error) error {
	for _, refused := range []error{
		raft.ErrNotLeader, raft.ErrLeadershipTransferInProgress, raft.ErrEnqueueTimeout, raft.ErrRaftShutdown,
	} {
		if errors.Is(err, refused) {
			return err
		}
	}

	if err != nil && node.State() == raft.Leader {
		return fmt.Errorf("%w: %w: %w", errRefused, segue.ErrRetry, err)
	}

	return nil
}
