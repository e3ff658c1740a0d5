package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// completionTimeout is how long a completion may keep a shell waiting.
const completionTimeout = 500 * time.Millisecond

// nodeNames completes the name of a member. A cluster that does not answer has
// none.
func (a *app) nodeNames(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const nothing = cobra.ShellCompDirectiveNoFileComp

	if len(args) > 0 || a.complete() != nil {
		return nil, nothing
	}

	c, err := a.client()
	if err != nil {
		return nil, nothing
	}
	defer c.Close()

	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()

	members, err := c.Members(ctx)
	if err != nil {
		return nil, nothing
	}

	var names []cobra.Completion
	for _, m := range members {
		names = append(names, cobra.CompletionWithDesc(m.Node, string(m.Status)))
	}

	return names, nothing
}

// completeNodes makes a flag complete to names of members.
func (a *app) completeNodes(cmd *cobra.Command, flag string) {
	err := cmd.RegisterFlagCompletionFunc(flag,
		func(cmd *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.nodeNames(cmd, nil, prefix)
		})
	if err != nil {
		panic("segue: " + err.Error()) // the flag is not defined: a mistake in this program
	}
}
