package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func newLosses(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "losses",
		Short:   "List what was lost with nodes that died as the only holders",
		GroupID: groupLook,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
				losses, err := c.Losses(ctx)
				if err != nil {
					return err
				}

				return a.print(losses, func() string {
					if len(losses) == 0 {
						return "nothing was lost\n"
					}

					return lossTable(losses).text(a)
				})
			})
		},
	}
}

func lossTable(losses []httpapi.Loss) *table {
	t := &table{columns: []column{
		{name: "INDEX", right: true},
		{name: "SHARD", right: true},
		{name: "NODE"},
		{name: "LOST", right: true},
		{name: "ROLLOUT", right: true},
		{name: "PROCESSES"},
	}}

	for _, l := range losses {
		t.add(number(l.Index), strconv.FormatUint(uint64(l.Shard), 10), l.Node, count(l.Count), number(l.Rollout),
			strings.Join(l.Processes, " "))
	}

	return t
}
