// Package rollout decides what a rollout does next: which shards should be at
// which release, whether a stage is reached, and how the rollout ends. It only
// ever writes assignments and phases; handoffs follow from them.
//
// Step is a pure function of the table. It promises that equal tables give
// equal commands, that carrying them out and calling it again comes to an end
// when every shard has moved or is held, and that a rollout which is aborted
// assigns every shard back to the release it came from. It does not promise
// that nodes follow: a shard that cannot move is held, and named in the ledger.
package rollout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// DefaultStages are the shares of all shards, in percent, that stages reach.
func DefaultStages() []uint8 { return []uint8{5, 50, 100} }

// Step returns the commands that bring the active rollout on, none if there is
// nothing to do but to wait. The time is in Unix milliseconds.
func Step(t *ownership.Table, at int64) []ownership.Command {
	ro, ok := t.Active()
	if !ok {
		return nil
	}

	switch ro.Phase {
	case ownership.Progressing:
		return forward(t, ro, at)
	case ownership.Aborting:
		return []ownership.Command{advance(ro, ownership.RollingBack, ro.Stage, ro.Message, at)}
	case ownership.RollingBack:
		return back(t, ro, at)
	case ownership.Pending, ownership.Preflight, ownership.Rehearsing, ownership.Paused, ownership.Gating,
		ownership.Baking, ownership.Finalizing, ownership.Completed, ownership.RolledBack, ownership.Failed:
	}

	return nil
}

// Share is how far a release has come.
type Share struct {
	At     int // shards owned by the release and assigned nowhere else
	Moving int // assigned to the release, not there yet
	Held   int // assigned to the release, held back
	Total  int // all shards
}

// ShareOf counts the shards of a release.
func ShareOf(t *ownership.Table, release string) Share {
	share := Share{Total: len(t.Shards)}

	for i := range t.Shards {
		s := &t.Shards[i]
		there := t.Members[s.Owner].Release == release
		coming := !s.Assigned.IsZero() && t.Members[s.Assigned].Release == release

		switch {
		case there && (s.Assigned.IsZero() || coming):
			share.At++
		case coming && s.Hold.Reason != "":
			share.Held++
		case coming:
			share.Moving++
		}
	}

	return share
}

// want returns how many shards a stage wants at the release.
func want(total int, percent uint8) int { return (total*int(percent) + 99) / 100 }

func forward(t *ownership.Table, ro *ownership.Rollout, at int64) []ownership.Command {
	hosts := placement.Hosts(t, placement.OfRelease(ro.To))
	share := ShareOf(t, ro.To)
	missing := want(share.Total, ro.Stages[ro.Stage]) - share.At - share.Moving - share.Held

	switch {
	case missing > 0 && len(hosts) == 0:
		if share.At == 0 && share.Moving == 0 && share.Held == 0 {
			return []ownership.Command{advance(ro, ownership.RollingBack, ro.Stage, "no node of release "+ro.To+" is left", at)}
		}

		return nil // wait for a node of that release; a person may abort
	case missing > 0:
		if moves := assign(t, missing, hosts, func(release string) bool { return release != ro.To }); len(moves) > 0 {
			return []ownership.Command{ownership.Assign{Moves: moves, Cause: ownership.CauseRollout, Rollout: ro.Revision}}
		}

		return nil // nobody owns the rest yet
	case share.Moving > 0:
		return nil
	case ro.Stage+1 < len(ro.Stages):
		return []ownership.Command{advance(ro, ownership.Progressing, ro.Stage+1, "", at)}
	}

	message := ""
	if share.Held > 0 {
		message = fmt.Sprintf("%d shards are held back at their old owners", share.Held)
	}

	return []ownership.Command{advance(ro, ownership.Completed, ro.Stage, message, at)}
}

func back(t *ownership.Table, ro *ownership.Rollout, at int64) []ownership.Command {
	hosts := placement.Hosts(t, placement.OfRelease(ro.From))
	share := ShareOf(t, ro.To)
	away := share.At + share.Moving + share.Held

	switch {
	case away > 0 && len(hosts) == 0 && share.At > 0:
		return []ownership.Command{advance(ro, ownership.Failed, ro.Stage, "no node of release "+ro.From+" is left to go back to", at)}
	case away > 0:
		cmds := recall(t, ro)
		if moves := assign(t, share.At, hosts, func(release string) bool { return release == ro.To }); len(moves) > 0 {
			cmds = append(cmds, ownership.Assign{Moves: moves, Cause: ownership.CauseRollout, Rollout: ro.Revision})
		}

		return cmds
	}

	if share := ShareOf(t, ro.From); share.Moving > 0 {
		return nil
	}

	return []ownership.Command{advance(ro, ownership.RolledBack, ro.Stage, ro.Message, at)}
}

// assign returns moves of up to n shards to hosts, taking turns among the
// owners that from accepts, so that the load comes off them evenly.
func assign(t *ownership.Table, n int, hosts []segue.NodeID, from func(release string) bool) []ownership.Move {
	load := placement.LoadOf(t)
	byOwner := map[segue.NodeID][]segue.ShardID{}

	var owners []segue.NodeID

	for i := range t.Shards {
		s := &t.Shards[i]
		if s.Owner.IsZero() || !from(t.Members[s.Owner].Release) || slices.Contains(hosts, s.Assigned) {
			continue
		}

		if byOwner[s.Owner] == nil {
			owners = append(owners, s.Owner)
		}

		byOwner[s.Owner] = append(byOwner[s.Owner], segue.ShardID(i))
	}

	var moves []ownership.Move

	for turn := 0; len(moves) < n && len(owners) > 0; turn++ {
		owner := owners[turn%len(owners)]
		if len(byOwner[owner]) == 0 {
			owners = slices.DeleteFunc(owners, func(o segue.NodeID) bool { return o == owner })
			turn = -1

			continue
		}

		to, ok := load.Take(hosts)
		if !ok {
			break
		}

		moves = append(moves, ownership.Move{Shard: byOwner[owner][0], To: to})
		byOwner[owner] = byOwner[owner][1:]
	}

	return moves
}

// recall takes back the assignments to the release of shards that have not
// moved, and lifts their holds.
func recall(t *ownership.Table, ro *ownership.Rollout) []ownership.Command {
	var (
		moves []ownership.Move
		held  []segue.ShardID
	)

	for i := range t.Shards {
		s := &t.Shards[i]
		if s.Assigned.IsZero() || t.Members[s.Assigned].Release != ro.To || t.Members[s.Owner].Release == ro.To {
			continue
		}

		moves = append(moves, ownership.Move{Shard: segue.ShardID(i)})

		if s.Hold.Reason != "" {
			held = append(held, segue.ShardID(i))
		}
	}

	var cmds []ownership.Command

	if len(moves) > 0 {
		cmds = append(cmds, ownership.Assign{Moves: moves, Cause: ownership.CauseRollout, Rollout: ro.Revision})
	}

	if len(held) > 0 {
		cmds = append(cmds, ownership.Unhold{Shards: held})
	}

	return cmds
}

func advance(ro *ownership.Rollout, to ownership.Phase, stage int, message string, at int64) ownership.Command {
	return ownership.RolloutAdvance{
		Revision: ro.Revision, FromPhase: ro.Phase, FromStage: ro.Stage, Phase: to, Stage: stage, Message: message, At: at,
	}
}

// A Request asks for a rollout.
type Request struct {
	ID     string // makes a repeated request harmless
	To     string // release
	Stages []uint8
	Actor  string
	Reason string
	Undoes segue.Revision
}

// Start returns the command that starts a rollout, or why it cannot start:
// errors match [segue.ErrBadRequest], [segue.ErrRefused] or
// [segue.ErrNotFound].
func Start(t *ownership.Table, r Request, at int64) (ownership.RolloutStart, error) {
	stages := r.Stages
	if len(stages) == 0 {
		stages = DefaultStages()
	}

	if err := validStages(stages); err != nil {
		return ownership.RolloutStart{}, err
	}

	if ro, busy := t.Active(); busy && ro.Request != r.ID {
		return ownership.RolloutStart{}, fmt.Errorf("rollout %d to %s is %s; abort it first: %w", ro.Revision, ro.To, ro.Phase, segue.ErrRefused)
	}

	if len(placement.Hosts(t, placement.OfRelease(r.To))) == 0 {
		return ownership.RolloutStart{}, fmt.Errorf("no node of release %q that can take shards is in the cluster (there is %v): %w",
			r.To, placement.Releases(t), segue.ErrNotFound)
	}

	from, err := release(t, r.To)
	if err != nil {
		return ownership.RolloutStart{}, err
	}

	return ownership.RolloutStart{
		Request: r.ID, From: from, To: r.To, Stages: stages, Undoes: r.Undoes, Actor: r.Actor, Reason: r.Reason, At: at,
	}, nil
}

// Undo returns the request that goes back to where the last finished rollout
// came from, in one stage.
func Undo(t *ownership.Table, id, actor, reason string) (Request, error) {
	for _, ro := range slices.Backward(t.Rollouts) {
		switch {
		case !ro.Phase.Ended():
			return Request{}, fmt.Errorf("rollout %d is %s; abort takes it back: %w", ro.Revision, ro.Phase, segue.ErrRefused)
		case ro.Phase == ownership.Completed:
			return Request{
				ID: id, To: ro.From, Stages: []uint8{100}, Actor: actor, Reason: reason, Undoes: ro.Revision,
			}, nil
		}
	}

	return Request{}, fmt.Errorf("no rollout was completed, there is nothing to undo: %w", segue.ErrRefused)
}

func validStages(stages []uint8) error {
	for i, s := range stages {
		if s == 0 || s > 100 || i > 0 && s <= stages[i-1] {
			return fmt.Errorf("stages %v must rise from above 0 to 100: %w", stages, segue.ErrBadRequest)
		}
	}

	if stages[len(stages)-1] != 100 {
		return fmt.Errorf("stages %v must end with 100: %w", stages, segue.ErrBadRequest)
	}

	return nil
}

// release returns the release that owns most shards outside of to.
func release(t *ownership.Table, to string) (string, error) {
	shards := map[string]int{}

	for i := range t.Shards {
		if r := t.Members[t.Shards[i].Owner].Release; r != to && r != "" {
			shards[r]++
		}
	}

	best := ""
	for r, n := range shards {
		if n > shards[best] || n == shards[best] && r > best {
			best = r
		}
	}

	if best == "" {
		return "", fmt.Errorf("release %s owns every shard already: %w", to, errors.Join(segue.ErrRefused))
	}

	return best, nil
}
