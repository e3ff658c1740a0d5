package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

func newRollout(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rollout",
		Short:   "Move all state from one release to another, watch it, take it back",
		GroupID: groupChange,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
			}

			return cmd.Help()
		},
	}
	cmd.AddCommand(
		newRolloutStart(a),
		newRolloutStatus(a),
		newRolloutList(a),
		newRolloutAbort(a),
		newRolloutUndo(a),
	)

	return cmd
}

// parseRevision reads the optional argument REVISION; 0 is the newest rollout.
func parseRevision(args []string) (segue.Revision, error) {
	if len(args) == 0 || args[0] == "current" {
		return 0, nil
	}

	n, err := strconv.ParseUint(strings.TrimPrefix(args[0], "r"), 10, 64)
	if err != nil || n == 0 {
		return 0, usagef("%q is not the revision of a rollout: want a number, or current", args[0])
	}

	return segue.Revision(n), nil
}

// repeatable tells how to repeat a request whose outcome is not known.
func repeatable(err error, requestID string) error {
	p, ok := errors.AsType[*httpapi.ProblemError](err)

	switch {
	case err == nil, ok && codeOfStatus(p.Problem.Status) != exitTimeout, !ok && errors.As(err, new(*exitError)):
		return err
	}

	return fmt.Errorf("%w (whether it was done is not known; asking again with --request-id %s does no harm)", err, requestID)
}

// rolloutText shows one rollout.
func (a *app) rolloutText(ro httpapi.Rollout) string {
	var t sheet

	t.line("Rollout", "%d  %s -> %s  %s", ro.Revision, cell(ro.From), cell(ro.To), a.word(strings.ToUpper(string(ro.Phase))))

	if ro.Message != "" {
		t.line("", "%s", cell(ro.Message))
	}

	started := fmt.Sprintf("%s ago by %s", a.since(ro.Started), cell(ro.Actor))
	if ro.Reason != "" {
		started += ": " + cell(ro.Reason)
	}

	if ro.Undoes != 0 {
		started += fmt.Sprintf(" (undoes %d)", ro.Undoes)
	}

	t.line("Started", "%s", started)

	if ro.Phase.Ended() {
		t.line("Took", "%s", took(ro.Updated.Sub(ro.Started)))
	}

	t.line("Stages", "%s", stageRail(ro.RolloutSummary))
	t.line("Shards", "%d/%d at %s, %d moving, %d held", ro.Share.At, ro.Share.Total, cell(ro.To), ro.Share.Moving, ro.Share.Held)
	ledgerLines(&t, ro.Ledger)

	return t.String()
}

// stageRail marks the stages that are done and the one that is not.
func stageRail(ro httpapi.RolloutSummary) string {
	var words []string

	for i, percent := range ro.Stages {
		mark := " "

		switch {
		case i+1 < ro.Stage || ro.Phase == httpapi.Completed:
			mark = "x"
		case i+1 == ro.Stage && !ro.Phase.Ended():
			mark = ">"
		}

		words = append(words, fmt.Sprintf("[%s] %d%%", mark, percent))
	}

	return strings.Join(words, "  ")
}

// maxHeldLines is how many held shards are shown. All are in the other formats.
const maxHeldLines = 10

func ledgerLines(t *sheet, l httpapi.Ledger) {
	t.line("Ledger", "%s moved, %s quarantined, %s held, %s lost", count(l.Moved), count(l.Quarantined),
		plural(uint64(len(l.Held)), "shard", "shards"), count(l.Lost))
	t.line("", "%s of shards, %s, %s aborted, %s died on the way", plural(l.Shards, "move", "moves"), bytesText(l.Bytes),
		plural(l.AbortedSessions, "session", "sessions"), plural(l.Restarts, "owner", "owners"))

	if l.Digest != "" {
		t.line("Digest", "%s", cell(l.Digest))
	}

	if l.PauseMS.Max > 0 {
		t.line("Pauses", "p50 %s  p99 %s  p99.9 %s  max %s", millis(l.PauseMS.P50), millis(l.PauseMS.P99),
			millis(l.PauseMS.P999), millis(l.PauseMS.Max))
	}

	name := "Held"

	for i, h := range slices.Backward(l.Held) {
		if len(l.Held)-i > maxHeldLines {
			t.line(name, "and %d more (-o json)", i+1)

			break
		}

		t.line(name, "shard %d  %s  %s", h.Shard, cell(h.Process), cell(h.Reason))

		name = ""
	}
}
