package node

import (
	"context"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/handoff"
)

// arbiter lets the data plane agree on ownership through the control plane.
type arbiter struct{ cluster *cluster.Cluster }

var _ handoff.Arbiter = (*arbiter)(nil)

// Open implements [handoff.Arbiter].
func (a *arbiter) Open(ctx context.Context, s handoff.Session, shards []handoff.ShardEpoch) ([]bool, error) {
	cmd := ownership.Open{
		Session: s.ID, From: s.From.Node, FromInc: s.From.Inc, To: s.To.Node, ToInc: s.To.Inc,
	}
	for _, e := range shards {
		cmd.Shards = append(cmd.Shards, ownership.ShardEpoch(e))
	}

	return a.each(ctx, cmd)
}

// Commit implements [handoff.Arbiter].
func (a *arbiter) Commit(
	ctx context.Context, s segue.SessionID, shards []handoff.ShardTally, pauses []byte,
) ([]bool, error) {
	cmd := ownership.Commit{Session: s, Pauses: pauses}
	for _, t := range shards {
		cmd.Shards = append(cmd.Shards, ownership.Tally{
			Shard: t.Shard, Processes: t.Tally.Processes, Bytes: t.Tally.Bytes, Digest: t.Tally.Digest,
		})
	}

	return a.each(ctx, cmd)
}

// Abort implements [handoff.Arbiter].
func (a *arbiter) Abort(ctx context.Context, s segue.SessionID, shards []segue.ShardID, reason string) error {
	_, err := a.cluster.Propose(ctx, ownership.Abort{Session: s, Shards: shards, Reason: clip(reason)})

	return err
}

// Hold implements [handoff.Arbiter].
func (a *arbiter) Hold(ctx context.Context, shard segue.ShardID, reason, process string) error {
	_, err := a.cluster.Propose(ctx, ownership.HoldShards{
		Shards: []segue.ShardID{shard}, Reason: clip(reason), Process: clip(process),
	})

	return err
}

// ReportLoss implements [handoff.Arbiter].
func (a *arbiter) ReportLoss(ctx context.Context, l handoff.Loss) error {
	cmd := ownership.ReportLoss{
		Shard: ownership.ShardEpoch(l.Shard), Node: l.From.Node, Inc: l.From.Inc, Count: uint64(len(l.Names)),
		Names: l.Names[:min(len(l.Names), ownership.MaxLossNames)], All: l.Names == nil,
	}
	_, err := a.cluster.Propose(ctx, cmd)

	return err
}

// each proposes a command and tells for which shards it was carried out.
func (a *arbiter) each(ctx context.Context, cmd ownership.Command) ([]bool, error) {
	r, err := a.cluster.Propose(ctx, cmd)
	if err != nil {
		return nil, err
	}

	done := make([]bool, len(r.Verdicts))
	for i, v := range r.Verdicts {
		done[i] = v.Refusal == ownership.Done
	}

	return done, nil
}

func clip(s string) string { return s[:min(len(s), ownership.MaxTextLen)] }

// viewOf translates what the log says about a shard for the data plane.
func viewOf(s *cluster.ShardState, index uint64, self handoff.Peer) handoff.View {
	v := handoff.View{
		Index: index, Owner: handoff.Peer{Node: s.Owner, Inc: s.OwnerInc}, Epoch: s.Epoch,
		Held: s.Hold.Reason != "", LastSession: s.LastSession,
		Recovered: s.LastOutcome == ownership.OutcomeRecovered, Known: s.Known, Lossy: s.Lost > 0,
	}

	if s.AssignedInc != 0 {
		v.Assigned = handoff.Peer{Node: s.Assigned, Inc: s.AssignedInc}
	}

	if s.Session.ID != 0 {
		v.Session = handoff.Session{
			ID:   s.Session.ID,
			From: handoff.Peer{Node: s.Session.From, Inc: s.Session.FromInc},
			To:   handoff.Peer{Node: s.Session.To, Inc: s.Session.ToInc}, Index: s.Session.Index,
		}
		v.PartnerFenced = v.Session.From == self && !s.TargetLive || v.Session.To == self && !s.SourceLive
	}

	return v
}
