package ownership

import (
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/histogram"
)

// A Phase is the position of a rollout. The numbers are wire: do not reorder
// them, add new ones at the end.
type Phase uint8

// The phases of a rollout.
const (
	Pending Phase = iota + 1
	Preflight
	Rehearsing
	Progressing // shards move until the share of the stage has moved
	Paused      // until a person goes on
	Gating
	Baking
	Finalizing
	Completed // every shard that could move has moved
	Aborting
	RollingBack // shards move back to the release they came from
	RolledBack
	Failed // neither way works without a person
)

// String returns the name of p as the CLI and the API show it.
func (p Phase) String() string {
	switch p {
	case Pending:
		return "pending"
	case Preflight:
		return "preflight"
	case Rehearsing:
		return "rehearsing"
	case Progressing:
		return "progressing"
	case Paused:
		return "paused"
	case Gating:
		return "gating"
	case Baking:
		return "baking"
	case Finalizing:
		return "finalizing"
	case Completed:
		return "completed"
	case Aborting:
		return "aborting"
	case RollingBack:
		return "rolling_back"
	case RolledBack:
		return "rolled_back"
	case Failed:
		return "failed"
	}

	return "unknown"
}

// Ended reports whether nothing follows p.
func (p Phase) Ended() bool { return p == Completed || p == RolledBack || p == Failed }

// next reports whether a rollout may step from p to q.
func (p Phase) next(q Phase) bool {
	switch p {
	case Pending, Preflight, Rehearsing, Progressing, Paused, Gating, Baking, Finalizing:
		return q > p && q <= Completed || q == Progressing || q == Aborting || q == RollingBack || q == Failed
	case Aborting:
		return q == RollingBack || q == RolledBack || q == Failed
	case RollingBack:
		return q == RolledBack || q == Failed
	case Completed, RolledBack, Failed:
		return false
	}

	return false
}

// A Rollout is the record of one change of release.
type Rollout struct {
	Revision segue.Revision `msgpack:"v"`
	Request  string         `msgpack:"q"` // id of the request that started it
	From     string         `msgpack:"f"` // release
	To       string         `msgpack:"t"` // release
	Stages   []uint8        `msgpack:"g"` // percent of all shards, rising, the last is 100
	Stage    int            `msgpack:"s"` // index into Stages
	Phase    Phase          `msgpack:"p"`
	Undoes   segue.Revision `msgpack:"u"` // the rollout that this one undoes, 0 if none
	Actor    string         `msgpack:"a"`
	Reason   string         `msgpack:"r"`
	Message  string         `msgpack:"m"` // why it is in this phase
	Started  int64          `msgpack:"b"` // Unix milliseconds, by the proposer's clock
	Updated  int64          `msgpack:"c"` // Unix milliseconds, by the proposer's clock
	Ledger   Ledger         `msgpack:"l"`

	// Since is the raft index of the entry that gave the rollout its present
	// direction: its start, or the one that turned it back. What was held before
	// that is tried again.
	Since uint64 `msgpack:"i"`
	// Aborted: a person turned it back, not a rule.
	Aborted bool `msgpack:"z"`
}

// Back reports whether the rollout brings its shards back to where they came
// from.
func (r *Rollout) Back() bool { return r.Phase == Aborting || r.Phase == RollingBack }

// A Ledger counts what happened to processes during a rollout, the way back
// included.
type Ledger struct {
	Moved    uint64       `msgpack:"m"` // processes, each move counted
	Bytes    uint64       `msgpack:"b"` // of their records
	Shards   uint64       `msgpack:"s"` // moves of shards
	Digest   segue.Digest `msgpack:"d"` // of the moved records
	Lost     uint64       `msgpack:"l"` // processes
	Aborted  uint64       `msgpack:"a"` // sessions of shards that were aborted
	Held     []Held       `msgpack:"h"` // shards held back, newest last, at most [MaxLosses]
	Pauses   []byte       `msgpack:"p"` // histogram of flip pauses, sparse form
	Restarts uint64       `msgpack:"r"` // owners lost on the way
}

// Held is one shard held back.
type Held struct {
	Shard   segue.ShardID `msgpack:"s"`
	Process string        `msgpack:"p"`
	Reason  string        `msgpack:"r"`
}

// RolloutStart begins a rollout. The index of its entry orders revisions; the
// revision itself counts from 1. One at a time: another is refused until the
// active one has ended.
type RolloutStart struct {
	Request string         `msgpack:"q"` // makes a repeated start harmless
	From    string         `msgpack:"f"`
	To      string         `msgpack:"t"`
	Stages  []uint8        `msgpack:"g"`
	Undoes  segue.Revision `msgpack:"u"`
	Actor   string         `msgpack:"a"`
	Reason  string         `msgpack:"r"`
	At      int64          `msgpack:"c"` // Unix milliseconds
}

// RolloutAdvance moves a rollout from one phase and stage to another. It is
// refused if the rollout is elsewhere.
type RolloutAdvance struct {
	Revision  segue.Revision `msgpack:"v"`
	FromPhase Phase          `msgpack:"fp"`
	FromStage int            `msgpack:"fs"`
	Phase     Phase          `msgpack:"p"`
	Stage     int            `msgpack:"s"`
	Message   string         `msgpack:"m"`
	At        int64          `msgpack:"c"` // Unix milliseconds
}

func (c RolloutStart) valid() bool {
	rising := len(c.Stages) > 0 && len(c.Stages) <= 100 && c.Stages[len(c.Stages)-1] == 100
	for i, s := range c.Stages {
		rising = rising && s > 0 && (i == 0 || s > c.Stages[i-1])
	}

	return rising && c.To != "" && c.Request != "" &&
		short(c.Request, c.From, c.To, c.Actor, c.Reason)
}

func (t *Table) rolloutStart(index uint64, c RolloutStart, r *Result) Refusal {
	for i := range t.Rollouts {
		if t.Rollouts[i].Request == c.Request {
			r.Revision = t.Rollouts[i].Revision

			return Done // asked again
		}
	}

	if !c.valid() {
		return RefusedArgument
	}

	if _, busy := t.Active(); busy {
		return RefusedRollout
	}

	next := segue.Revision(1)
	if n := len(t.Rollouts); n > 0 {
		next = t.Rollouts[n-1].Revision + 1
	}

	t.Rollouts = append(t.Rollouts, Rollout{
		Revision: next, Request: c.Request, From: c.From, To: c.To, Stages: slices.Clone(c.Stages), Undoes: c.Undoes,
		Phase: Progressing, Actor: c.Actor, Reason: c.Reason, Started: c.At, Updated: c.At,
		Since: index,
	})
	if len(t.Rollouts) > MaxRollouts {
		t.Rollouts = slices.Delete(t.Rollouts, 0, len(t.Rollouts)-MaxRollouts)
	}

	r.Revision = next

	return Done
}

func (t *Table) rolloutAdvance(index uint64, c RolloutAdvance, r *Result) Refusal {
	ro, ok := t.Rollout(c.Revision)
	r.Revision = c.Revision

	switch {
	case !ok:
		return RefusedArgument
	case ro.Phase == c.Phase && ro.Stage == c.Stage:
		return Done // asked again
	case ro.Phase != c.FromPhase || ro.Stage != c.FromStage:
		return RefusedPhase
	case c.Stage < 0 || c.Stage >= len(ro.Stages) || !short(c.Message):
		return RefusedArgument
	case ro.Phase != c.Phase && !ro.Phase.next(c.Phase):
		return RefusedPhase
	}

	back := ro.Back()
	ro.Phase, ro.Stage, ro.Message, ro.Updated = c.Phase, c.Stage, c.Message, c.At
	ro.Aborted = ro.Aborted || c.Phase == Aborting

	if ro.Back() && !back {
		ro.Since = index
	}

	return Done
}

func (r *Rollout) clone() Rollout {
	c := *r
	c.Stages = slices.Clone(r.Stages)
	c.Ledger.Held = slices.Clone(r.Ledger.Held)
	c.Ledger.Pauses = slices.Clone(r.Ledger.Pauses)

	return c
}

// PauseHistogram returns the distribution of the flip pauses.
func (l *Ledger) PauseHistogram() histogram.Histogram {
	var h histogram.Histogram
	if len(l.Pauses) > 0 && h.UnmarshalBinary(l.Pauses) != nil {
		return histogram.Histogram{} // cannot happen: it was made here
	}

	return h
}

// moved counts a committed shard.
func (l *Ledger) moved(c Tally) {
	l.Moved += c.Processes
	l.Bytes += c.Bytes
	l.Shards++
	l.Digest = l.Digest.Add(c.Digest)
}

// paused merges a histogram. A malformed one was refused before.
func (l *Ledger) paused(sparse []byte) {
	var sum, add histogram.Histogram
	if len(sparse) == 0 || add.UnmarshalBinary(sparse) != nil {
		return
	}

	if len(l.Pauses) > 0 && sum.UnmarshalBinary(l.Pauses) != nil {
		return
	}

	sum.Merge(add)

	b, err := sum.AppendBinary(nil)
	if err == nil {
		l.Pauses = b
	}
}

func (l *Ledger) held(h Held) {
	l.Held = append(l.Held, h)
	if len(l.Held) > MaxLosses {
		l.Held = slices.Delete(l.Held, 0, len(l.Held)-MaxLosses)
	}
}

func short(texts ...string) bool {
	for _, s := range texts {
		if len(s) > MaxTextLen {
			return false
		}
	}

	return true
}
