package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

// versions is what "version" prints: of this program and of a node.
type versions struct {
	Client httpapi.Version  `json:"client"`
	Node   *httpapi.Version `json:"node,omitempty"`
}

func newVersion(a *app) *cobra.Command {
	var short, node bool

	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program, and with --node of a node",
		GroupID: groupScript,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versions{Client: httpapi.BuildVersion()}

			if node {
				err := a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
					n, err := c.Version(ctx)
					v.Node = &n

					return err
				})
				if err != nil {
					return err
				}
			}

			return a.print(v, func() string {
				if short {
					return v.Client.Segue + "\n"
				}

				text := "segue " + versionLine(v.Client)
				if v.Node != nil {
					text += fmt.Sprintf("node  %s, %s %s: segue %s", cell(v.Node.Node), cell(v.Node.App), cell(v.Node.Release), versionLine(*v.Node))
				}

				return text
			})
		},
	}
	cmd.Flags().BoolVar(&short, "short", false, "only the number")
	cmd.Flags().BoolVar(&node, "node", false, "ask the node at --addr too")

	return cmd
}

func versionLine(v httpapi.Version) string {
	commit := ""
	if v.Commit != "" {
		commit = " (" + cell(v.Commit) + ")"
	}

	return fmt.Sprintf("%s%s %s %s\n", cell(v.Segue), commit, cell(v.Go), cell(v.Platform))
}
