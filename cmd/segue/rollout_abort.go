package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func newRolloutAbort(a *app) *cobra.Command {
	var (
		req   httpapi.AbortRequest
		watch watchFlags
	)

	cmd := &cobra.Command{
		Use:   "abort [REVISION]",
		Short: "Take back a rollout that has not ended",
		Long: "Take back a rollout that has not ended, the newest if none is named: what has moved moves back.\n\n" +
			"With --watch the exit code is 0 once everything is back. Others who watch the rollout get 11.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rev, err := parseRevision(args)
			if err != nil {
				return err
			}

			req.Actor = a.actor()

			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()

			ctx, cancel := a.within(cmd.Context(), watch.limit())
			defer cancel()

			asking, done := watch.asking(ctx)
			defer done()

			ro, err := insist(asking, a, func(ctx context.Context) (httpapi.Rollout, error) { return c.AbortRollout(ctx, rev, req) })
			if err != nil {
				return err
			}

			text := fmt.Sprintf("rollout %d is %s: its shards go back to %s", ro.Revision, ro.Phase, cell(ro.From))

			if watch.on {
				a.notef("%s", text)

				return a.follow(ctx, c, ro.Revision, watch, func(ro httpapi.Rollout) error {
					if ro.Phase == httpapi.RolledBack {
						return nil
					}

					return outcomeOf(ro)
				})
			}

			if err := a.print(ro, func() string { return text + "\n" }); err != nil {
				return err
			}

			a.nextf("segue rollout status %d --watch", ro.Revision)

			return nil
		},
	}
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the record")
	watch.add(cmd)

	return cmd
}

func newRolloutUndo(a *app) *cobra.Command {
	var (
		req   httpapi.UndoRequest
		watch watchFlags
	)

	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Start a rollout back to where the last completed one came from",
		Long: "Start a rollout back to where the last completed one came from, in one stage.\n\n" +
			"The nodes of the former release must be members. A tool that deploys from a repository may bring the newer\n" +
			"release back.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Actor = a.actor()
			if req.RequestID == "" {
				req.RequestID = newRequestID()
			}

			return a.begin(cmd.Context(), watch, req.RequestID,
				func(ctx context.Context, c *httpapi.Client) (httpapi.Rollout, error) { return c.UndoRollout(ctx, req) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Reason, "reason", "", "why, for the record")
	f.StringVar(&req.RequestID, "request-id", "", "makes a repeated undo harmless (default a random one)")
	watch.add(cmd)

	return cmd
}
