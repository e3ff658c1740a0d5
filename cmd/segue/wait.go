package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

const defaultWait = time.Minute

func newWait(a *app) *cobra.Command {
	var interval time.Duration

	cmd := &cobra.Command{
		Use:   "wait CONDITION...",
		Short: "Wait until the cluster is as a script needs it",
		Long: `Wait until all of the conditions hold at once:

  leader           there is a leader
  members=N        at least N nodes are alive
  release=V:N      at least N nodes of release V are alive and can take shards
  shards           every shard is owned, and none is on its way

The address need not answer yet. Exits with 7 when --timeout (default 1m) is over.`,
		Example: "  segue wait leader members=3\n  segue wait release=1.0.1:3 --timeout 2m",
		GroupID: groupScript,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var conditions []condition

			for _, arg := range args {
				c, err := parseCondition(arg)
				if err != nil {
					return err
				}

				conditions = append(conditions, c)
			}

			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()

			ctx, cancel := a.within(cmd.Context(), defaultWait)
			defer cancel()

			return a.wait(ctx, c, conditions, interval)
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", defaultInterval, "how often to ask")

	return cmd
}

// A condition returns what is missing, "" if nothing is.
type condition func(s httpapi.Status, members []httpapi.Member) string

func parseCondition(arg string) (condition, error) {
	name, value, _ := strings.Cut(arg, "=")

	switch {
	case arg == "leader":
		return hasLeader, nil
	case arg == "shards":
		return shardsSettled, nil
	case name == "members":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return nil, usagef("condition %q: want members=NUMBER", arg)
		}

		return alive("", n), nil
	case name == "release":
		release, number, _ := strings.Cut(value, ":")

		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || release == "" {
			return nil, usagef("condition %q: want release=RELEASE:NUMBER, as in release=1.0.1:3", arg)
		}

		return alive(release, n), nil
	}

	return nil, usagef("condition %q: want leader, shards, members=NUMBER or release=RELEASE:NUMBER", arg)
}

func hasLeader(s httpapi.Status, _ []httpapi.Member) string {
	if s.Leader == "" {
		return "there is no leader"
	}

	return ""
}

func shardsSettled(s httpapi.Status, _ []httpapi.Member) string {
	if c := s.Shards; c.Total == 0 || c.Moving > 0 || c.Unowned > 0 {
		return "shards: " + shardWords(c)
	}

	return ""
}

// alive wants n members, of a release that can take shards if one is named.
func alive(release string, n uint64) condition {
	return func(_ httpapi.Status, members []httpapi.Member) string {
		var found uint64

		for _, m := range members {
			if m.Status == httpapi.StatusAlive && (release == "" || m.Release == release && m.Hosting && !m.Draining) {
				found++
			}
		}

		switch {
		case found >= n:
			return ""
		case release == "":
			return fmt.Sprintf("%d of %d members are alive", found, n)
		}

		return fmt.Sprintf("%d of %d nodes of release %s are alive", found, n, cell(release))
	}
}

func (a *app) wait(ctx context.Context, c *httpapi.Client, conditions []condition, interval time.Duration) error {
	last := "no answer from " + a.addr

	for {
		once, cancel := context.WithTimeout(ctx, pollTimeout)
		lacking, err := look(once, c, conditions)

		cancel()

		switch {
		case err == nil && lacking == "":
			return nil
		case errors.Is(err, httpapi.ErrUnauthorized):
			return err
		case ctx.Err() != nil: // whatever this look said
		case err != nil:
			lacking = err.Error()
		}

		if lacking != last && lacking != "" {
			a.notef("%s", lacking)

			last = lacking
		}

		if ctx.Err() != nil || !pause(ctx, max(interval, minInterval)) {
			break
		}
	}

	if errors.Is(ctx.Err(), context.Canceled) {
		return &exitError{code: exitInterrupted}
	}

	return &exitError{code: exitTimeout, err: fmt.Errorf("the time is over: %s", last)}
}

// look returns what is missing now.
func look(ctx context.Context, c *httpapi.Client, conditions []condition) (string, error) {
	s, err := c.Status(ctx)
	if err != nil {
		return "", err
	}

	members, err := c.Members(ctx)
	if err != nil {
		return "", err
	}

	var lacking []string

	for _, cond := range conditions {
		if what := cond(s, members); what != "" {
			lacking = append(lacking, what)
		}
	}

	return strings.Join(lacking, "; "), nil
}
