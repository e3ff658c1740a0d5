package rollout_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/rollout"
)

func TestStart(t *testing.T) {
	long := strings.Repeat("x", ownership.MaxTextLen+1)
	tests := []struct {
		name  string
		setup func(s *sim)
		r     rollout.Request
		want  error
		says  string
	}{
		{"no id", func(*sim) {}, rollout.Request{To: next}, segue.ErrBadRequest, "id of the rollout is missing"},
		{"no release", func(*sim) {}, rollout.Request{ID: "r"}, segue.ErrBadRequest, "release of the rollout is missing"},
		{"long actor", func(*sim) {}, rollout.Request{ID: "r", To: next, Actor: long}, segue.ErrBadRequest, "actor of the rollout has 513 bytes"},
		{"two problems", func(*sim) {}, rollout.Request{ID: "r", Reason: long}, segue.ErrBadRequest, "missing: bad request\nthe reason"},
		{"falling stages", func(*sim) {}, rollout.Request{ID: "r", To: next, Stages: []uint8{50, 5, 100}}, segue.ErrBadRequest, "must rise"},
		{"no last stage", func(*sim) {}, rollout.Request{ID: "r", To: next, Stages: []uint8{5, 50}}, segue.ErrBadRequest, "must be 100"},
		{"above 100", func(*sim) {}, rollout.Request{ID: "r", To: next, Stages: []uint8{101}}, segue.ErrBadRequest, "must be 100"},
		{"no such node", func(*sim) {}, rollout.Request{ID: "r", To: "9.9.9"}, segue.ErrNotFound, `only of ["1.0.1" "1.0.0"]`},
		{"draining node", func(s *sim) { s.mark(segue.NodeID{2}) }, rollout.Request{ID: "r", To: next}, segue.ErrNotFound, "start one"},
		{"there already", func(*sim) {}, rollout.Request{ID: "r", To: old}, segue.ErrRefused, "owns every shard already"},
		{"another one", func(s *sim) { s.begin(next) }, rollout.Request{ID: "r", To: next}, segue.ErrRefused, "rollout 1 to release 1.0.1 is progressing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(t, 4)
			s.join(old, true)
			s.place()
			s.join(next, true)
			tt.setup(s)

			_, err := rollout.Start(s.table, tt.r, 1)
			wantError(t, err, tt.want, tt.says)
		})
	}

	s := newSim(t, 4)
	s.join(next, true)
	_, err := rollout.Start(s.table, rollout.Request{ID: "r", To: next}, 1)
	wantError(t, err, segue.ErrRefused, "no shard has an owner yet")

	// The release that most shards leave is the one to go back to.
	s.join(old, true)
	s.join(third, true)
	s.place()
	s.must(ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: segue.NodeID{2}}}})
	s.carryAll()

	got, err := rollout.Start(s.table, rollout.Request{ID: "r", To: next, Actor: "me", Reason: "why"}, 5)
	want := ownership.RolloutStart{
		Request: "r", From: old, To: next, Stages: rollout.DefaultStages(), Actor: "me", Reason: "why", At: 5,
	}

	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Start() = %v (-want +got):\n%s", err, diff)
	}
}

// A request that is sent again after its rollout has ended gets its revision.
func TestStartAgain(t *testing.T) {
	s := cluster(t, 2, 1, 1, 100)
	id := s.last().Request
	s.step(1)
	s.carryAll()
	s.step(1)
	s.wantPhase(ownership.Completed, "")

	cmd, err := rollout.Start(s.table, rollout.Request{ID: id, To: next, Stages: []uint8{100}}, 9)
	if err != nil {
		t.Fatalf("Start() of a request that was done = %v", err)
	}

	if r := s.must(cmd); r.Revision != 1 || len(s.table.Rollouts) != 1 {
		t.Errorf("revision %d of %d rollouts, want the first and only one", r.Revision, len(s.table.Rollouts))
	}
}

func TestAbortRefuses(t *testing.T) {
	tests := []struct {
		name  string
		setup func(s *sim)
		rev   segue.Revision
		why   string
		want  error
		says  string
	}{
		{"unknown", func(*sim) {}, 2, "", segue.ErrNotFound, "no rollout 2"},
		{"long reason", func(*sim) {}, 1, strings.Repeat("x", ownership.MaxTextLen+1), segue.ErrBadRequest, "513 bytes"},
		{"completed", func(s *sim) { s.step(1); s.carryAll(); s.step(1) }, 1, "", segue.ErrRefused, "undo goes back"},
		{"on its way back", func(s *sim) { s.abort(1); s.step(1) }, 1, "", segue.ErrRefused, "rolling_back already"},
		{"rolled back", func(s *sim) { s.abort(1); s.step(1); s.step(1) }, 1, "", segue.ErrRefused, "ended as rolled_back"},
		{"nowhere to go", func(s *sim) {
			s.step(1)
			s.carry(0, "commit")
			s.fence(segue.NodeID{1})
		}, 1, "", segue.ErrRefused, "no node of release 1.0.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := cluster(t, 4, 1, 1, 100)
			tt.setup(s)

			_, err := rollout.Abort(s.table, tt.rev, tt.why, 1)
			wantError(t, err, tt.want, tt.says)
		})
	}
}

func TestUndoRefuses(t *testing.T) {
	s := newSim(t, 2)
	_, err := rollout.Undo(s.table, "u", "", "")
	wantError(t, err, segue.ErrRefused, "nothing to undo")

	s = cluster(t, 2, 1, 1, 100)
	_, err = rollout.Undo(s.table, "u", "", "")
	wantError(t, err, segue.ErrRefused, "abort takes it back")

	s.abort(1)
	s.step(1)
	s.step(1)
	s.wantPhase(ownership.RolledBack, "")
	_, err = rollout.Undo(s.table, "u", "", "")
	wantError(t, err, segue.ErrRefused, "nothing to undo")
}

// A rollout that could go neither forward nor back is undone like one that was
// completed, once there is a node to go back to.
func TestUndoOfAFailure(t *testing.T) {
	s := cluster(t, 4, 1, 1, 50, 100)
	s.step(1)
	s.carryAll()
	s.abort(1)
	s.mark(segue.NodeID{1})

	for range 3 {
		s.step(1)
	}

	s.wantPhase(ownership.Failed, "no node of release 1.0.0 is left")
	s.join(old, true)

	if r, err := rollout.Undo(s.table, "u", "", ""); err != nil || r.To != old {
		t.Errorf("Undo() of a failed rollout = %+v, %v, want a request to release %s", r, err, old)
	}
}

// wantError checks that an error matches a condition and says what is wrong.
func wantError(t *testing.T, err, want error, says string) {
	t.Helper()

	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want one that matches %q and says %q", err, want, says)
	}
}
