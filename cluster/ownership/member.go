package ownership

import (
	"github.com/segue-cluster/segue"
)

func (c Join) valid() bool {
	return !c.Node.IsZero() && c.Start != 0 && c.Name != "" && c.Release != "" &&
		short(c.Name, c.Release, c.Host, c.Addrs.Gossip, c.Addrs.Data, c.Addrs.Admin, c.Addrs.Gateway, c.Addrs.Ops)
}

func (t *Table) join(index uint64, c Join, r *Result) Refusal {
	former, known := t.Members[c.Node]

	switch {
	case known && former.Start == c.Start:
		r.Incarnation = former.Inc

		if former.Fenced {
			return RefusedFenced
		}

		return Done // asked again
	case !c.valid():
		return RefusedArgument
	case c.MaxLevel < t.Level:
		return RefusedLevel
	case !known && len(t.Members) >= MaxMembers:
		return RefusedLimit
	}

	// Whether another holder of the name is alive was asked by the leader; one
	// that is fenced or the same node does not count.
	for _, m := range t.Members {
		if m.Name == c.Name && m.Node != c.Node && !m.Fenced {
			return RefusedName
		}
	}

	r.Incarnation = segue.Incarnation(index)
	t.Members[c.Node] = Member{
		Node: c.Node, Inc: segue.Incarnation(index), Start: c.Start, Name: c.Name, Release: c.Release, Addrs: c.Addrs,
		MaxLevel: c.MaxLevel, Host: c.Host, Hosting: c.Hosting, Durable: c.Durable,
	}
	r.Members = append(r.Members, c.Node)

	// Whoever assigned shards to this node meant the release that it ran.
	if known && (former.Release != c.Release || !c.Hosting) {
		t.forget(c.Node, r)
	}

	return Done
}

func (t *Table) leave(c Leave, r *Result) Refusal {
	m, ok := t.Members[c.Node]
	if !ok || m.Inc != c.Inc {
		return Done // gone before, or superseded
	}

	for i := range t.Shards {
		s := &t.Shards[i]
		if s.Owner == c.Node || s.Session.ID != 0 && (s.Session.From == c.Node || s.Session.To == c.Node) {
			return RefusedBusy
		}
	}

	delete(t.Members, c.Node)
	t.forget(c.Node, r)
	r.Members = append(r.Members, c.Node)

	return Done
}

func (t *Table) drain(c Drain, r *Result) Refusal {
	m, ok := t.Members[c.Node]
	if !ok || m.Inc != c.Inc {
		return RefusedMember
	}

	if m.Draining != c.On {
		m.Draining = c.On
		t.Members[c.Node] = m
		r.Members = append(r.Members, c.Node)
	}

	return Done
}

func (t *Table) fence(c Fence, r *Result) Refusal {
	m, ok := t.Members[c.Node]

	switch {
	case !ok || m.Inc > c.Inc, m.Inc == c.Inc && m.Fenced:
		return Done // gone, superseded, or asked again
	case m.Inc != c.Inc || !short(c.Reason):
		return RefusedArgument
	}

	m.Fenced = true
	t.Members[c.Node] = m
	t.forget(c.Node, r)
	r.Members = append(r.Members, c.Node)

	return Done
}

// forget takes back the assignments to a node that can no longer take them.
// Rollouts and drains assign again.
func (t *Table) forget(node segue.NodeID, r *Result) {
	for i := range t.Shards {
		if t.Shards[i].Assigned != node {
			continue
		}

		s := t.Shards[i]
		s.Assigned, s.Cause, s.Rollout = segue.NodeID{}, CauseNone, 0
		t.set(segue.ShardID(i), s, r)
	}
}
