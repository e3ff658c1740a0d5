package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func newRolloutStatus(a *app) *cobra.Command {
	var watch watchFlags

	cmd := &cobra.Command{
		Use:     "status [REVISION]",
		Aliases: []string{"get"},
		Short:   "Show one rollout, the newest if none is named, with its ledger",
		Example: "  segue rollout status\n  segue rollout status 42 --watch\n  segue rollout status 42 -o json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rev, err := parseRevision(args)
			if err != nil {
				return err
			}

			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()

			ctx, cancel := a.within(cmd.Context(), watch.limit())
			defer cancel()

			if watch.on {
				return a.follow(ctx, c, rev, watch, outcomeOf)
			}

			ro, err := c.Rollout(ctx, rev)
			if err != nil {
				return err
			}

			if err := a.print(ro, func() string { return a.rolloutText(ro) }); err != nil {
				return err
			}

			if !ro.Phase.Ended() {
				a.nextf("segue rollout status %d --watch  |  segue rollout abort %d", ro.Revision, ro.Revision)
			}

			return nil
		},
	}
	watch.add(cmd)

	return cmd
}

func newRolloutList(a *app) *cobra.Command {
	limit := 0

	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"history"},
		Short:   "List rollouts, the newest first",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
				ros, err := c.Rollouts(ctx)
				if err != nil {
					return err
				}

				if limit > 0 {
					ros = ros[:min(limit, len(ros))]
				}

				return a.print(ros, func() string {
					if len(ros) == 0 {
						return "there was no rollout yet\n"
					}

					return a.rolloutTable(ros).text(a)
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many (0: all that are kept)")

	return cmd
}

func (a *app) rolloutTable(ros []httpapi.Rollout) *table {
	t := &table{columns: []column{
		{name: "REVISION", right: true},
		{name: "FROM"},
		{name: "TO"},
		{name: "PHASE", paint: paintWord},
		{name: "BY"},
		{name: "AGE", right: true},
		{name: "TOOK", right: true},
		{name: "MOVED", right: true},
		{name: "QUARANTINED", right: true},
		{name: "HELD", right: true},
		{name: "LOST", right: true},
		{name: "REASON"},
		{name: "UNDOES", wide: true, right: true},
		{name: "MESSAGE", wide: true},
		{name: "REQUEST", wide: true},
	}}

	for _, ro := range ros {
		lasted := ""
		if ro.Phase.Ended() {
			lasted = took(ro.Updated.Sub(ro.Started))
		}

		l := ro.Ledger
		t.add(number(ro.Revision), ro.From, ro.To, string(ro.Phase), ro.Actor, a.since(ro.Started), lasted, count(l.Moved),
			count(l.Quarantined), count(uint64(len(l.Held))), count(l.Lost), ro.Reason, number(ro.Undoes), ro.Message, ro.RequestID)
	}

	return t
}
