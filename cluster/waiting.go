package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/internal/transport"
)

// maxProbes is the number of seeds that are asked for their identity at a time.
const maxProbes = 3

var (
	errNotRun = errors.New("it does not run yet")

	// Nodes that expect different numbers of nodes wait.
	errExpect = errors.New("start all with the same number")
)

// Waiting returns why this start of the node is not a member yet, nil once it
// is one. It is for people; the conditions that time does not mend are
// [identity.ErrCookieMismatch], [gossip.ErrCookieMismatch] and
// [segue.ErrWrongCluster]. The node goes on trying all the same: the cookie or
// the seed may be what is replaced next.
func (c *Cluster) Waiting() error {
	c.whyMu.Lock()
	defer c.whyMu.Unlock()

	return c.why
}

// wait notes why the node is not a member, and logs it if that is new.
func (c *Cluster) wait(ctx context.Context, why error) {
	c.whyMu.Lock()
	known := c.why != nil && why != nil && c.why.Error() == why.Error()
	c.why = why
	c.whyMu.Unlock()

	if known || why == nil || ctx.Err() != nil {
		return
	}

	level := slog.LevelInfo
	if forPeople(why) {
		level = slog.LevelWarn
	}

	c.cfg.Logger.Log(ctx, level, "not joined yet", "because", why)
}

// forPeople reports whether a reason to wait is one that time does not mend.
func forPeople(why error) bool {
	for _, e := range [...]error{
		identity.ErrCookieMismatch, gossip.ErrCookieMismatch, gossip.ErrHungUp, segue.ErrWrongCluster, errExpect,
	} {
		if errors.Is(why, e) {
			return true
		}
	}

	return false
}

// alone returns why no other node was met, nil if that is not known. Only
// enter calls it.
func (c *Cluster) alone(ctx context.Context) error {
	s := c.gossip.JoinState()
	if s.Err == nil {
		return nil
	}

	if s.Tries != c.probedTry {
		c.probedTry, c.probed = s.Tries, nil

		if errors.Is(s.Err, gossip.ErrCookieMismatch) || errors.Is(s.Err, gossip.ErrHungUp) {
			c.probed = c.probe(ctx)
		}
	}

	if c.probed != nil {
		return c.probed
	}

	return s.Err
}

// probe asks the seeds who they are, where the data port is by default: after
// that of gossip. Gossip with another key or name is only silence, while the
// certificate says which. It returns nil if nothing was found out.
func (c *Cluster) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()

	for _, seed := range c.cfg.Join[:min(len(c.cfg.Join), maxProbes)] {
		host, port, err := net.SplitHostPort(seed)
		if err != nil {
			continue
		}

		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || n == 1<<16-1 {
			continue
		}

		conn, err := c.transport.DialAddr(ctx, net.JoinHostPort(host, strconv.FormatUint(n+1, 10)), transport.RPC)
		if err == nil {
			_ = conn.Close() //nolint:errcheck // it was only asked who it is

			continue
		}

		if errors.Is(err, identity.ErrCookieMismatch) || errors.Is(err, segue.ErrWrongCluster) {
			return fmt.Errorf("seed %s: %w", seed, err)
		}
	}

	return nil
}
