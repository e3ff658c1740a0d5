package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Is the cluster well, who leads, which release owns what",
		Long: "Is the cluster well, who leads, which release owns what.\n\n" +
			"Without a leader it shows what the node last knew, and exits with 5.",
		GroupID: groupLook,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
				s, err := c.Status(ctx)
				if err != nil {
					return err
				}

				if err := a.print(s, func() string { return a.statusText(s) }); err != nil {
					return err
				}

				if s.Stale {
					return &exitError{code: exitUnavailable, err: errors.New("the node sees no leader; this is what it last knew")}
				}

				return nil
			})
		},
	}
}

// A sheet is text with a name before each part.
type sheet struct{ b strings.Builder }

// line adds a line; one without a name goes on with the part above.
func (s *sheet) line(name, format string, args ...any) {
	s.b.WriteString(strings.TrimRight(fmt.Sprintf("%-10s%s", name, fmt.Sprintf(format, args...)), " ") + "\n")
}

// String returns all lines.
func (s *sheet) String() string { return s.b.String() }

func (a *app) statusText(s httpapi.Status) string {
	var t sheet

	t.line("Cluster", "%s  %s", cell(s.Cluster), a.word(strings.ToUpper(string(s.Health))))

	for _, r := range s.Reasons {
		t.line("", "%s", cell(r))
	}

	leader := cell(s.Leader)
	if s.Stale {
		leader = "none"
	}

	t.line("Leader", "%s  term %d, index %d, voters %d/%d, %s", leader, s.Term, s.Index, s.VotersHealthy, s.Voters,
		"tolerates "+plural(uint64(max(s.Tolerates, 0)), "failure", "failures"))

	name := "Releases"
	for _, r := range s.Releases {
		t.line(name, "%s  %s  %d/%d shards (%.1f%%)", cell(r.Release),
			plural(uint64(max(r.Nodes, 0)), "node", "nodes"), r.Shards, s.Shards.Total, r.Share*100)

		name = ""
	}

	t.line("Shards", "%s", shardWords(s.Shards))

	if ro := s.Rollout; ro != nil {
		t.line("Rollout", "%d  %s -> %s  %s  %s  %s ago", ro.Revision, cell(ro.From), cell(ro.To),
			a.word(strings.ToUpper(string(ro.Phase))), stageWords(*ro), a.since(ro.Updated))

		if ro.Message != "" {
			t.line("", "%s", cell(ro.Message))
		}
	}

	if s.Losses.Losses > 0 {
		t.line("Lost", "%s in %s (segue losses)", plural(s.Losses.Processes, "process", "processes"),
			plural(uint64(s.Losses.Losses), "loss", "losses"))
	}

	if ro := s.Rollout; ro != nil && !ro.Phase.Ended() {
		t.line("Next", "segue rollout status %d --watch  |  segue rollout abort %d", ro.Revision, ro.Revision)
	}

	return t.String()
}

// shardWords counts shards in words, without what there is none of.
func shardWords(c httpapi.ShardCounts) string {
	var words []string

	for _, w := range [...]struct {
		n    int
		what string
	}{{c.Owned, "owned"}, {c.Moving, "moving"}, {c.Held, "held"}, {c.Unowned, "unowned"}, {c.Lost, "lost"}} {
		if w.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", w.n, w.what))
		}
	}

	if len(words) == 0 {
		return "none"
	}

	return strings.Join(words, ", ")
}

// stageWords says how far a rollout has come.
func stageWords(ro httpapi.RolloutSummary) string {
	if ro.Phase.Ended() || ro.Stage < 1 || ro.Stage > len(ro.Stages) {
		return fmt.Sprintf("%d/%d shards", ro.Share.At, ro.Share.Total)
	}

	return fmt.Sprintf("stage %d/%d (%d%%), %d/%d shards", ro.Stage, len(ro.Stages), ro.Stages[ro.Stage-1],
		ro.Share.At, ro.Share.Total)
}
