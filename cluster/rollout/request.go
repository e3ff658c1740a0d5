package rollout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// A Request asks for a rollout. Texts are at most [ownership.MaxTextLen] bytes.
type Request struct {
	ID     string  // makes a repeated request harmless; required
	To     string  // release; required
	Stages []uint8 // percent of all shards, rising, the last is 100; nil: [DefaultStages]
	Actor  string
	Reason string
	Undoes segue.Revision // 0: none
}

// Start returns the command that starts a rollout, or why it cannot start. A
// request that was accepted before gives its command again, which the table
// answers with the revision it gave then.
//
// Errors match [segue.ErrBadRequest] for a request that can never succeed,
// [segue.ErrRefused] if the state of the cluster forbids it, and
// [segue.ErrNotFound] if no node of the release can take shards.
func Start(t *ownership.Table, r Request, at int64) (ownership.RolloutStart, error) {
	stages := r.Stages
	if len(stages) == 0 {
		stages = DefaultStages()
	}

	if err := r.validate(stages); err != nil {
		return ownership.RolloutStart{}, err
	}

	start := ownership.RolloutStart{
		Request: r.ID, To: r.To, Stages: slices.Clone(stages), Undoes: r.Undoes, Actor: r.Actor, Reason: r.Reason, At: at,
	}

	for i := range t.Rollouts {
		if t.Rollouts[i].Request == r.ID {
			start.From = t.Rollouts[i].From

			return start, nil
		}
	}

	if ro, busy := t.Active(); busy {
		return ownership.RolloutStart{}, fmt.Errorf("rollout %d to release %s is %s; abort it or wait for its end: %w",
			ro.Revision, ro.To, ro.Phase, segue.ErrRefused)
	}

	if len(placement.Hosts(t, placement.OfRelease(r.To))) == 0 {
		return ownership.RolloutStart{}, fmt.Errorf(
			"no node of release %q that can take shards is in the cluster, only of %q; start one and try again: %w",
			r.To, placement.Releases(t), segue.ErrNotFound)
	}

	from, err := origin(t, r.To)
	start.From = from

	return start, err
}

// Undo returns the request that goes back, in one stage, to where the last
// rollout came from that moved shards for good: a completed one, or one that
// failed on the way. Those that were rolled back are passed over. The undo of an
// undo goes forward again. Errors match [segue.ErrRefused].
func Undo(t *ownership.Table, id, actor, reason string) (Request, error) {
	for _, ro := range slices.Backward(t.Rollouts) {
		switch {
		case !ro.Phase.Ended():
			return Request{}, fmt.Errorf("rollout %d is %s; abort takes it back: %w", ro.Revision, ro.Phase, segue.ErrRefused)
		case ro.Phase != ownership.RolledBack:
			return Request{
				ID: id, To: ro.From, Stages: []uint8{100}, Actor: actor, Reason: reason, Undoes: ro.Revision,
			}, nil
		}
	}

	return Request{}, fmt.Errorf("no rollout moved anything, there is nothing to undo: %w", segue.ErrRefused)
}

// Abort returns the command by which a person turns a rollout back, or why that
// cannot be done. Every shard then goes back to the release it came from, at
// once and in one go. The time is in Unix milliseconds.
//
// Errors match [segue.ErrNotFound] for a revision that is unknown or no longer
// in history, [segue.ErrRefused] if it has ended, is on its way back, or has no
// node to go back to, and [segue.ErrBadRequest] for a reason that is too long.
func Abort(t *ownership.Table, revision segue.Revision, reason string, at int64) (ownership.RolloutAdvance, error) {
	none := ownership.RolloutAdvance{}

	if len(reason) > ownership.MaxTextLen {
		return none, fmt.Errorf("the reason has %d bytes, at most %d: %w", len(reason), ownership.MaxTextLen, segue.ErrBadRequest)
	}

	ro, ok := t.Rollout(revision)

	switch {
	case !ok:
		return none, fmt.Errorf("there is no rollout %d: %w", revision, segue.ErrNotFound)
	case ro.Phase == ownership.Completed:
		return none, fmt.Errorf("rollout %d is completed; undo goes back: %w", revision, segue.ErrRefused)
	case ro.Phase.Ended():
		return none, fmt.Errorf("rollout %d has ended as %s: %w", revision, ro.Phase, segue.ErrRefused)
	case ro.Back():
		return none, fmt.Errorf("rollout %d is %s already: %w", revision, ro.Phase, segue.ErrRefused)
	}

	owned := slices.ContainsFunc(t.Shards, func(s ownership.Shard) bool { return t.Members[s.Owner].Release == ro.To })
	if owned && len(placement.Hosts(t, placement.OfRelease(ro.From))) == 0 {
		return none, fmt.Errorf("no node of release %s that can take shards is left to go back to; start one, or let rollout %d go on: %w",
			ro.From, revision, segue.ErrRefused)
	}

	return ownership.RolloutAdvance{
		Revision: revision, FromPhase: ro.Phase, FromStage: ro.Stage, Phase: ownership.Aborting, Stage: ro.Stage, Message: reason, At: at,
	}, nil
}

// validate reports all that is wrong with r.
func (r Request) validate(stages []uint8) error {
	var errs []error

	for _, text := range []struct {
		name, value string
		required    bool
	}{{"id", r.ID, true}, {"release", r.To, true}, {"actor", r.Actor, false}, {"reason", r.Reason, false}} {
		if text.required && text.value == "" {
			errs = append(errs, fmt.Errorf("the %s of the rollout is missing: %w", text.name, segue.ErrBadRequest))
		}

		if len(text.value) > ownership.MaxTextLen {
			errs = append(errs, fmt.Errorf("the %s of the rollout has %d bytes, at most %d: %w",
				text.name, len(text.value), ownership.MaxTextLen, segue.ErrBadRequest))
		}
	}

	rising := stages[len(stages)-1] == 100
	for i, s := range stages {
		rising = rising && s > 0 && (i == 0 || s > stages[i-1])
	}

	if !rising {
		errs = append(errs, fmt.Errorf("stages %v must rise from above 0 to 100, the last must be 100: %w", stages, segue.ErrBadRequest))
	}

	return errors.Join(errs...)
}

// origin returns the release that owns most shards outside of to.
func origin(t *ownership.Table, to string) (string, error) {
	shards, owned := map[string]int{}, false

	for i := range t.Shards {
		r := t.Members[t.Shards[i].Owner].Release
		owned = owned || r != ""

		if r != to && r != "" {
			shards[r]++
		}
	}

	best := ""
	for r, n := range shards {
		if n > shards[best] || n == shards[best] && r > best {
			best = r
		}
	}

	switch {
	case best != "":
		return best, nil
	case owned:
		return "", fmt.Errorf("release %s owns every shard already: %w", to, segue.ErrRefused)
	}

	return "", fmt.Errorf("no shard has an owner yet: %w", segue.ErrRefused)
}
