package ownership

import (
	"slices"

	"github.com/segue-cluster/segue"
)

// Apply carries out the command of the entry at index. Indexes must rise from
// call to call. It never fails: what a guard refuses is in the result.
func (t *Table) Apply(index uint64, cmd Command) Result {
	t.Index = index
	r := Result{Index: index}

	if !t.Formed() {
		if g, ok := cmd.(Genesis); ok {
			r.one(t.genesis(g))
		} else {
			r.one(RefusedUnformed)
		}

		return r
	}

	t.applyMember(index, cmd, &r)
	t.applyShards(index, cmd, &r)

	switch c := cmd.(type) {
	case Genesis:
		if c.ID == t.ID {
			r.one(Done)
		} else {
			r.one(RefusedFormed)
		}
	case RolloutStart:
		r.one(t.rolloutStart(index, c, &r))
	case RolloutAdvance:
		r.one(t.rolloutAdvance(index, c, &r))
	case SetLevel:
		r.one(t.setLevel(c))
	case ReportLoss:
		r.one(t.reportLoss(index, c, &r))
	}

	return r
}

func (t *Table) applyMember(index uint64, cmd Command, r *Result) {
	switch c := cmd.(type) {
	case Join:
		r.one(t.join(index, c, r))
	case Leave:
		r.one(t.leave(c, r))
	case Drain:
		r.one(t.drain(c, r))
	case Fence:
		r.one(t.fence(c, r))
	}
}

// applyShards runs the commands that give one verdict per shard.
func (t *Table) applyShards(index uint64, cmd Command, r *Result) {
	switch c := cmd.(type) {
	case Place:
		for _, id := range c.Shards {
			t.one(id, r, func(s Shard) (Shard, Refusal) { return t.place(s, c, index) })
		}
	case Assign:
		for _, m := range c.Moves {
			t.one(m.Shard, r, func(s Shard) (Shard, Refusal) { return t.assign(s, m.To, c) })
		}
	case HoldShards:
		for _, id := range c.Shards {
			t.one(id, r, func(s Shard) (Shard, Refusal) { return t.hold(id, s, c, index) })
		}
	case Unhold:
		for _, id := range c.Shards {
			t.one(id, r, func(s Shard) (Shard, Refusal) { return s.unhold(), Done })
		}
	case Open:
		for _, h := range c.Shards {
			t.one(h.Shard, r, func(s Shard) (Shard, Refusal) { return s.open(c, h.Epoch, index, t.Live) })
		}
	case Commit:
		t.commit(index, c, r)
	case Abort:
		for _, id := range c.Shards {
			t.one(id, r, func(s Shard) (Shard, Refusal) { return t.abort(s, c, index) })
		}
	case OutOfSync:
		for _, id := range c.Shards {
			t.one(id, r, func(s Shard) (Shard, Refusal) { return s.outOfSync(c.Session, t.Live) })
		}
	case Recover:
		t.one(c.Shard.Shard, r, func(s Shard) (Shard, Refusal) { return s.recover(c, index, t.Live) })
	case Reassign:
		t.one(c.Shard.Shard, r, func(s Shard) (Shard, Refusal) { return t.reassign(s, c, index) })
	}
}

func (r *Result) one(f Refusal) { r.Verdicts = append(r.Verdicts, Verdict{Refusal: f}) }

// one replaces the record of a shard by what f makes of it, and notes the
// verdict and the change.
func (t *Table) one(id segue.ShardID, r *Result, f func(Shard) (Shard, Refusal)) {
	if int(id) >= len(t.Shards) {
		r.Verdicts = append(r.Verdicts, Verdict{Shard: id, Refusal: RefusedShard})

		return
	}

	after, refusal := f(t.Shards[id])
	r.Verdicts = append(r.Verdicts, Verdict{Shard: id, Refusal: refusal})

	if refusal == Done {
		t.set(id, after, r)
	}
}

// set replaces the record of a shard and notes the change, if there is one.
func (t *Table) set(id segue.ShardID, after Shard, r *Result) {
	if before := t.Shards[id]; after != before {
		t.Shards[id] = after
		r.Changes = append(r.Changes, Change{Shard: id, Before: before, After: after})
	}
}

func (t *Table) genesis(c Genesis) Refusal {
	switch {
	case c.Shards < MinShards || c.Shards > MaxShards, c.Hash != ShardHash, c.ID == ClusterID{},
		c.Cluster == "", !short(c.Cluster), c.Generation == 0:
		return RefusedArgument
	}

	t.Cluster, t.ID, t.Generation, t.Expect = c.Cluster, c.ID, c.Generation, c.Expect
	t.Level = 1
	t.Shards = make([]Shard, c.Shards)

	return Done
}

func (t *Table) place(s Shard, c Place, index uint64) (Shard, Refusal) {
	m := t.Members[c.Node]

	switch {
	case s.Owner == c.Node && s.OwnerInc == c.Inc:
		return s, Done // asked again
	case !s.Owner.IsZero():
		return s, RefusedOwned
	case !t.Live(c.Node, c.Inc):
		return s, RefusedFenced
	case !m.Hosting:
		return s, RefusedHost
	}

	return s.pass(c.Node, c.Inc, index, OutcomeNone), Done
}

func (t *Table) assign(s Shard, to segue.NodeID, c Assign) (Shard, Refusal) {
	if to == s.Owner || to.IsZero() {
		s.Assigned, s.Cause, s.Rollout = segue.NodeID{}, CauseNone, 0

		return s, Done
	}

	m, ok := t.Members[to]

	switch {
	case s.Owner.IsZero():
		return s, RefusedOwner
	case !ok:
		return s, RefusedMember
	case m.Fenced:
		return s, RefusedFenced
	case !m.Hosting:
		return s, RefusedHost
	}

	s.Assigned, s.Cause, s.Rollout = to, c.Cause, c.Rollout

	return s, Done
}

func (t *Table) hold(id segue.ShardID, s Shard, c HoldShards, index uint64) (Shard, Refusal) {
	switch {
	case c.Reason == "" || !short(c.Reason, c.Process):
		return s, RefusedArgument
	case s.Hold.Reason == c.Reason && s.Hold.Process == c.Process:
		return s, Done // asked again
	}

	s.Hold = Hold{Reason: c.Reason, Process: c.Process, Index: index}

	if ro, ok := t.Rollout(s.Rollout); ok {
		ro.Ledger.held(Held{Shard: id, Process: c.Process, Reason: c.Reason})
	}

	return s, Done
}

func (t *Table) commit(index uint64, c Commit, r *Result) {
	var rollout segue.Revision

	for _, tally := range c.Shards {
		t.one(tally.Shard, r, func(s Shard) (Shard, Refusal) {
			after, refusal := s.commit(c.Session, index, t.Live)
			if ro, ok := t.Rollout(s.Rollout); ok && refusal == Done && after != s && s.Assigned == after.Owner {
				ro.Ledger.moved(tally)
				rollout = s.Rollout
			}

			return after, refusal
		})
	}

	if ro, ok := t.Rollout(rollout); ok {
		ro.Ledger.paused(c.Pauses)
	}
}

func (t *Table) abort(s Shard, c Abort, index uint64) (Shard, Refusal) {
	after, refusal := s.abort(c.Session, index, t.Live)
	if ro, ok := t.Rollout(s.Rollout); ok && after != s {
		ro.Ledger.Aborted++
	}

	return after, refusal
}

func (t *Table) reassign(s Shard, c Reassign, index uint64) (Shard, Refusal) {
	_, _, heir := t.Heir(c.Shard.Shard)
	dead := Loss{Index: index, Shard: c.Shard.Shard, Node: s.Owner, Inc: s.OwnerInc, Count: c.Lost}

	after, refusal := s.reassign(c, index, heir, t.Live)
	if after != s && c.Lost > 0 {
		t.lose(dead)
	}

	return after, refusal
}

func (t *Table) reportLoss(index uint64, c ReportLoss, r *Result) Refusal {
	if int(c.Shard.Shard) >= len(t.Shards) {
		return RefusedShard
	}

	s := t.Shards[c.Shard.Shard]

	switch {
	case s.Epoch != c.Shard.Epoch:
		return RefusedEpoch
	case len(c.Names) > MaxLossNames || !short(c.Names...):
		return RefusedArgument
	}

	for _, l := range t.Losses { // asked again
		if l.Shard == c.Shard.Shard && l.Node == c.Node && l.Inc == c.Inc && !c.Reset {
			return Done
		}
	}

	switch {
	case c.Reset:
		s.Lost = 0
		t.set(c.Shard.Shard, s, r)

		return Done
	case c.All:
		c.Count, c.Names = s.Known, nil
		s.Lost += s.Known
		t.set(c.Shard.Shard, s, r)
	}

	if c.Count > 0 {
		t.lose(Loss{Index: index, Shard: c.Shard.Shard, Node: c.Node, Inc: c.Inc, Count: c.Count, Names: slices.Clone(c.Names)})
	}

	return Done
}

// lose records a loss, in the ledger of the active rollout too.
func (t *Table) lose(l Loss) {
	if ro, ok := t.Active(); ok {
		ro.Ledger.Lost += l.Count
		l.Rollout = ro.Revision
	}

	t.Losses = append(t.Losses, l)
	if len(t.Losses) > MaxLosses {
		t.Losses = slices.Delete(t.Losses, 0, len(t.Losses)-MaxLosses)
	}
}

func (t *Table) setLevel(c SetLevel) Refusal {
	for _, m := range t.Members {
		if !m.Fenced && m.MaxLevel < c.Level {
			return RefusedLevel
		}
	}

	if c.Level < t.Level {
		return RefusedArgument
	}

	t.Level = c.Level

	return Done
}
