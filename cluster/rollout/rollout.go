package rollout

import (
	"github.com/segue-cluster/segue/cluster/ownership"
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
		return advance(ro, ownership.RollingBack, ro.Stage, ro.Message, at)
	case ownership.RollingBack:
		return back(t, ro, at)
	case ownership.Pending, ownership.Preflight, ownership.Rehearsing, ownership.Paused, ownership.Gating,
		ownership.Baking, ownership.Finalizing, ownership.Completed, ownership.RolledBack, ownership.Failed:
	}

	return nil
}

func advance(ro *ownership.Rollout, to ownership.Phase, stage int, message string, at int64) []ownership.Command {
	return []ownership.Command{ownership.RolloutAdvance{
		Revision: ro.Revision, FromPhase: ro.Phase, FromStage: ro.Stage, Phase: to, Stage: stage, Message: clip(message), At: at,
	}}
}

// clip shortens a message to what the table takes. Names and reasons that are
// part of it may be as long as a whole message.
func clip(message string) string {
	if len(message) <= ownership.MaxTextLen {
		return message
	}

	cut := ownership.MaxTextLen - len("...")
	for cut > 0 && message[cut]&0xc0 == 0x80 { // within a rune
		cut--
	}

	return message[:cut] + "..."
}
