package httpapi

import (
	"context"

	"github.com/segue-cluster/segue"
)

// An AdminBackend is what [Admin] needs of a node. Its methods are called by
// several goroutines at once. What they return is not changed by the caller
// and must not change later.
type AdminBackend interface {
	Reader
	Operator
}

// A Reader answers from the node's own table. Its methods do not block and
// also work without a leader.
type Reader interface {
	Position() Position
	Status() Status
	Members() []Member   // by name
	Owners() []Owner     // of every shard, by number
	Rollouts() []Rollout // the newest first
	Losses() []Loss      // the newest first
}

// A Position says how far the node's table has come.
type Position struct {
	Index  uint64 // raft index of the last applied entry
	Leader string // name of the leader, "" if the node sees none: then the table may be stale
}

// An Operator carries out changes, wherever the leader is. Its methods return
// when the node's own table shows the change, so that a read that follows does
// too. Their contexts always have a deadline.
//
// Errors match the conditions of package segue, above all [segue.ErrRefused],
// [segue.ErrNotFound], [segue.ErrBadRequest], [segue.ErrNoLeader] and
// [segue.ErrOutcomeUnknown]. An error that is a [*ProblemError] is sent as it
// is.
type Operator interface {
	// StartRollout starts a rollout. A request id that was seen before returns
	// the rollout that it started, whatever has become of it.
	StartRollout(ctx context.Context, r StartRequest) (Rollout, error)

	// UndoRollout starts a rollout back to where the last completed one came
	// from. Request ids count as for StartRollout.
	UndoRollout(ctx context.Context, r UndoRequest) (Rollout, error)

	// AbortRollout sends a rollout on its way back. For one that is on its way
	// back already it changes nothing; one that has ended is refused.
	AbortRollout(ctx context.Context, revision segue.Revision, r AbortRequest) (Rollout, error)

	// Drain moves everything off a node, which stays a member.
	Drain(ctx context.Context, node segue.NodeID) (Member, error)

	// Undrain lets a node own shards again.
	Undrain(ctx context.Context, node segue.NodeID) (Member, error)
}

// A Caller runs calls to processes.
type Caller interface {
	// Call sends body, a message of process to, to its owner and returns the
	// reply. body is JSON that has not been looked into, empty for no body.
	// requestID makes a retry take effect once; "" if the client gave none. ctx
	// always has a deadline. Called by several goroutines.
	//
	// Errors match the conditions of package segue. Owner and Token of the
	// result are used also if there is an error.
	Call(ctx context.Context, to segue.Address, message string, body []byte, requestID string) (Result, error)
}

// A Result is what came of a call.
type Result struct {
	Body  []byte      // JSON, empty for null
	Owner string      // name of the node that ran it, "" if none did
	Token segue.Token // under which it ran, zero if it did not
}

// A Health answers the probes of [Ops]. Its methods are called by several
// goroutines and must answer at once; each returns all its checks, in an order
// that does not change.
type Health interface {
	// Live says whether this OS process works. It must not depend on others.
	Live() []Check
	// Ready says whether the node can serve or forward calls.
	Ready() []Check
	// ReadyForHandoff says whether the node can receive shards.
	ReadyForHandoff() []Check
	// Started says whether starting is over.
	Started() []Check
}

// A Check is one thing that was looked at.
type Check struct {
	Name string
	Err  error // why it failed, nil if it did not
}
