package ownership

import (
	"github.com/segue-cluster/segue"
)

// A Refusal says which guard refused a command; "" means that the command was
// carried out or that its effect already stood.
type Refusal string

// The refusals. They are stable: they cross the wire and appear in events.
const (
	Done             Refusal = ""
	RefusedUnformed  Refusal = "cluster_not_formed"
	RefusedFormed    Refusal = "cluster_already_formed"
	RefusedShard     Refusal = "no_such_shard"
	RefusedMember    Refusal = "no_such_member"
	RefusedFenced    Refusal = "fenced"
	RefusedAlive     Refusal = "owner_not_fenced"
	RefusedOwner     Refusal = "not_the_owner"
	RefusedOwned     Refusal = "already_owned"
	RefusedEpoch     Refusal = "epoch_differs"
	RefusedOpen      Refusal = "session_open"
	RefusedSession   Refusal = "session_not_open"
	RefusedStale     Refusal = "session_id_not_above_the_last"
	RefusedMirror    Refusal = "mirror_elsewhere"
	RefusedNoMirror  Refusal = "no_such_mirror"
	RefusedHeir      Refusal = "not_the_heir"
	RefusedHeirLives Refusal = "an_heir_lives"
	RefusedBusy      Refusal = "member_owns_shards"
	RefusedHost      Refusal = "member_hosts_nothing"
	RefusedName      Refusal = "name_in_use"
	RefusedLimit     Refusal = "limit_reached"
	RefusedRollout   Refusal = "rollout_in_progress"
	RefusedPhase     Refusal = "phase_differs"
	RefusedLevel     Refusal = "level_not_understood"
	RefusedArgument  Refusal = "bad_argument"
)

// A Verdict is the outcome of a command for one shard. Commands that concern
// no shard give one Verdict with shard 0.
type Verdict struct {
	Shard   segue.ShardID `msgpack:"s"`
	Refusal Refusal       `msgpack:"r"`
}

// A Result is what applying one entry gave. Every node computes the same.
type Result struct {
	Index    uint64    `msgpack:"i"` // of the entry
	Verdicts []Verdict `msgpack:"v"`

	// Incarnation is the one of the joined node, Revision the one of the
	// started rollout.
	Incarnation segue.Incarnation `msgpack:"n"`
	Revision    segue.Revision    `msgpack:"o"`

	// Changes lists the shards whose record changed, with the record before
	// and after. It stays on the node.
	Changes []Change `msgpack:"-"`
	// Members lists the nodes whose record changed. It stays on the node.
	Members []segue.NodeID `msgpack:"-"`
}

// A Change is one shard's record before and after an entry.
type Change struct {
	Shard  segue.ShardID
	Before Shard
	After  Shard
}

// Err returns nil if every verdict is [Done], else an error that matches
// [segue.ErrRefused] and names the first refusal.
func (r *Result) Err() error {
	for _, v := range r.Verdicts {
		if v.Refusal != Done {
			return &RefusedError{Shard: v.Shard, Refusal: v.Refusal}
		}
	}

	return nil
}

// A RefusedError names the guard that refused a command. It matches
// [segue.ErrRefused].
type RefusedError struct {
	Shard   segue.ShardID
	Refusal Refusal
}

// Error formats e on one line.
func (e *RefusedError) Error() string { return "refused: " + string(e.Refusal) }

// Unwrap returns [segue.ErrRefused].
func (e *RefusedError) Unwrap() error { return segue.ErrRefused }

// Outcome is how the last session of a shard ended. The numbers are wire: do
// not reorder them, add new ones at the end.
type Outcome uint8

// The outcomes of a session.
const (
	OutcomeNone Outcome = iota // there was none
	OutcomeOpen
	OutcomeCommitted
	OutcomeAborted
	OutcomeRecovered
	OutcomeReassigned
)

// String returns the name of the outcome.
func (o Outcome) String() string {
	switch o {
	case OutcomeNone:
		return "none"
	case OutcomeOpen:
		return "open"
	case OutcomeCommitted:
		return "committed"
	case OutcomeAborted:
		return "aborted"
	case OutcomeRecovered:
		return "recovered"
	case OutcomeReassigned:
		return "reassigned"
	}

	return "unknown"
}
