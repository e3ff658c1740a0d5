package consensus

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// A Server is a node in the configuration of the log.
type Server struct {
	ID segue.NodeID

	// Voter nodes elect the leader and make the majority that commits. The
	// others only receive the log.
	Voter bool
}

// Servers returns the configuration that this node has applied, in its order,
// and the index of the entry that made it. Until the node has caught up after a
// start, it is the one that the store knew. An index of 0 means that none is
// known: the node has not been bootstrapped and has not joined.
func (r *Raft) Servers() ([]Server, uint64, error) {
	list, index := r.fsm.configuration()
	servers := make([]Server, 0, len(list))

	for _, s := range list {
		id, err := segue.ParseNodeID(string(s.ID))
		if err != nil {
			return nil, 0, fmt.Errorf("configuration at index %d: %w: %w", index, segue.ErrInternal, err)
		}

		servers = append(servers, Server{ID: id, Voter: s.Suffrage == raft.Voter})
	}

	return servers, index, nil
}

// AddNonvoter makes the node receive the log. For a node that receives it, or
// votes, it does nothing. Only the leader can do it. The outcomes are those of
// Propose.
func (r *Raft) AddNonvoter(ctx context.Context, id segue.NodeID) error {
	return r.change(ctx, "add", id, func(role role, _ int) (request, error) {
		if role != absent {
			return nil, nil // nothing to do
		}

		return func(node *raft.Raft, prev uint64, enqueue time.Duration) raft.IndexFuture {
			return node.AddNonvoter(serverID(id), address(id), prev, enqueue)
		}, nil
	})
}

// Promote makes a nonvoter a voter. For a voter it does nothing; a node that is
// not in the configuration is refused with [segue.ErrRefused]. Only the leader
// can do it. The outcomes are those of Propose.
//
// It does not ask whether the node is alive, and from one voter to two it
// succeeds even if the node is gone, which ends the cluster: prove before that
// the node has received the log, by a way other than raft.
func (r *Raft) Promote(ctx context.Context, id segue.NodeID) error {
	return r.change(ctx, "promote", id, func(role role, _ int) (request, error) {
		switch role {
		case absent:
			return nil, fmt.Errorf("it is not in the configuration, add it as a nonvoter first: %w", segue.ErrRefused)
		case voter:
			return nil, nil // nothing to do
		case nonvoter:
		}

		return func(node *raft.Raft, prev uint64, enqueue time.Duration) raft.IndexFuture {
			return node.AddVoter(serverID(id), address(id), prev, enqueue)
		}, nil
	})
}

// Remove takes a node out of the configuration. For a node that is not in it,
// it does nothing. It refuses to remove this node, which would leave the cluster
// without a leader for up to three heartbeats (transfer leadership before), and
// the last voter, with [segue.ErrRefused]. Only the leader can do it. The
// outcomes are those of Propose.
//
// Of two voters, the leader can remove the other one after its death, but only
// within the leader lease.
func (r *Raft) Remove(ctx context.Context, id segue.NodeID) error {
	return r.change(ctx, "remove", id, func(role role, voters int) (request, error) {
		switch {
		case role == absent:
			return nil, nil // nothing to do
		case role == voter && voters == 1:
			return nil, fmt.Errorf("it is the last voter: %w", segue.ErrRefused)
		case id == r.self:
			return nil, fmt.Errorf("it is this node, transfer leadership first: %w", segue.ErrRefused)
		}

		return func(node *raft.Raft, prev uint64, enqueue time.Duration) raft.IndexFuture {
			return node.RemoveServer(serverID(id), prev, enqueue)
		}, nil
	})
}
