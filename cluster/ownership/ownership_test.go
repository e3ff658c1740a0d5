package ownership_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/histogram"
)

var a, b, c = segue.NodeID{1}, segue.NodeID{2}, segue.NodeID{3}

// fixture is a table with its log.
type fixture struct {
	t     *testing.T
	table *ownership.Table
	index uint64
}

func formed(t *testing.T, shards uint32) *fixture {
	t.Helper()

	f := &fixture{t: t, table: ownership.New()}
	f.want(ownership.Done, ownership.Genesis{
		Cluster: "donation", ID: ownership.ClusterID{7}, Generation: 1, Shards: shards, Hash: ownership.ShardHash, Expect: 3,
	})

	for _, n := range []segue.NodeID{a, b, c} {
		f.join(n, uint64(n[0]))
	}

	return f
}

func (f *fixture) apply(cmd ownership.Command) ownership.Result {
	f.index++

	return f.table.Apply(f.index, cmd)
}

// want applies cmd and checks the refusal of its only or first verdict.
func (f *fixture) want(want ownership.Refusal, cmd ownership.Command) ownership.Result {
	f.t.Helper()

	before := f.table.Clone()
	r := f.apply(cmd)

	if len(r.Verdicts) == 0 || r.Verdicts[0].Refusal != want {
		f.t.Fatalf("%s %+v at index %d: verdicts %v, want %q", cmd.Type(), cmd, f.index, r.Verdicts, want)
	}

	if want != ownership.Done {
		before.Index = f.table.Index
		if diff := cmp.Diff(before, f.table); diff != "" {
			f.t.Fatalf("a refused %s changed the table (-before +after):\n%s", cmd.Type(), diff)
		}
	}

	return r
}

func (f *fixture) join(n segue.NodeID, start uint64) {
	f.t.Helper()
	f.want(ownership.Done, ownership.Join{
		Node: n, Start: start, Name: fmt.Sprintf("donation_1.0.0@h%d", n[0]), Release: "1.0.0", MaxLevel: 1, Hosting: true,
	})
}

func (f *fixture) inc(n segue.NodeID) segue.Incarnation { return f.table.Members[n].Inc }

func (f *fixture) place(n segue.NodeID) {
	f.t.Helper()
	f.want(ownership.Done, ownership.Place{Shards: []segue.ShardID{0}, Node: n, Inc: f.inc(n)})
}

func (f *fixture) open(from, to segue.NodeID, id segue.SessionID, bake bool) ownership.Open {
	return ownership.Open{
		Session: id, From: from, FromInc: f.inc(from), To: to, ToInc: f.inc(to), Bake: bake,
		Shards: []ownership.ShardEpoch{f.at()},
	}
}

func (f *fixture) at() ownership.ShardEpoch {
	return ownership.ShardEpoch{Shard: 0, Epoch: f.table.Shards[0].Epoch}
}

func (f *fixture) fence(n segue.NodeID) {
	f.t.Helper()
	f.want(ownership.Done, ownership.Fence{Node: n, Inc: f.inc(n), Reason: "lease"})
}

func commit(id segue.SessionID) ownership.Commit {
	return ownership.Commit{Session: id, Shards: []ownership.Tally{{Shard: 0, Processes: 5, Bytes: 50, Digest: segue.Digest{31: 1}}}}
}

func abort(id segue.SessionID) ownership.Abort {
	return ownership.Abort{Session: id, Shards: []segue.ShardID{0}}
}

func recoverTo(f *fixture, n segue.NodeID) ownership.Recover {
	return ownership.Recover{Shard: f.at(), To: n, ToInc: f.inc(n)}
}

func reassign(f *fixture, n segue.NodeID, lost uint64) ownership.Reassign {
	return ownership.Reassign{Shard: f.at(), To: n, ToInc: f.inc(n), Lost: lost}
}

func TestGenesis(t *testing.T) {
	f := &fixture{t: t, table: ownership.New()}
	g := ownership.Genesis{Cluster: "x", ID: ownership.ClusterID{1}, Generation: 1, Shards: 256, Hash: ownership.ShardHash}

	f.want(ownership.RefusedUnformed, ownership.SetLevel{Level: 1})

	bad := g
	bad.Shards = ownership.MaxShards + 1
	f.want(ownership.RefusedArgument, bad)

	f.want(ownership.Done, g)
	f.want(ownership.Done, g)

	other := g
	other.ID = ownership.ClusterID{2}
	f.want(ownership.RefusedFormed, other)
}

// docs/protocol.md section 2, row by row: each guard on its own.
func TestSessionGuards(t *testing.T) {
	tests := []struct {
		name string
		do   func(f *fixture)
	}{
		{"open by a node that is not the owner", func(f *fixture) { f.want(ownership.RefusedOwner, f.open(b, c, 1, false)) }},
		{"open at another epoch", func(f *fixture) {
			o := f.open(a, b, 1, false)
			o.Shards[0].Epoch++
			f.want(ownership.RefusedEpoch, o)
		}},
		{"open twice", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.want(ownership.RefusedOpen, f.open(a, c, 2, false))
		}},
		{"open with an old id", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 5, false))
			f.want(ownership.Done, abort(5))
			f.want(ownership.RefusedStale, f.open(a, b, 4, false))
		}},
		{"open to a fenced node", func(f *fixture) { f.fence(b); f.want(ownership.RefusedFenced, f.open(a, b, 1, false)) }},
		{"open to itself", func(f *fixture) { f.want(ownership.RefusedArgument, f.open(a, a, 1, false)) }},
		{"open elsewhere than to the mirror", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, true))
			f.want(ownership.Done, commit(1))
			f.want(ownership.RefusedMirror, f.open(b, c, 2, false))
			f.want(ownership.Done, f.open(b, a, 2, false))
		}},
		{"commit of no session", func(f *fixture) { f.want(ownership.RefusedSession, commit(1)) }},
		{"commit after abort", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.want(ownership.Done, abort(1))
			f.want(ownership.Done, abort(1))
			f.want(ownership.RefusedSession, commit(1))
		}},
		{"abort after commit", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.want(ownership.Done, commit(1))
			f.want(ownership.Done, commit(1))
			f.want(ownership.RefusedSession, abort(1))
		}},
		{"commit after the fence of the target", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.fence(b)
			f.want(ownership.RefusedFenced, commit(1))
			f.want(ownership.Done, abort(1))
		}},
		{"abort and commit after the fence of the source", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.fence(a)
			f.want(ownership.RefusedFenced, abort(1))
			f.want(ownership.RefusedFenced, commit(1))
			f.want(ownership.Done, recoverTo(f, b))
			f.want(ownership.RefusedSession, commit(1))
		}},
		{"recover while the owner lives", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.want(ownership.RefusedAlive, recoverTo(f, b))
		}},
		{"recover to a node that is not the heir", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.fence(a)
			f.want(ownership.RefusedHeir, recoverTo(f, c))
		}},
		{"recover at an old epoch", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			old := recoverTo(f, b)
			f.want(ownership.Done, abort(1))
			f.fence(a)
			f.want(ownership.RefusedEpoch, old)
		}},
		{"recover to the mirror", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, true))
			f.want(ownership.Done, commit(1))
			f.fence(b)
			f.want(ownership.Done, recoverTo(f, a))
		}},
		{"recover to a mirror that fell out of sync", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, true))
			f.want(ownership.Done, commit(1))
			f.want(ownership.RefusedNoMirror, ownership.OutOfSync{Session: 9, Shards: []segue.ShardID{0}})
			f.want(ownership.Done, ownership.OutOfSync{Session: 1, Shards: []segue.ShardID{0}})
			f.fence(b)
			f.want(ownership.RefusedHeir, recoverTo(f, a))
			f.want(ownership.Done, reassign(f, c, 3))
		}},
		{"abort of an undo ends the mirror", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, true))
			f.want(ownership.Done, commit(1))
			f.want(ownership.Done, f.open(b, a, 2, false))
			f.want(ownership.RefusedOpen, ownership.OutOfSync{Session: 1, Shards: []segue.ShardID{0}})
			f.want(ownership.Done, abort(2))

			if f.table.Shards[0].Mirror != (ownership.Mirror{}) {
				f.t.Errorf("after the abort of an undo the mirror is %v, want none", f.table.Shards[0].Mirror)
			}
		}},
		{"reassign while an heir lives", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			f.fence(a)
			f.want(ownership.RefusedHeirLives, reassign(f, c, 0))
			f.fence(b)
			f.want(ownership.Done, reassign(f, c, 7))

			if got := f.table.Losses; len(got) != 1 || got[0].Count != 7 || got[0].Node != a || f.table.Shards[0].Lost != 7 {
				f.t.Errorf("losses = %+v, lost = %d, want one of 7 processes of node a", got, f.table.Shards[0].Lost)
			}
		}},
		{"reassign ends a hold", func(f *fixture) {
			f.want(ownership.Done, ownership.HoldShards{Shards: []segue.ShardID{0}, Reason: "transform"})
			f.fence(a)
			f.want(ownership.Done, reassign(f, b, 1))

			if got := f.table.Shards[0].Hold; got != (ownership.Hold{}) {
				f.t.Errorf("the hold of a lost process stays: %+v", got)
			}
		}},
		{"reassign while the owner lives", func(f *fixture) { f.want(ownership.RefusedAlive, reassign(f, b, 0)) }},
		{"a restart is another node", func(f *fixture) {
			f.want(ownership.Done, f.open(a, b, 1, false))
			old := f.inc(b)
			f.join(b, 99)

			if f.inc(b) == old {
				f.t.Fatal("a restart kept its incarnation")
			}

			f.want(ownership.RefusedFenced, commit(1))
			f.want(ownership.Done, abort(1))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := formed(t, 1)
			f.place(a)
			tt.do(f)
		})
	}
}

func TestMembers(t *testing.T) {
	f := formed(t, 4)
	f.place(a)

	join := ownership.Join{Node: segue.NodeID{9}, Start: 9, Name: "donation_1.0.0@h1", Release: "1.0.0", MaxLevel: 1}
	f.want(ownership.RefusedName, join)

	join.Name = "keeper_1.0.0@h9"
	first := f.want(ownership.Done, join).Incarnation

	if again := f.want(ownership.Done, join).Incarnation; again != first {
		t.Errorf("incarnation of a repeated join = %d, want %d", again, first)
	}

	f.want(ownership.RefusedHost, ownership.Place{Shards: []segue.ShardID{1}, Node: join.Node, Inc: first})
	f.want(ownership.RefusedHost, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: join.Node}}})
	f.want(ownership.RefusedBusy, ownership.Leave{Node: a, Inc: f.inc(a)})
	f.want(ownership.Done, ownership.Leave{Node: join.Node, Inc: first})
	f.want(ownership.Done, ownership.Leave{Node: join.Node, Inc: first})

	f.want(ownership.Done, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: b}}, Cause: ownership.CauseOperator})
	f.fence(b)

	if got := f.table.Shards[0].Assigned; !got.IsZero() {
		t.Errorf("after the fence of its assignee the assignment is %v, want none", got)
	}

	f.want(ownership.RefusedFenced, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: b}}})
	f.want(ownership.RefusedMember, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: segue.NodeID{42}}}})

	// A restart keeps what is assigned to the node, unless it is another release
	// or hosts nothing any more.
	for _, again := range []struct {
		start   uint64
		release string
		hosting bool
		keeps   bool
	}{{21, "1.0.0", true, true}, {22, "1.0.1", true, false}, {23, "1.0.1", false, false}} {
		f.want(ownership.Done, ownership.Join{Node: c, Start: again.start - 10, Name: "c", Release: "1.0.0", MaxLevel: 1, Hosting: true})
		f.want(ownership.Done, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: c}}, Cause: ownership.CauseRollout})
		f.want(ownership.Done, ownership.Join{
			Node: c, Start: again.start, Name: "c", Release: again.release, MaxLevel: 1, Hosting: again.hosting,
		})

		if got := f.table.Shards[0].Assigned; (got == c) != again.keeps {
			t.Errorf("after a restart as release %s, hosting %v, shard 0 is assigned to %v, want kept %v",
				again.release, again.hosting, got, again.keeps)
		}
	}

	// The name of a fenced node is free.
	join.Node, join.Start, join.Name = segue.NodeID{10}, 10, "donation_1.0.0@h2"
	f.want(ownership.Done, join)
}

func TestBatchesGiveOneVerdictPerShard(t *testing.T) {
	f := formed(t, 3)
	r := f.apply(ownership.Place{Shards: []segue.ShardID{0, 2, 7}, Node: a, Inc: f.inc(a)})
	want := []ownership.Verdict{{Shard: 0}, {Shard: 2}, {Shard: 7, Refusal: ownership.RefusedShard}}

	if diff := cmp.Diff(want, r.Verdicts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}

	if len(r.Changes) != 2 {
		t.Errorf("%d changes, want 2", len(r.Changes))
	}

	if err := r.Err(); !errors.Is(err, segue.ErrRefused) {
		t.Errorf("Err() = %v, want ErrRefused", err)
	}
}

func TestRolloutLedger(t *testing.T) {
	f := formed(t, 2)
	f.place(a)

	start := ownership.RolloutStart{Request: "r", From: "1.0.0", To: "1.0.1", Stages: []uint8{50, 100}, At: 1}

	bad := start
	bad.Stages = []uint8{50, 50, 100}
	f.want(ownership.RefusedArgument, bad)

	rev := f.want(ownership.Done, start).Revision
	if again := f.want(ownership.Done, start).Revision; again != rev {
		t.Errorf("revision of a repeated start = %d, want %d", again, rev)
	}

	second := start
	second.Request = "r2"
	f.want(ownership.RefusedRollout, second)

	f.want(ownership.Done, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: b}}, Cause: ownership.CauseRollout, Rollout: rev})
	f.want(ownership.Done, f.open(a, b, 1, false))
	f.want(ownership.Done, abort(1))
	f.want(ownership.Done, ownership.HoldShards{Shards: []segue.ShardID{0}, Reason: "transform", Process: "campaign/x"})
	f.want(ownership.Done, ownership.Unhold{Shards: []segue.ShardID{0}})
	f.want(ownership.Done, f.open(a, b, 2, false))

	var h histogram.Histogram

	h.Add(5)

	pauses, err := h.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}

	cmd := commit(2)
	cmd.Pauses = pauses
	f.want(ownership.Done, cmd)
	f.want(ownership.Done, cmd) // counted once

	ro, ok := f.table.Rollout(rev)
	if !ok {
		t.Fatal("the rollout is gone")
	}

	want := ownership.Ledger{
		Moved: 5, Bytes: 50, Shards: 1, Digest: segue.Digest{31: 1}, Aborted: 1, Pauses: pauses,
		Held: []ownership.Held{{Shard: 0, Process: "campaign/x", Reason: "transform"}},
	}
	if diff := cmp.Diff(want, ro.Ledger); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}

	step := ownership.RolloutAdvance{Revision: rev, FromPhase: ownership.Progressing, Phase: ownership.Progressing, Stage: 1}
	f.want(ownership.Done, step)
	f.want(ownership.Done, step)

	step.FromStage, step.Phase = 0, ownership.Completed
	f.want(ownership.RefusedPhase, step)

	step.FromStage = 1
	f.want(ownership.Done, step)

	back := ownership.RolloutAdvance{Revision: rev, FromPhase: ownership.Completed, FromStage: 1, Phase: ownership.Progressing, Stage: 1}
	f.want(ownership.RefusedPhase, back)
	f.want(ownership.Done, second)
}

// What was held before a rollout began, or turned back, is tried again: the
// record says from which index on a hold counts.
func TestRolloutDirection(t *testing.T) {
	f := formed(t, 1)
	f.place(a)

	start := ownership.RolloutStart{Request: "r", From: "1.0.0", To: "1.0.1", Stages: []uint8{100}, At: 1}
	began := f.want(ownership.Done, start).Index
	ro, _ := f.table.Rollout(1)

	if ro.Since != began || ro.Aborted || ro.Back() {
		t.Errorf("after its start the rollout is %+v, want a direction since %d", ro, began)
	}

	step := ownership.RolloutAdvance{Revision: 1, FromPhase: ownership.Progressing, Phase: ownership.Aborting}
	turned := f.want(ownership.Done, step).Index
	step.FromPhase, step.Phase = ownership.Aborting, ownership.RollingBack
	f.want(ownership.Done, step)

	if ro.Since != turned || !ro.Aborted || !ro.Back() {
		t.Errorf("after an abort the rollout is %+v, want a direction since %d", ro, turned)
	}

	step.FromPhase, step.Phase = ownership.RollingBack, ownership.RolledBack
	f.want(ownership.Done, step)

	start.Request = "r2"
	f.want(ownership.Done, start)
	turned = f.want(ownership.Done, ownership.RolloutAdvance{
		Revision: 2, FromPhase: ownership.Progressing, Phase: ownership.RollingBack,
	}).Index

	if ro, _ = f.table.Rollout(2); ro.Since != turned || ro.Aborted {
		t.Errorf("after it turned back by itself the rollout is %+v, want a direction since %d", ro, turned)
	}
}
