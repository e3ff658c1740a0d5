package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func newDrain(a *app) *cobra.Command {
	var (
		watch    bool
		interval time.Duration
	)

	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "Move everything off a node, which stays a member",
		Long: "Move everything off a node, given by name or id. It stays a member, serves what it still has, forwards the\n" +
			"rest, and gets nothing until \"segue undrain\".",
		GroupID:           groupChange,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.nodeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()

			w := watchFlags{on: watch}

			ctx, cancel := a.within(cmd.Context(), w.limit())
			defer cancel()

			asking, done := w.asking(ctx)
			defer done()

			m, err := insist(asking, a, func(ctx context.Context) (httpapi.Member, error) { return c.Drain(ctx, args[0]) })
			if err != nil {
				return err
			}

			if watch {
				return a.followDrain(ctx, c, m, interval)
			}

			if err := a.print(m, func() string { return drainLine(m) + "\n" }); err != nil {
				return err
			}

			a.nextf("segue drain %s --watch  |  segue undrain %s", m.Node, m.Node)

			return nil
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "wait until the node owns nothing")
	cmd.Flags().DurationVar(&interval, "interval", defaultInterval, "how often to ask while watching")

	return cmd
}

func drainLine(m httpapi.Member) string {
	if m.Shards == 0 {
		return fmt.Sprintf("drained %s  remaining: 0 (complete)", m.Node)
	}

	return fmt.Sprintf("draining %s  remaining: %s, %s", m.Node, plural(uint64(m.Shards), "shard", "shards"), //nolint:gosec // a count
		plural(m.Processes, "process", "processes"))
}

// followDrain waits until a node owns nothing, or has left.
func (a *app) followDrain(ctx context.Context, c *httpapi.Client, m httpapi.Member, interval time.Duration) error {
	p := &poller{a: a, interval: interval, note: a.notef}
	shown := ""

	err := p.poll(ctx, func(ctx context.Context) (bool, error) {
		members, err := c.Members(ctx)
		if err != nil {
			return false, err
		}

		now := m
		now.Shards, now.Processes = 0, 0 // if it has left

		for _, other := range members {
			if other.ID == m.ID {
				now = other
			}
		}

		m = now

		if line := drainLine(m); line != shown && m.Shards > 0 {
			shown = line
			a.notef("%s", line)
		}

		return m.Shards == 0, nil
	})
	if err != nil {
		return goesOn(err, "the drain of "+m.Node, "segue drain "+m.Node+" --watch")
	}

	if err := a.print(m, func() string { return drainLine(m) + "\n" }); err != nil {
		return err
	}

	a.nextf("stop the node  |  segue undrain %s", m.Node)

	return nil
}

func newUndrain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "undrain NODE",
		Short:             "Let a node own shards again",
		GroupID:           groupChange,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.nodeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ask(cmd.Context(), func(ctx context.Context, c *httpapi.Client) error {
				m, err := insist(ctx, a, func(ctx context.Context) (httpapi.Member, error) { return c.Undrain(ctx, args[0]) })
				if err != nil {
					return err
				}

				if err := a.print(m, func() string { return m.Node + " may own shards again\n" }); err != nil {
					return err
				}

				a.nextf("segue members")

				return nil
			})
		},
	}
}
