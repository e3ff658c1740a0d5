package cluster

import (
	"net"
	"strconv"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/deathwatch"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/transport"
)

// identityOfCluster returns the id of the cluster, zero while this node belongs
// to none.
func (c *Cluster) identityOfCluster() (ownership.ClusterID, uint64) {
	var (
		id         ownership.ClusterID
		generation uint64
	)

	c.machine.view(func(t *ownership.Table) { id, generation = t.ID, t.Generation })

	if (id == ownership.ClusterID{}) {
		kept := c.store.Identity()

		return kept.Cluster, kept.Generation
	}

	return id, generation
}

// intro is what this node says of itself at each connection.
func (c *Cluster) intro() transport.Intro {
	id, generation := c.identityOfCluster()

	return transport.Intro{
		ClusterID: id, Generation: generation, Node: c.id, Name: c.cfg.Name.String(), Start: c.start,
		ProtoMin: protoMin, ProtoMax: protoMax, Build: segue.Version, Ext: c.cfg.Introduce,
	}
}

// checkPeer refuses peers of an older generation: their cluster was formed
// anew without them.
func (c *Cluster) checkPeer(_ string, peer transport.Intro) error {
	_, generation := c.identityOfCluster()
	if peer.Generation != 0 && generation != 0 && peer.Generation != generation {
		return segue.ErrWrongCluster
	}

	return nil
}

// meta is what this node tells all others by gossip.
func (c *Cluster) meta() gossip.Meta {
	id, _ := c.identityOfCluster()

	m := gossip.Meta{
		Node: c.id, Release: c.cfg.Name.Release, ProtoMin: protoMin, ProtoMax: protoMax,
		Expect: uint8(c.cfg.Expect), //nolint:gosec // validated to be at most 5
	}
	copy(m.Cluster[:], id[:])

	if _, port, err := net.SplitHostPort(c.transport.Addr().String()); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			m.DataPort = uint16(n)
		}
	}

	if c.lock != nil {
		m.BootHash = deathwatch.BootHash(deathwatch.BootID())
	}

	if (id == ownership.ClusterID{}) {
		m.Flags |= gossip.FlagVirgin
	}

	if c.stopping.Load() {
		m.Flags |= gossip.FlagStopping
	}

	if c.raft != nil && c.raft.IsLeader() {
		m.Flags |= gossip.FlagLeader
	}

	c.machine.view(func(t *ownership.Table) {
		if t.Members[c.id].Draining {
			m.Flags |= gossip.FlagDraining
		}
	})

	return m
}

// refreshMeta tells the others what has changed about this node.
func (c *Cluster) refreshMeta() {
	if m := c.meta(); m != c.gossip.Meta() {
		if err := c.gossip.UpdateMeta(m); err != nil {
			c.cfg.Logger.Warn("cannot tell the others about this node", "err", err)
		}
	}
}

// resolve finds the address of a node's data port: in the table, or by gossip
// as long as the node is not in it.
func (c *Cluster) resolve(id segue.NodeID) (string, bool) {
	if m, ok := c.gossip.Lookup(id); ok && m.Status.Live() && m.DataAddr != "" {
		return m.DataAddr, true
	}

	addr := ""
	c.machine.view(func(t *ownership.Table) { addr = t.Members[id].Addrs.Data })

	return addr, addr != ""
}

// knownAddrs are the addresses of nodes that this one remembers.
func (c *Cluster) knownAddrs() []string {
	var addrs []string

	c.machine.view(func(t *ownership.Table) {
		for id, m := range t.Members {
			if id != c.id && m.Addrs.Gossip != "" {
				addrs = append(addrs, m.Addrs.Gossip)
			}
		}
	})

	return addrs
}

// Status returns what this node says about itself.
func (c *Cluster) Status() Status {
	id, generation := c.identityOfCluster()
	p := c.raft.Progress()
	leader, _ := c.raft.Leader()

	s := Status{
		Node: c.id, Name: c.cfg.Name.String(), Start: c.start, Cluster: id, Generation: generation,
		Virgin: !c.raft.HasState(), Expect: uint8(c.cfg.Expect), //nolint:gosec // validated to be at most 5
		Leader: leader, Applied: p.Applied, Term: p.Term, Config: p.ConfigIndex, Contact: -1,
	}

	if !p.LastContact.IsZero() {
		s.Contact = time.Since(p.LastContact).Milliseconds()
	}

	return s
}

func (c *Cluster) lockDir() string {
	return deathwatch.DefaultDir(c.cfg.Keys.Cluster(), c.cfg.Keys.ID())
}
