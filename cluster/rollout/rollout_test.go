package rollout_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/rollout"
)

// cluster has shards on some old nodes, new nodes beside them, and a rollout to
// the new release that has not begun to act.
func cluster(t *testing.T, shards uint32, olds, news int, stages ...uint8) *sim {
	t.Helper()

	s := newSim(t, shards)
	for range olds {
		s.join(old, true)
	}

	s.place()

	for range news {
		s.join(next, true)
	}

	s.begin(next, stages...)

	return s
}

func (s *sim) begin(to string, stages ...uint8) {
	s.t.Helper()

	cmd, err := rollout.Start(s.table, rollout.Request{ID: segue.NewNodeID().String(), To: to, Stages: stages, Reason: "release"}, 7)
	if err != nil {
		s.t.Fatalf("Start() = %v", err)
	}

	s.must(cmd)
}

func (s *sim) last() *ownership.Rollout { return &s.table.Rollouts[len(s.table.Rollouts)-1] }

// wantPhase checks where the last rollout is.
func (s *sim) wantPhase(phase ownership.Phase, message string) {
	s.t.Helper()

	if ro := s.last(); ro.Phase != phase || !strings.Contains(ro.Message, message) {
		s.t.Fatalf("rollout %d is %s (%q), want %s (%q)", ro.Revision, ro.Phase, ro.Message, phase, message)
	}
}

// wantShare checks the share of a release.
func (s *sim) wantShare(release string, at, moving, held int) {
	s.t.Helper()

	want := rollout.Share{At: at, Moving: moving, Held: held, Total: len(s.table.Shards)}
	if got := rollout.ShareOf(s.table, release); got != want {
		s.t.Fatalf("ShareOf(%s) = %+v, want %+v", release, got, want)
	}
}

func (s *sim) mark(id segue.NodeID) {
	s.t.Helper()
	s.must(ownership.Drain{Node: id, Inc: s.table.Members[id].Inc, On: true})
}

func (s *sim) fence(id segue.NodeID) {
	s.t.Helper()
	s.must(ownership.Fence{Node: id, Inc: s.table.Members[id].Inc, Reason: "lease"})
}

// wants reports whether Step has something to do.
func (s *sim) wants() bool { return len(rollout.Step(s.table, 1)) > 0 }

func TestForward(t *testing.T) {
	s := cluster(t, 40, 3, 2)

	for _, want := range []int{2, 20, 40} { // 5, 50, 100 percent
		s.step(1)

		if share := rollout.ShareOf(s.table, next); share.At+share.Moving != want {
			t.Errorf("share of the stage = %+v, want %d shards", share, want)
		}

		s.step(1) // waits until they are there
		s.carryAll()
		s.wantShare(next, want, 0, 0)
		s.wantPhase(ownership.Progressing, "")
		s.step(1) // the next stage, or the end
	}

	s.wantPhase(ownership.Completed, "")

	if got := s.last().Ledger; got.Shards != 40 || got.Moved != 120 || got.Lost != 0 {
		t.Errorf("ledger = %+v, want 40 shards with 3 processes each and no loss", got)
	}

	if s.wants() {
		t.Error("Step has something to do for a completed rollout")
	}
}

func TestAbortBringsEveryShardBack(t *testing.T) {
	s := cluster(t, 16, 2, 2, 50, 100)
	s.stubborn[3] = bound
	s.step(1)

	for id := range segue.ShardID(4) {
		s.carry(id, "commit")
	}

	cmd, err := rollout.Abort(s.table, 1, "too slow", 9)
	if err != nil {
		t.Fatalf("Abort() = %v", err)
	}

	want := ownership.RolloutAdvance{
		Revision: 1, FromPhase: ownership.Progressing, Phase: ownership.Aborting, Message: "too slow", At: 9,
	}
	if diff := cmp.Diff(want, cmd); diff != "" {
		t.Errorf("Abort() (-want +got):\n%s", diff)
	}

	s.must(cmd)
	s.step(1) // turns
	s.wantPhase(ownership.RollingBack, "too slow")
	s.step(1)
	s.carryAll()
	s.step(1)
	s.wantPhase(ownership.RolledBack, "too slow")
	s.wantShare(old, 16, 0, 0)

	if ro := s.last(); !ro.Aborted || s.spread(old) > 1 {
		t.Errorf("rollout %+v, loads differ by %d; want aborted by a person, and even", ro, s.spread(old))
	}

	if s.table.Shards[3].Hold.Reason != "" {
		t.Error("a shard that was held back from the new release is held still")
	}
}

// Nothing moved yet, so nothing has to go back, and no node is needed for it.
func TestAbortBeforeAnythingMoved(t *testing.T) {
	s := cluster(t, 4, 1, 1, 100)
	s.step(1)
	s.mark(segue.NodeID{1})
	s.abort(1)
	s.step(1)
	s.step(1)
	s.step(1)
	s.wantPhase(ownership.RolledBack, "too slow")
	s.wantShare(old, 4, 0, 0)
}

func TestHeldShardsAreTriedAgain(t *testing.T) {
	s := cluster(t, 10, 2, 2, 100)
	s.stubborn[4], s.stubborn[7] = bound, bound
	s.step(1)
	s.carryAll()
	s.wantShare(next, 8, 0, 2)
	s.step(1)
	s.wantPhase(ownership.Completed, "2 shards are held back")

	// A second attempt in the same direction tries each of them once, within the
	// share of its stages.
	s.stubborn[4] = willing
	s.begin(next, 90, 100)
	s.wantShare(next, 8, 0, 0)
	s.step(1)
	s.wantShare(next, 8, 1, 0)
	s.carryAll()
	s.step(1)
	s.wantPhase(ownership.Progressing, "")
	s.step(1)
	s.carryAll()
	s.wantShare(next, 9, 0, 1)

	if cmds := rollout.Step(s.table, 1); len(cmds) != 1 || cmds[0].Type() != ownership.TypeRolloutAdvance {
		t.Errorf("Step() = %+v, want the end: a shard is tried once by a rollout", cmds)
	}

	s.step(1)
	s.wantPhase(ownership.Completed, "1 shards are held back")
}

// A shard that stayed at the old release is still assigned to the new one. The
// undo takes that back.
func TestUndoTakesAssignmentsBack(t *testing.T) {
	s := cluster(t, 6, 1, 1, 100)
	s.stubborn[2] = bound
	s.step(1)
	s.carryAll()
	s.step(1)

	r, err := rollout.Undo(s.table, "undo", "me", "slow")
	if err != nil {
		t.Fatalf("Undo() = %v", err)
	}

	want := rollout.Request{ID: "undo", To: old, Stages: []uint8{100}, Actor: "me", Reason: "slow", Undoes: 1}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("Undo() (-want +got):\n%s", diff)
	}

	s.request(r)
	s.step(1)
	s.carryAll()
	s.step(1)
	s.wantPhase(ownership.Completed, "")
	s.wantShare(old, 6, 0, 0)

	if r, err := rollout.Undo(s.table, "redo", "me", ""); err != nil || r.To != next || r.Undoes != 2 {
		t.Errorf("Undo() of an undo = %+v, %v, want a request to release %s", r, err, next)
	}
}

func TestTheTargetDies(t *testing.T) {
	t.Run("with nothing there", func(t *testing.T) {
		s := cluster(t, 4, 1, 2, 50, 100)
		s.step(1)
		s.fence(segue.NodeID{2})
		s.fence(segue.NodeID{3})
		s.step(1)
		s.wantPhase(ownership.RollingBack, "no node of release 1.0.1 is left")
		s.step(1)
		s.wantPhase(ownership.RolledBack, "no node of release 1.0.1 is left")
		s.wantShare(old, 4, 0, 0)
	})

	t.Run("with shards there", func(t *testing.T) {
		s := cluster(t, 4, 1, 2, 50, 100)
		s.step(1)
		s.carryAll()
		s.step(1)
		s.fence(segue.NodeID{2})
		s.fence(segue.NodeID{3})

		if s.wants() {
			t.Errorf("Step() = %+v, want to wait until the dead owners have successors", rollout.Step(s.table, 1))
		}

		s.succeedAll()
		s.step(1)
		s.wantPhase(ownership.RollingBack, "")
		s.step(1)
		s.wantPhase(ownership.RolledBack, "")
		s.wantShare(old, 4, 0, 0)
	})

	t.Run("and another comes", func(t *testing.T) {
		s := cluster(t, 4, 1, 1, 50, 100)
		s.step(1)
		s.carryAll()
		s.step(1)
		s.fence(segue.NodeID{2})
		s.join(next, true)
		s.succeedAll()
		s.wantShare(next, 2, 0, 0)
		s.step(1)
		s.carryAll()
		s.step(1)
		s.wantPhase(ownership.Completed, "")
	})

	t.Run("and nobody is left", func(t *testing.T) {
		s := cluster(t, 4, 1, 1, 50, 100)
		s.fence(segue.NodeID{2})
		s.mark(segue.NodeID{1})

		if s.wants() {
			t.Errorf("Step() = %+v, want to wait for a node", rollout.Step(s.table, 1))
		}
	})
}

// What the drain of a node moves within its release is left to the drain, and
// shards of a dead owner wait for another one.
func TestOthersMovesAreLeftAlone(t *testing.T) {
	s := cluster(t, 6, 3, 1, 100)
	s.fence(segue.NodeID{2})
	s.mark(segue.NodeID{1})
	s.drain()
	s.step(1)
	s.wantShare(next, 0, 2, 0) // those of the third node

	s.carryAll()
	s.succeedAll()
	s.step(1)
	s.carryAll()
	s.step(1)
	s.wantPhase(ownership.Completed, "")
	s.wantShare(next, 6, 0, 0)
}

// The last old node drains while the rollout goes back. What cannot leave it is
// where it should be, and does not keep the rollout from its end.
func TestBackAtADrainingNode(t *testing.T) {
	s := cluster(t, 2, 1, 1, 100)
	s.stubborn[0], s.stubborn[1] = bound, bound
	s.abort(1)
	s.step(1)
	s.mark(segue.NodeID{1})
	s.drain()
	s.wantShare(next, 0, 2, 0)

	if s.wants() {
		t.Errorf("Step() = %+v, want to wait for the drain", rollout.Step(s.table, 1))
	}

	s.carryAll()
	s.step(1)
	s.wantPhase(ownership.RolledBack, "too slow")
	s.wantShare(old, 2, 0, 0)
}

// An assignment that a drain made is taken back once the node drains no more.
func TestBackAfterAnUndrain(t *testing.T) {
	s := cluster(t, 2, 1, 1, 100)
	s.mark(segue.NodeID{1})
	s.drain()
	s.must(ownership.Drain{Node: segue.NodeID{1}, Inc: s.table.Members[segue.NodeID{1}].Inc})
	s.abort(1)
	s.step(1)
	s.step(1)
	s.wantShare(next, 0, 0, 0)
	s.step(1)
	s.wantPhase(ownership.RolledBack, "too slow")
}

func TestHeldOnTheWayBack(t *testing.T) {
	s := cluster(t, 4, 1, 1, 100)
	s.step(1)
	s.carryAll()
	s.step(1)
	s.begin(old, 100)
	s.step(1)
	s.carry(0, "commit")
	s.carry(1, "commit")
	s.abort(1)

	s.stubborn[0] = bound
	for range 3 {
		s.step(1)
		s.carryAll()
	}

	s.step(1)
	s.wantPhase(ownership.Failed, "1 shards cannot go back to release 1.0.1 and are held at release 1.0.0: transformer failed")
	s.wantShare(next, 3, 0, 1)
}

// What was held at the release before the rollout turned back is tried once.
func TestOldHoldsAreTriedOnTheWayBack(t *testing.T) {
	s := cluster(t, 4, 1, 2, 100)
	s.step(1)
	s.carryAll()
	s.must(ownership.HoldShards{Shards: []segue.ShardID{1}, Reason: "by hand"})
	s.abort(1)

	for range 3 {
		s.step(1)
		s.carryAll()
	}

	s.wantPhase(ownership.RolledBack, "too slow")
	s.wantShare(old, 4, 0, 0)
}

// Messages made of names and reasons fit into what the table takes.
func TestMessagesAreShort(t *testing.T) {
	release := "2.0.0-" + strings.Repeat("é", 250)
	s := newSim(t, 1)
	a := s.join(old, true)
	s.place()
	s.join(release, true)
	s.begin(release, 100)
	s.step(1)
	s.carryAll()
	s.mark(a)
	s.must(ownership.RolloutAdvance{Revision: 1, FromPhase: ownership.Progressing, Phase: ownership.RollingBack})
	s.step(1)
	s.wantPhase(ownership.Failed, "no node of release")

	s = cluster(t, 1, 1, 1, 100)
	s.step(1)
	s.carryAll()
	s.abort(1)
	s.step(1)
	s.must(ownership.HoldShards{Shards: []segue.ShardID{0}, Reason: strings.Repeat("é", 256)})
	s.step(1)
	s.wantPhase(ownership.Failed, "...")

	if m := s.last().Message; !utf8.ValidString(m) {
		t.Errorf("message %q was cut within a character", m)
	}
}

// Phases that wait for a person or a gate are not left by Step.
func TestStepWaits(t *testing.T) {
	for _, phase := range []ownership.Phase{ownership.Paused, ownership.Gating, ownership.Baking, ownership.Finalizing} {
		s := cluster(t, 2, 1, 1, 100)
		s.must(ownership.RolloutAdvance{Revision: 1, FromPhase: ownership.Progressing, Phase: phase})

		if s.wants() {
			t.Errorf("Step() in phase %s = %+v, want nothing", phase, rollout.Step(s.table, 1))
		}

		if _, err := rollout.Abort(s.table, 1, "", 1); err != nil {
			t.Errorf("Abort() in phase %s = %v", phase, err)
		}
	}
}
