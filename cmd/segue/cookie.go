package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/cluster/identity"
)

func newCookie(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cookie",
		Short:   "Make the secret that the nodes of a cluster share",
		GroupID: groupScript,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
			}

			return cmd.Help()
		},
	}
	cmd.AddCommand(newCookieGen(a))

	return cmd
}

func newCookieGen(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "gen [FILE]",
		Short: "Make a new cookie",
		Long: "Make a new cookie: print it, or write it to a new file that only its owner can read.\n\n" +
			"A file that exists is never overwritten. Every node of a cluster needs the same cookie.",
		Example: "  segue cookie gen cookie\n  segue cookie gen | kubectl create secret generic segue --from-file=cookie=/dev/stdin",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				if _, err := fmt.Fprintln(a.out, identity.GenerateCookie()); err != nil {
					return fmt.Errorf("print: %w", err)
				}

				return nil
			}

			if _, err := identity.WriteCookieFile(args[0]); err != nil {
				if errors.Is(err, fs.ErrExist) {
					return &exitError{code: exitRefused, err: err}
				}

				return err
			}

			if _, err := fmt.Fprintf(a.out, "wrote %s\n", args[0]); err != nil {
				return fmt.Errorf("print: %w", err)
			}

			a.nextf("give every node a copy, and start it with --cookie-file %s", args[0])

			return nil
		},
	}
}
