package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

func newOwners(a *app) *cobra.Command {
	var f httpapi.OwnerFilter

	cmd := &cobra.Command{
		Use:     "owners [SHARD...]",
		Short:   "List who owns each shard, and where it is going",
		Example: "  segue owners 17\n  segue owners --release 1.0.1\n  segue owners --state held",
		GroupID: groupLook,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				n, err := strconv.ParseUint(arg, 10, 32)
				if err != nil {
					return usagef("%q is not the number of a shard", arg)
				}

				f.Shards = append(f.Shards, segue.ShardID(n))
			}

			return a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
				owners, err := c.Owners(ctx, f)
				if err != nil {
					return err
				}

				if len(owners) == 0 {
					return &exitError{code: exitNotFound, err: errors.New("no shard matches")}
				}

				return a.print(owners, func() string { return ownerTable(owners).text(a) })
			})
		},
	}
	cmd.Flags().StringVar(&f.Node, "node", "", "only shards of this node, by name or id")
	cmd.Flags().StringVar(&f.Release, "release", "", "only shards owned by this release")
	cmd.Flags().StringVar((*string)(&f.State), "state", "", "only these: owned, opening, moving, held, unowned or lost")
	a.completeNodes(cmd, "node")

	return cmd
}

func ownerTable(owners []httpapi.Owner) *table {
	t := &table{columns: []column{
		{name: "SHARD", right: true},
		{name: "OWNER"},
		{name: "RELEASE"},
		{name: "EPOCH", right: true},
		{name: "STATE", paint: paintWord},
		{name: "TO"},
		{name: "DETAIL"},
		{name: "SESSION", wide: true, right: true},
		{name: "MIRROR", wide: true},
		{name: "OWNER ID", wide: true},
	}}

	for _, o := range owners {
		t.add(strconv.FormatUint(uint64(o.Shard), 10), o.Owner, o.Release, number(o.Epoch), string(o.State), o.Assigned,
			ownerDetail(o), number(o.Session), o.Mirror, o.OwnerID.String())
	}

	return t
}

func ownerDetail(o httpapi.Owner) string {
	switch {
	case o.Lost > 0:
		return plural(o.Lost, "process", "processes") + " lost"
	case o.Hold == nil:
		return ""
	case o.Hold.Process != "":
		return fmt.Sprintf("%s: %s", o.Hold.Process, o.Hold.Reason)
	}

	return o.Hold.Reason
}
