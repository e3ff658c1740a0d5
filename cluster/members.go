package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// A MemberView is a node as gossip, raft and the table see it. Where they
// disagree, Notes says so.
type MemberView struct {
	Node     segue.NodeID
	Name     segue.NodeName
	Inc      segue.Incarnation // 0: gossip knows it, the table does not
	Release  string
	Status   string // alive, suspect, failed, leaving, left, fenced, unknown
	Since    time.Time
	Addrs    ownership.Addrs
	Host     string
	Draining bool
	Hosting  bool
	Raft     string // voter, nonvoter, none
	Leader   bool
	Shards   int // owned
	Arriving int // assigned here, not owned
	Notes    []string
}

// Members returns every node that gossip or the table knows, by release and
// name. It works without a leader, from what this node knows.
func (c *Cluster) Members() []MemberView {
	views := map[segue.NodeID]*MemberView{}

	c.machine.view(func(t *ownership.Table) {
		for id, m := range t.Members {
			views[id] = memberOf(&m)
		}

		for i := range t.Shards {
			if v := views[t.Shards[i].Owner]; v != nil {
				v.Shards++
			}

			if v := views[t.Shards[i].Assigned]; v != nil && t.Shards[i].Assigned != t.Shards[i].Owner {
				v.Arriving++
			}
		}
	})

	c.addRaft(views)
	c.addGossip(views)

	list := make([]MemberView, 0, len(views))
	for _, v := range views {
		if v.Status == "" {
			v.Status = "unknown"
			v.Notes = append(v.Notes, "gossip does not know it")
		}

		list = append(list, *v)
	}

	slices.SortFunc(list, func(a, b MemberView) int {
		return cmp.Or(cmp.Compare(a.Release, b.Release), cmp.Compare(a.Name.String(), b.Name.String()),
			slices.Compare(a.Node[:], b.Node[:]))
	})

	return list
}

func memberOf(m *ownership.Member) *MemberView {
	v := &MemberView{
		Node: m.Node, Inc: m.Inc, Release: m.Release, Addrs: m.Addrs, Host: m.Host, Draining: m.Draining,
		Hosting: m.Hosting, Raft: "none",
	}

	if name, err := segue.ParseNodeName(m.Name); err == nil {
		v.Name = name
	}

	if m.Fenced {
		v.Status = "fenced"
	}

	return v
}

func (c *Cluster) addRaft(views map[segue.NodeID]*MemberView) {
	servers, _, err := c.raft.Servers()
	if err != nil {
		return
	}

	leader, _ := c.raft.Leader()

	for _, s := range servers {
		v := views[s.ID]
		if v == nil {
			v = &MemberView{Node: s.ID, Notes: []string{"in raft's configuration but not a member"}}
			views[s.ID] = v
		}

		v.Raft = "nonvoter"
		if s.Voter {
			v.Raft = "voter"
		}

		v.Leader = s.ID == leader
	}
}

func (c *Cluster) addGossip(views map[segue.NodeID]*MemberView) {
	for _, m := range c.gossip.Members() {
		v := views[m.Node]
		if v == nil {
			if !m.Status.Live() {
				continue // gone, and the table has forgotten it
			}

			v = &MemberView{Node: m.Node, Raft: "none", Notes: []string{"not a member yet"}}
			views[m.Node] = v
		}

		if v.Status == "fenced" {
			if m.Status == gossip.StatusAlive {
				v.Notes = append(v.Notes, "given up by the cluster, but it answers gossip")
			}

			continue
		}

		v.Name, v.Release, v.Status, v.Since = m.Name, m.Release, m.Status.String(), m.Since
	}

	for _, d := range c.gossip.Duplicates() {
		for _, m := range d.Members {
			if v := views[m.Node]; v != nil && len(d.Members) > 1 && d.Members[0].Node != d.Members[1].Node {
				v.Notes = append(v.Notes, "another live node has this name")
			}
		}
	}
}

// Leader returns the node that this one believes to lead, and the term.
func (c *Cluster) Leader() (segue.NodeID, uint64, bool) {
	id, ok := c.raft.Leader()

	return id, c.raft.Term(), ok
}

// Joined reports whether this start of the node is a member.
func (c *Cluster) Joined() bool { return c.inc.Load() != 0 }

// Counts returns the number of processes by node, as the leader told it with
// this node's last lease.
func (c *Cluster) Counts() map[segue.NodeID]uint64 {
	counts := c.told.Load()
	if counts == nil {
		return nil
	}

	byNode := make(map[segue.NodeID]uint64, len(*counts))
	for _, n := range *counts {
		byNode[n.Node] = n.Processes
	}

	return byNode
}

// countsByNode sums what the owners of the shards told the leader.
func (c *Cluster) countsByNode() *grantBody {
	shards := c.leases.countsNow()
	byNode := map[segue.NodeID]uint64{}

	c.machine.view(func(t *ownership.Table) {
		for shard, n := range shards {
			if int(shard) < len(t.Shards) {
				byNode[t.Shards[shard].Owner] += n
			}
		}
	})

	g := &grantBody{}
	for node, n := range byNode {
		g.Counts = append(g.Counts, nodeCount{Node: node, Processes: n})
	}

	return g
}
