package handoff

import (
	"context"
	"time"

	"github.com/segue-cluster/segue"
)

// proposeRetry is the time between two proposals whose outcome was unknown.
const proposeRetry = 200 * time.Millisecond

// commit proposes that a shard passes to the target, together with others that
// are ready at the same time. The slot is locked.
func (x *session) commit(t ShardTally) {
	x.mu.Lock()
	first := len(x.commits) == 0
	x.commits = append(x.commits, t)
	x.mu.Unlock()

	if first {
		x.d.spawn(x.commitAll)
	}
}

// commitAll proposes what is ready until nothing is.
func (x *session) commitAll(ctx context.Context) {
	for {
		x.mu.Lock()
		batch := x.commits
		pauses, err := x.pauses.AppendBinary(nil)
		x.mu.Unlock()

		if len(batch) == 0 || err != nil {
			return
		}

		done, err := x.d.cfg.Arbiter.Commit(ctx, x.id, batch, pauses)
		if err != nil {
			batch = x.stillCommitting(batch)
			if len(batch) == 0 || !sleep(ctx, proposeRetry) {
				return
			}

			continue
		}

		for i, t := range batch {
			if !done[i] {
				x.d.with(t.Shard, func(r *Replica, _ Moment, out *Effects) {
					r.Retreat(x.id, "the commit was refused", false, out)
				})
			}
		}

		x.mu.Lock()
		x.commits = x.commits[len(batch):]
		x.pauses.Reset()
		x.mu.Unlock()
	}
}

// stillCommitting drops the proposals that have become void.
func (x *session) stillCommitting(batch []ShardTally) []ShardTally {
	var live []ShardTally

	for _, t := range batch {
		x.d.Inspect(t.Shard, func(r *Replica) {
			if r.Role() == Committing && r.Session().ID == x.id {
				live = append(live, t)
			}
		})
	}

	x.mu.Lock()
	defer x.mu.Unlock()

	x.commits = append(live, x.commits[len(batch):]...)

	return x.commits
}

// abort proposes the end of a shard's session until it is known how it ended.
// The slot is locked.
func (d *Driver) abort(shard segue.ShardID, e Effect) {
	d.spawn(func(ctx context.Context) {
		if e.Hold {
			process := ""
			if e.Process.Kind != "" {
				process = e.Process.String()
			}

			d.insist(ctx, func(ctx context.Context) error {
				return d.cfg.Arbiter.Hold(ctx, shard, e.Detail, process)
			})
		}

		d.insist(ctx, func(ctx context.Context) error {
			if !d.aborting(shard, e.Session) {
				return nil
			}

			return d.cfg.Arbiter.Abort(ctx, e.Session, []segue.ShardID{shard}, e.Detail)
		})
	})
}

func (d *Driver) aborting(shard segue.ShardID, id segue.SessionID) bool {
	is := false
	d.Inspect(shard, func(r *Replica) { is = r.Role() == Aborting && r.Session().ID == id })

	return is
}

// lost reports a loss until it is recorded. The slot is locked.
func (d *Driver) lost(s *slot, names []string) {
	v, from := s.replica.view, s.replica.session.From
	l := Loss{Shard: ShardEpoch{Shard: s.shard, Epoch: v.Epoch}, From: from, Names: names}

	d.spawn(func(ctx context.Context) {
		d.cfg.Logger.ErrorContext(ctx, "processes were lost with their node", "shard", s.shard, "node", from.Node,
			"named", len(names))
		d.insist(ctx, func(ctx context.Context) error { return d.cfg.Arbiter.ReportLoss(ctx, l) })
	})
}

// insist calls f until it succeeds or the driver stops.
func (d *Driver) insist(ctx context.Context, f func(ctx context.Context) error) {
	for f(ctx) != nil {
		if !sleep(ctx, proposeRetry) {
			return
		}
	}
}

// settle waits until raft has decided about every shard of a session whose
// stream is gone: until then the planner opens no other to the same target.
func (x *session) settle(ctx context.Context) {
	for {
		x.mu.Lock()
		over := len(x.open) == 0
		x.mu.Unlock()

		if over {
			return
		}

		select {
		case <-x.wake:
		case <-ctx.Done():
			return
		}
	}
}

// sleep waits for d; it reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
