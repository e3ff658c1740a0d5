package cluster

import (
	"context"
	"time"

	"github.com/segue-cluster/segue/cluster/deathwatch"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// deathEvery is the time between two looks at the locks of the nodes on this
// host.
const deathEvery = 200 * time.Millisecond

// watchDeaths tells the leader about nodes on this host that are dead beyond
// doubt, until ctx is done.
func (c *Cluster) watchDeaths(ctx context.Context) {
	if c.lock == nil {
		return
	}

	boot := deathwatch.BootID()
	tick := time.NewTicker(deathEvery)

	defer tick.Stop()

	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}

		var here []ownership.Member

		c.machine.view(func(t *ownership.Table) {
			for id, m := range t.Members {
				if id != c.id && m.Host == boot && !m.Fenced {
					here = append(here, m)
				}
			}
		})

		for _, m := range here {
			dead, err := deathwatch.Certify(c.lockDir(), m.Node, m.Start)
			if err != nil {
				c.cfg.Logger.DebugContext(ctx, "cannot look at a lock", "node", m.Node, "err", err)
			}

			if dead {
				c.certify(ctx, &m)
			}
		}
	}
}

func (c *Cluster) certify(ctx context.Context, m *ownership.Member) {
	leader, ok := c.raft.Leader()
	if !ok || leader == m.Node {
		return // a new leader is on its way
	}

	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()

	if err := c.ask(ctx, leader, opCertify, &nodeBody{Node: m.Node, Inc: m.Inc}, nil); err != nil {
		c.cfg.Logger.DebugContext(ctx, "cannot certify a death", "node", m.Node, "err", err)
	}
}
