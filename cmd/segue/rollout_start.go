package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

func newRolloutStart(a *app) *cobra.Command {
	var (
		req   httpapi.StartRequest
		watch watchFlags
	)

	cmd := &cobra.Command{
		Use:   "start --to RELEASE",
		Short: "Start a rollout",
		Long: "Start a rollout: shards move to the nodes of a release, stage by stage, while every request is served.\n\n" +
			"The nodes of that release must be members already. One rollout runs at a time.",
		Example: "  segue rollout start --to 1.0.1 --watch\n  segue rollout start --to 1.0.1 --stages 5,50,100 --reason \"release 4411\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.To == "" {
				return usagef("--to is missing: the release to go to")
			}

			req.Actor = a.actor()
			if req.RequestID == "" {
				req.RequestID = newRequestID()
			}

			return a.begin(cmd.Context(), watch, req.RequestID,
				func(ctx context.Context, c *httpapi.Client) (httpapi.Rollout, error) { return c.StartRollout(ctx, req) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.To, "to", "", "release to go to (required)")
	f.IntSliceVar(&req.Stages, "stages", nil, "shares of all shards in percent, rising to 100 (default 5,50,100)")
	f.StringVar(&req.Reason, "reason", "", "why, for the record")
	f.StringVar(&req.RequestID, "request-id", "", "makes a repeated start harmless (default a random one)")
	watch.add(cmd)

	return cmd
}

func newRequestID() string { return segue.NewNodeID().String() }

// begin starts a rollout with start, says so, and watches it if asked to.
func (a *app) begin(
	ctx context.Context, w watchFlags, requestID string,
	start func(ctx context.Context, c *httpapi.Client) (httpapi.Rollout, error),
) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()

	ctx, cancel := a.within(ctx, w.limit())
	defer cancel()

	asking, done := w.asking(ctx)
	defer done()

	ro, err := insist(asking, a, func(ctx context.Context) (httpapi.Rollout, error) { return start(ctx, c) })
	if err != nil {
		return repeatable(err, requestID)
	}

	started := startedText(ro)

	if w.on {
		a.notef("%s", strings.TrimSuffix(started, "\n"))

		return a.follow(ctx, c, ro.Revision, w, outcomeOf)
	}

	if err := a.print(ro, func() string { return started }); err != nil {
		return err
	}

	a.nextf("segue rollout status %d --watch", ro.Revision)

	return nil
}

func startedText(ro httpapi.Rollout) string {
	var stages []string
	for _, s := range ro.Stages {
		stages = append(stages, fmt.Sprintf("%d%%", s))
	}

	undoes := ""
	if ro.Undoes != 0 {
		undoes = fmt.Sprintf(", undoes %d", ro.Undoes)
	}

	return fmt.Sprintf("rollout %d started: %s -> %s, stages %s%s\n", ro.Revision, cell(ro.From), cell(ro.To),
		strings.Join(stages, " "), undoes)
}

// outcomeOf returns how a rollout that ended, or is paused, ends the program.
func outcomeOf(ro httpapi.Rollout) error {
	message := ""
	if ro.Message != "" {
		message = ": " + cell(ro.Message)
	}

	err := fmt.Errorf("rollout %d to %s is %s%s", ro.Revision, cell(ro.To), ro.Phase, message)

	switch ro.Phase {
	case httpapi.Completed:
		return nil
	case httpapi.RolledBack:
		if ro.Aborted {
			return &exitError{code: exitAborted, err: err}
		}

		return &exitError{code: exitRolledBack, err: err}
	case httpapi.Failed:
		return &exitError{code: exitFailed, err: err, next: "segue status"}
	case httpapi.Paused:
		return &exitError{code: exitPaused, err: err}
	case httpapi.Pending, httpapi.Preflight, httpapi.Rehearsing, httpapi.Progressing, httpapi.Gating, httpapi.Baking,
		httpapi.Finalizing, httpapi.Aborting, httpapi.RollingBack:
	}

	return errors.New("the rollout goes on")
}
