package httpapi

import (
	"time"

	"github.com/segue-cluster/segue"
)

// A Phase is the position of a rollout. Wire.
type Phase string

// The phases of a rollout.
const (
	Pending     Phase = "pending"
	Preflight   Phase = "preflight"
	Rehearsing  Phase = "rehearsing"
	Progressing Phase = "progressing"
	Paused      Phase = "paused" // until a person goes on
	Gating      Phase = "gating"
	Baking      Phase = "baking"
	Finalizing  Phase = "finalizing"
	Completed   Phase = "completed"
	Aborting    Phase = "aborting"
	RollingBack Phase = "rolling_back"
	RolledBack  Phase = "rolled_back" // everything is where it was, and healthy
	Failed      Phase = "failed"      // neither way works without a person
)

// Ended reports whether nothing follows p.
func (p Phase) Ended() bool { return p == Completed || p == RolledBack || p == Failed }

// A RolloutSummary is the part of a [Rollout] that [Status] shows.
type RolloutSummary struct {
	Revision segue.Revision `json:"revision"`
	From     string         `json:"from"` // release
	To       string         `json:"to"`   // release
	Phase    Phase          `json:"phase"`
	Stage    int            `json:"stage"`             // number of the stage in Stages, from 1
	Stages   []int          `json:"stages"`            // percent of all shards, rising, the last is 100
	Message  string         `json:"message,omitempty"` // why it is in this phase
	Started  time.Time      `json:"started"`
	Updated  time.Time      `json:"updated"` // of the last change of phase or stage
	Share    Share          `json:"share"`   // of the release it goes to
}

// A Rollout is one change of release.
type Rollout struct {
	RolloutSummary

	Undoes    segue.Revision `json:"undoes,omitempty"`  // the rollout that this one undoes
	Aborted   bool           `json:"aborted,omitempty"` // a person stopped it
	Actor     string         `json:"actor"`             // who started it
	Reason    string         `json:"reason"`            // given by the actor
	RequestID string         `json:"request_id"`
	Ledger    Ledger         `json:"ledger"`
}

// Share is how many shards of all are at a release.
type Share struct {
	At     int `json:"at"`     // owned by it and assigned nowhere else
	Moving int `json:"moving"` // on their way to it
	Held   int `json:"held"`   // should go to it, and are held back
	Total  int `json:"total"`  // all shards
}

// A Ledger counts what happened to processes during a rollout, the way back
// included.
type Ledger struct {
	Moved           uint64  `json:"moved"`       // processes, each move counted
	Quarantined     uint64  `json:"quarantined"` // processes named in Held
	Held            []Held  `json:"held"`        // shards, newest last
	Lost            uint64  `json:"lost"`        // processes
	Shards          uint64  `json:"shards"`      // moves of shards
	Bytes           uint64  `json:"bytes"`       // of the moved records
	Digest          string  `json:"digest"`      // of the moved records, 64 hexadecimal digits
	AbortedSessions uint64  `json:"aborted_sessions"`
	Restarts        uint64  `json:"restarts"` // owners that died on the way
	PauseMS         PauseMS `json:"pause_ms"`
}

// Held is one shard held back.
type Held struct {
	Shard   segue.ShardID `json:"shard"`
	Process string        `json:"process,omitempty"` // address of the process that caused it
	Reason  string        `json:"reason"`
}

// PauseMS is the distribution of flip pauses, in milliseconds. Max is exact,
// the quantiles are at most 4.5 % too large.
type PauseMS struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// A StartRequest asks for a rollout.
type StartRequest struct {
	To     string `json:"to"`               // release. Required.
	Stages []int  `json:"stages,omitempty"` // percent, rising, the last is 100; default 5, 50, 100
	Reason string `json:"reason,omitempty"` // at most [MaxText] bytes
	Actor  string `json:"actor,omitempty"`  // who asks, as they say; default "api"
	// RequestID makes a repeated request start nothing new: 1 to 128 printable
	// ASCII characters; default a random one.
	RequestID string `json:"request_id,omitempty"`
}

// An UndoRequest asks for a rollout that takes the last completed one back.
// The fields are those of [StartRequest].
type UndoRequest struct {
	Reason    string `json:"reason,omitempty"`
	Actor     string `json:"actor,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// An AbortRequest asks for the way back of a rollout that has not ended. The
// fields are those of [StartRequest].
type AbortRequest struct {
	Reason string `json:"reason,omitempty"`
	Actor  string `json:"actor,omitempty"`
}
