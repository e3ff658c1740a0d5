package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
	"github.com/segue-cluster/segue/cluster/rollout"
	"github.com/segue-cluster/segue/internal/histogram"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// backend answers the operators' API.
type backend struct{ n *Node }

var _ httpapi.AdminBackend = backend{}

// nameOf returns the name of a node, its id if the name is not known.
func (n *Node) nameOf(id segue.NodeID) string {
	if id.IsZero() {
		return ""
	}

	if id == n.cluster.ID() {
		return n.name.String()
	}

	name := ""
	n.cluster.Table(func(t *ownership.Table) { name = t.Members[id].Name })

	if name == "" {
		return id.String()
	}

	return name
}

// Position implements [httpapi.Reader].
func (b backend) Position() httpapi.Position {
	p := httpapi.Position{}
	b.n.cluster.Table(func(t *ownership.Table) { p.Index = t.Index })

	if leader, _, ok := b.n.cluster.Leader(); ok {
		p.Leader = b.n.nameOf(leader)
	}

	return p
}

// Members implements [httpapi.Reader].
func (b backend) Members() []httpapi.Member {
	counts := b.n.cluster.Counts()

	var list []httpapi.Member

	for _, v := range b.n.cluster.Members() {
		m := httpapi.Member{
			Node: v.Name.String(), ID: v.Node, Incarnation: v.Inc, Status: httpapi.MemberStatus(v.Status), Release: v.Release,
			Shards: v.Shards, Hosting: v.Hosting, Draining: v.Draining, Raft: httpapi.RaftRole(v.Raft),
			Addrs: httpapi.Addrs(v.Addrs), Host: v.Host, Since: v.Since, Note: strings.Join(v.Notes, "; "),
			Processes: counts[v.Node],
		}

		if v.Leader {
			m.Raft = httpapi.RaftLeader
		}

		list = append(list, m)
	}

	slices.SortStableFunc(list, func(a, b httpapi.Member) int { return strings.Compare(a.Node, b.Node) })

	return list
}

// Owners implements [httpapi.Reader].
func (b backend) Owners() []httpapi.Owner {
	var list []httpapi.Owner

	b.n.cluster.Table(func(t *ownership.Table) {
		for i := range t.Shards {
			list = append(list, ownerOf(t, segue.ShardID(i)))
		}
	})

	return list
}

func ownerOf(t *ownership.Table, id segue.ShardID) httpapi.Owner {
	s := &t.Shards[id]
	o := httpapi.Owner{
		Shard: id, Owner: t.Members[s.Owner].Name, OwnerID: s.Owner, Release: t.Members[s.Owner].Release, Epoch: s.Epoch,
		State: stateOf(t, s), Assigned: t.Members[s.Assigned].Name, Session: s.Session.ID,
		Mirror: t.Members[s.Mirror.Node].Name, Lost: s.Lost,
	}

	if s.Hold.Reason != "" {
		o.Hold = &httpapi.Hold{Reason: s.Hold.Reason, Process: s.Hold.Process}
	}

	return o
}

func stateOf(t *ownership.Table, s *ownership.Shard) httpapi.ShardState {
	switch {
	case s.Lost > 0:
		return httpapi.ShardLost
	case s.Owner.IsZero() || !t.Live(s.Owner, s.OwnerInc):
		return httpapi.ShardUnowned
	case s.Hold.Reason != "" && !s.Assigned.IsZero():
		return httpapi.ShardHeld
	case s.Session.ID != 0:
		return httpapi.ShardMoving
	case !s.Assigned.IsZero():
		return httpapi.ShardOpening
	}

	return httpapi.ShardOwned
}

// Rollouts implements [httpapi.Reader].
func (b backend) Rollouts() []httpapi.Rollout {
	var list []httpapi.Rollout

	b.n.cluster.Table(func(t *ownership.Table) {
		for i := range slices.Backward(t.Rollouts) {
			list = append(list, rolloutOf(t, &t.Rollouts[i]))
		}
	})

	return list
}

func rolloutOf(t *ownership.Table, ro *ownership.Rollout) httpapi.Rollout {
	share := rollout.ShareOf(t, ro.To)
	r := httpapi.Rollout{
		RolloutSummary: httpapi.RolloutSummary{
			Revision: ro.Revision, From: ro.From, To: ro.To, Phase: httpapi.Phase(ro.Phase.String()), Stage: ro.Stage + 1,
			Message: ro.Message, Started: time.UnixMilli(ro.Started), Updated: time.UnixMilli(ro.Updated),
			Share: httpapi.Share(share),
		},
		Undoes: ro.Undoes, Actor: ro.Actor, Reason: ro.Reason, RequestID: ro.Request, Ledger: ledgerOf(&ro.Ledger),
		Aborted: ro.Aborted,
	}

	for _, s := range ro.Stages {
		r.Stages = append(r.Stages, int(s))
	}

	return r
}

func ledgerOf(l *ownership.Ledger) httpapi.Ledger {
	pauses := l.PauseHistogram()
	out := httpapi.Ledger{
		Moved: l.Moved, Lost: l.Lost, Shards: l.Shards, Bytes: l.Bytes, Digest: hex.EncodeToString(l.Digest[:]),
		AbortedSessions: l.Aborted, Restarts: l.Restarts, Held: []httpapi.Held{}, PauseMS: pauseOf(&pauses),
	}

	named := map[string]bool{}

	for _, h := range l.Held {
		out.Held = append(out.Held, httpapi.Held{Shard: h.Shard, Process: h.Process, Reason: h.Reason})

		if h.Process != "" {
			named[h.Process] = true
		}
	}

	out.Quarantined = uint64(len(named))

	return out
}

func pauseOf(h *histogram.Histogram) httpapi.PauseMS {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

	return httpapi.PauseMS{
		P50: ms(h.Quantile(0.5)), P99: ms(h.Quantile(0.99)), P999: ms(h.Quantile(0.999)), Max: ms(h.Max()),
	}
}

// Losses implements [httpapi.Reader].
func (b backend) Losses() []httpapi.Loss {
	var list []httpapi.Loss

	b.n.cluster.Table(func(t *ownership.Table) {
		for _, l := range slices.Backward(t.Losses) {
			name := t.Members[l.Node].Name
			if name == "" {
				name = l.Node.String()
			}

			list = append(list, httpapi.Loss{
				Index: l.Index, Shard: l.Shard, Node: name, Incarnation: l.Inc, Count: l.Count,
				Processes: append([]string{}, l.Names...), Rollout: l.Rollout,
			})
		}
	})

	return list
}

// StartRollout implements [httpapi.Operator].
func (b backend) StartRollout(ctx context.Context, r httpapi.StartRequest) (httpapi.Rollout, error) {
	if err := b.n.preflight(ctx, r.To); err != nil {
		return httpapi.Rollout{}, err
	}

	req := rollout.Request{ID: r.RequestID, To: r.To, Actor: r.Actor, Reason: r.Reason}

	for _, s := range r.Stages {
		if s < 1 || s > 100 {
			return httpapi.Rollout{}, fmt.Errorf("stage %d is not a percentage: %w", s, segue.ErrBadRequest)
		}

		req.Stages = append(req.Stages, uint8(s))
	}

	return b.start(ctx, req)
}

// UndoRollout implements [httpapi.Operator].
func (b backend) UndoRollout(ctx context.Context, r httpapi.UndoRequest) (httpapi.Rollout, error) {
	var (
		req rollout.Request
		err error
	)

	b.n.cluster.Table(func(t *ownership.Table) {
		for i := range t.Rollouts {
			if t.Rollouts[i].Request == r.RequestID { // asked again
				req = rollout.Request{ID: r.RequestID, To: t.Rollouts[i].To, Stages: t.Rollouts[i].Stages}

				return
			}
		}

		req, err = rollout.Undo(t, r.RequestID, r.Actor, r.Reason)
	})

	if err != nil {
		return httpapi.Rollout{}, err
	}

	if err := b.n.preflight(ctx, req.To); err != nil {
		return httpapi.Rollout{}, err
	}

	return b.start(ctx, req)
}

func (b backend) start(ctx context.Context, req rollout.Request) (httpapi.Rollout, error) {
	var (
		cmd   ownership.RolloutStart
		err   error
		known segue.Revision
	)

	b.n.cluster.Table(func(t *ownership.Table) {
		for i := range t.Rollouts {
			if t.Rollouts[i].Request == req.ID {
				known = t.Rollouts[i].Revision
			}
		}

		if known == 0 {
			cmd, err = rollout.Start(t, req, time.Now().UnixMilli())
		}
	})

	if err != nil {
		return httpapi.Rollout{}, err
	}

	if known == 0 {
		r, err := b.n.cluster.Propose(ctx, cmd)
		if err = errors.Join(err, r.Err()); err != nil {
			return httpapi.Rollout{}, err
		}

		known = r.Revision
	}

	return b.rollout(ctx, known, func(*ownership.Rollout) bool { return true })
}

// rollout waits until this node's table shows a rollout as it should be.
func (b backend) rollout(
	ctx context.Context, revision segue.Revision, shown func(*ownership.Rollout) bool,
) (httpapi.Rollout, error) {
	var r httpapi.Rollout

	err := b.n.cluster.Until(ctx, func(t *ownership.Table) bool {
		ro, ok := t.Rollout(revision)
		if ok = ok && shown(ro); ok {
			r = rolloutOf(t, ro)
		}

		return ok
	})
	if err != nil {
		return httpapi.Rollout{}, fmt.Errorf("rollout %d: %w: %w", revision, segue.ErrOutcomeUnknown, err)
	}

	return r, nil
}

// AbortRollout implements [httpapi.Operator].
func (b backend) AbortRollout(ctx context.Context, revision segue.Revision, r httpapi.AbortRequest) (httpapi.Rollout, error) {
	var (
		cmd  ownership.RolloutAdvance
		err  error
		back bool // it is on its way back already
	)

	b.n.cluster.Table(func(t *ownership.Table) {
		if k := len(t.Rollouts); revision == 0 && k > 0 {
			revision = t.Rollouts[k-1].Revision
		}

		if ro, ok := t.Rollout(revision); ok && ro.Back() {
			back = true

			return
		}

		reason := "aborted by " + r.Actor
		if r.Reason != "" {
			reason += ": " + r.Reason
		}

		cmd, err = rollout.Abort(t, revision, clip(reason), time.Now().UnixMilli())
	})

	if err != nil {
		return httpapi.Rollout{}, err
	}

	if !back {
		res, err := b.n.cluster.Propose(ctx, cmd)
		if err = errors.Join(err, res.Err()); err != nil {
			return httpapi.Rollout{}, err
		}
	}

	return b.rollout(ctx, revision, func(ro *ownership.Rollout) bool { return ro.Back() || ro.Phase.Ended() })
}

// Drain implements [httpapi.Operator].
func (b backend) Drain(ctx context.Context, node segue.NodeID) (httpapi.Member, error) {
	return b.drain(ctx, node, true)
}

// Undrain implements [httpapi.Operator].
func (b backend) Undrain(ctx context.Context, node segue.NodeID) (httpapi.Member, error) {
	return b.drain(ctx, node, false)
}

func (b backend) drain(ctx context.Context, node segue.NodeID, on bool) (httpapi.Member, error) {
	cmd := ownership.Drain{Node: node, On: on}

	hosts := 0

	b.n.cluster.Table(func(t *ownership.Table) {
		cmd.Inc = t.Members[node].Inc
		hosts = len(slices.DeleteFunc(placement.Hosts(t, placement.Any), func(id segue.NodeID) bool { return id == node }))
	})

	switch {
	case cmd.Inc == 0:
		return httpapi.Member{}, fmt.Errorf("node %s is not a member: %w", node, segue.ErrNotFound)
	case on && hosts == 0:
		return httpapi.Member{}, fmt.Errorf("no other node can take the shards of node %s: %w", node, segue.ErrRefused)
	}

	r, err := b.n.cluster.Propose(ctx, cmd)
	if err = errors.Join(err, r.Err()); err != nil {
		return httpapi.Member{}, err
	}

	err = b.n.cluster.Until(ctx, func(t *ownership.Table) bool { return t.Members[node].Draining == on })
	if err != nil {
		return httpapi.Member{}, fmt.Errorf("drain: %w: %w", segue.ErrOutcomeUnknown, err)
	}

	for _, m := range b.Members() {
		if m.ID == node {
			return m, nil
		}
	}

	return httpapi.Member{}, segue.ErrNotFound
}
