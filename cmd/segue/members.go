package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func newMembers(a *app) *cobra.Command {
	var statuses, release string

	cmd := &cobra.Command{
		Use:     "members",
		Short:   "List the nodes as gossip, raft and the ownership table see them",
		Example: "  segue members\n  segue members --release 1.0.1 -o wide\n  segue members --status failed,fenced",
		GroupID: groupLook,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
				all, err := c.Members(ctx)
				if err != nil {
					return err
				}

				picked := pickMembers(all, statuses, release)
				if len(picked) == 0 {
					return &exitError{code: exitNotFound, err: fmt.Errorf("none of %s matches", plural(uint64(len(all)), "member", "members"))}
				}

				if err := a.print(picked, func() string { return a.memberTable(picked).text(a) }); err != nil {
					return err
				}

				a.memberNotes(picked)

				return nil
			})
		},
	}
	cmd.Flags().StringVar(&statuses, "status", "", "only these: alive, suspect, failed, leaving, left, fenced")
	cmd.Flags().StringVar(&release, "release", "", "only nodes of this release")

	return cmd
}

func pickMembers(all []httpapi.Member, statuses, release string) []httpapi.Member {
	var picked []httpapi.Member

	for _, m := range all {
		if (statuses == "" || slices.Contains(strings.Split(statuses, ","), string(m.Status))) &&
			(release == "" || release == m.Release) {
			picked = append(picked, m)
		}
	}

	return picked
}

func (a *app) memberTable(members []httpapi.Member) *table {
	t := &table{columns: []column{
		{name: "NODE"},
		{name: "STATUS", paint: paintWord},
		{name: "RELEASE"},
		{name: "SHARDS", right: true},
		{name: "PROCESSES", right: true},
		{name: "DRAIN"},
		{name: "RAFT"},
		{name: "UP", right: true},
		{name: "ID", wide: true},
		{name: "INCARNATION", wide: true, right: true},
		{name: "GOSSIP", wide: true},
		{name: "DATA", wide: true},
		{name: "ADMIN", wide: true},
		{name: "GATEWAY", wide: true},
		{name: "HOST", wide: true},
	}}

	for _, m := range members {
		shards, processes, drain := "", "", ""
		if m.Hosting {
			shards, processes = count(uint64(m.Shards)), count(m.Processes) //nolint:gosec // a count
		}

		if m.Draining {
			drain = "draining"
		}

		t.add(m.Node, string(m.Status), m.Release, shards, processes, drain, string(m.Raft), a.since(m.Since), m.ID.String(),
			number(m.Incarnation), m.Addrs.Gossip, m.Addrs.Data, m.Addrs.Admin, m.Addrs.Gateway, m.Host)
	}

	return t
}

// memberNotes says what the table has no room for.
func (a *app) memberNotes(members []httpapi.Member) {
	if !a.format.forPeople() {
		return
	}

	for _, m := range members {
		if m.Note != "" {
			a.notef("! %s: %s", m.Node, m.Note)
		}
	}
}
