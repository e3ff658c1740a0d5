package segue

import (
	"errors"
	"fmt"
)

// A Code is the stable name of an error condition on the wire, in the HTTP
// API and in the CLI. Codes are wire: never change one, add new ones.
type Code string

// A ConditionError is an error that callers act on. Compare with [errors.Is]: the
// error that crossed a wire is rebuilt from its code by [FromCode] and still
// matches.
type ConditionError struct {
	code Code
	text string
}

// Error returns the description of the condition.
func (c *ConditionError) Error() string { return c.text }

// Code returns the stable name of the condition.
func (c *ConditionError) Code() Code { return c.code }

// The conditions that cross package and wire boundaries. The comment of each
// says what a caller should do.
var (
	// ErrNotOwner is returned by a node that does not own the shard. Follow
	// the hint of [NotOwnerError] or look up the owner again.
	ErrNotOwner = condition("not_owner", "this node does not own the shard")

	// ErrFenced is returned when a newer epoch or incarnation exists. Drop
	// what the old one covered; do not retry.
	ErrFenced = condition("fenced", "fenced by a newer epoch")

	// ErrRefused is returned when the guard of a command did not hold; nothing
	// was changed. Read the table before trying something else.
	ErrRefused = condition("refused", "the command was refused by its guard")

	// ErrOutcomeUnknown is returned when work may or may not have been done.
	// Read the state before acting, or retry with the same request id.
	ErrOutcomeUnknown = condition("outcome_unknown", "outcome unknown")

	// ErrNoLeader is returned while the cluster has no leader. Retry later.
	ErrNoLeader = condition("no_leader", "the cluster has no leader")

	// ErrRetry is returned while the process cannot be reached for a moment:
	// no lease, a shard without an owner, an owner cut off. Retry with the
	// same request id.
	ErrRetry = condition("retry", "not served at this moment")

	// ErrMailboxFull is returned when too many requests wait for the process.
	// Nothing was run. Retry later, or raise the kind's limit.
	ErrMailboxFull = condition("mailbox_full", "the mailbox of the process is full")

	// ErrBusy is returned when the table of recent replies has no room for a
	// new client. Nothing was run. Retry later, or raise the kind's limit.
	ErrBusy = condition("busy", "too many recent clients of the process")

	// ErrNotFound is returned for a query on a process that does not exist.
	ErrNotFound = condition("not_found", "no such process")

	// ErrUnknownKind is returned for a kind that no release of the cluster
	// serves. Do not retry.
	ErrUnknownKind = condition("unknown_kind", "unknown kind")

	// ErrUnknownMessage is returned for a message that the kind does not
	// handle. Do not retry.
	ErrUnknownMessage = condition("unknown_message", "unknown message")

	// ErrKindNotServed is returned by an owner whose release does not know the
	// kind but holds its processes parked. Retry after the rollout.
	ErrKindNotServed = condition("kind_not_served", "the owner's release does not serve the kind")

	// ErrNotYetServed is returned for a message that some owner that can get
	// it does not know yet. Retry after the rollout.
	ErrNotYetServed = condition("not_yet_served", "not every owner serves the message yet")

	// ErrProcessLost is returned for a process whose only holder died. Decide
	// with the kind's OnLost or by a reset.
	ErrProcessLost = condition("process_lost", "the state of the process was lost with its node")

	// ErrPoisoned is returned for a process whose handler panicked and that
	// has no copy to go back to. Reset it.
	ErrPoisoned = condition("process_poisoned", "the process is poisoned by a panic")

	// ErrHandler is returned when the handler itself answered with an error.
	// The turn counts and its changes stand; do not retry.
	ErrHandler = condition("handler", "the handler answered with an error")

	// ErrBadRequest is returned for a request that can never succeed as sent.
	ErrBadRequest = condition("bad_request", "bad request")

	// ErrTooLarge is returned for a body, state or reply over its limit.
	ErrTooLarge = condition("too_large", "over the size limit")

	// ErrDeadline is returned when the deadline of the request passed before
	// it was answered. Its outcome is unknown: retry with the same request id.
	ErrDeadline = condition("deadline_exceeded", "the deadline passed")

	// ErrStopping is returned by a node that is shutting down. Ask another.
	ErrStopping = condition("stopping", "the node is stopping")

	// ErrDuplicateName is returned to a node that joins with the name of
	// another live node. Give it another name; it must not go on.
	ErrDuplicateName = condition("duplicate_name", "another live node has this name")

	// ErrWrongCluster is returned to a peer of another cluster.
	ErrWrongCluster = condition("wrong_cluster", "the peer belongs to another cluster")

	// ErrUnsupported is returned to a peer whose protocol range has nothing in
	// common with ours, or that sent a command above the cluster's level.
	ErrUnsupported = condition("unsupported", "unsupported protocol version")

	// ErrInternal is returned for a bug or a failure of the machine.
	ErrInternal = condition("internal", "internal error")
)

func condition(code Code, text string) *ConditionError {
	return &ConditionError{code: code, text: text}
}

// conditions lists all of them, for [FromCode].
func conditions() []*ConditionError {
	return []*ConditionError{
		ErrNotOwner, ErrFenced, ErrRefused, ErrOutcomeUnknown, ErrNoLeader, ErrRetry, ErrMailboxFull, ErrBusy,
		ErrNotFound, ErrUnknownKind, ErrUnknownMessage, ErrKindNotServed, ErrNotYetServed, ErrProcessLost,
		ErrPoisoned, ErrHandler, ErrBadRequest, ErrTooLarge, ErrDeadline, ErrStopping, ErrDuplicateName,
		ErrWrongCluster, ErrUnsupported, ErrInternal,
	}
}

// CodeOf returns the code of the first [ConditionError] in the tree of err, and
// the code of [ErrInternal] if there is none. It returns "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}

	if c, ok := errors.AsType[*ConditionError](err); ok {
		return c.code
	}

	return ErrInternal.code
}

// FromCode rebuilds an error that crossed a wire: it matches the condition of
// that code and prints detail. An unknown code, sent by a newer release,
// matches [ErrInternal].
func FromCode(code Code, detail string) error {
	for _, c := range conditions() {
		if c.code == code {
			if detail == "" || detail == c.text {
				return c
			}

			return &remoteError{cause: c, detail: detail}
		}
	}

	return fmt.Errorf("%s (%s): %w", detail, code, ErrInternal)
}

// remoteError prints what the peer printed.
type remoteError struct {
	cause  *ConditionError
	detail string
}

func (e *remoteError) Error() string { return e.detail }
func (e *remoteError) Unwrap() error { return e.cause }

// A NotOwnerError is a refusal with a hint. It matches [ErrNotOwner].
type NotOwnerError struct {
	Shard ShardID
	Owner NodeID // a hint; zero if unknown
	Epoch Epoch
}

// Error formats e on one line.
func (e *NotOwnerError) Error() string {
	return fmt.Sprintf("shard %d is owned by node %s at epoch %d", e.Shard, e.Owner, e.Epoch)
}

// Unwrap returns [ErrNotOwner].
func (e *NotOwnerError) Unwrap() error { return ErrNotOwner }
