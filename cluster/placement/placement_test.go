package placement_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// fixture is a table with its log.
type fixture struct {
	t     *testing.T
	table *ownership.Table
	index uint64
}

func formed(t *testing.T, shards uint32) *fixture {
	t.Helper()

	f := &fixture{t: t, table: ownership.New()}
	f.do(ownership.Genesis{
		Cluster: "donation", ID: ownership.ClusterID{7}, Generation: 1, Shards: shards, Hash: ownership.ShardHash, Expect: 3,
	})

	return f
}

func (f *fixture) do(cmds ...ownership.Command) {
	f.t.Helper()

	for _, cmd := range cmds {
		f.index++

		r := f.table.Apply(f.index, cmd)
		if err := r.Err(); err != nil {
			f.t.Fatalf("%s %+v: %v", cmd.Type(), cmd, err)
		}
	}
}

func node(n byte) segue.NodeID { return segue.NodeID{n} }

func (f *fixture) join(n byte, release string) {
	f.t.Helper()
	f.do(ownership.Join{
		Node: node(n), Start: uint64(n), Name: fmt.Sprintf("donation_%s@h%d", release, n), Release: release, MaxLevel: 1, Hosting: release != "keeper",
	})
}

// own gives shards that nobody owned to a node.
func (f *fixture) own(n byte, shards ...segue.ShardID) {
	f.t.Helper()
	f.do(ownership.Place{Shards: shards, Node: node(n), Inc: f.inc(n)})
}

func (f *fixture) inc(n byte) segue.Incarnation { return f.table.Members[node(n)].Inc }

func (f *fixture) drain(n byte) {
	f.t.Helper()
	f.do(ownership.Drain{Node: node(n), Inc: f.inc(n), On: true})
}

func (f *fixture) fence(n byte) {
	f.t.Helper()
	f.do(ownership.Fence{Node: node(n), Inc: f.inc(n)})
}

func (f *fixture) hold(s segue.ShardID) {
	f.t.Helper()
	f.do(ownership.HoldShards{Shards: []segue.ShardID{s}, Reason: "transform"})
}

func (f *fixture) assign(s segue.ShardID, n byte, cause ownership.Cause) {
	f.t.Helper()
	f.do(ownership.Assign{Moves: []ownership.Move{{Shard: s, To: node(n)}}, Cause: cause})
}

// rollout records one that is in, or ended in, the phase.
func (f *fixture) rollout(from, to string, phase ownership.Phase) {
	f.t.Helper()

	revision := segue.Revision(len(f.table.Rollouts) + 1)
	f.do(ownership.RolloutStart{Request: fmt.Sprint(revision), From: from, To: to, Stages: []uint8{100}, At: 1})

	at := ownership.Progressing
	if phase == ownership.RolledBack || phase == ownership.Failed {
		f.do(ownership.RolloutAdvance{Revision: revision, FromPhase: at, Phase: ownership.RollingBack})

		at = ownership.RollingBack
	}

	f.do(ownership.RolloutAdvance{Revision: revision, FromPhase: at, Phase: phase})
}

// assigned lists the node each shard is on its way to, 0 for none.
func (f *fixture) assigned() []byte {
	nodes := make([]byte, len(f.table.Shards))
	for i, s := range f.table.Shards {
		nodes[i] = s.Assigned[0]
	}

	return nodes
}

func TestReleases(t *testing.T) {
	f := formed(t, 1)
	for i, r := range []string{"1.9.0", "1.10.0", "nightly", "1.10.0-rc1", "keeper", "abc", "2.0.0", "3.0.0"} {
		f.join(byte(i+1), r)
	}

	f.drain(7)
	f.fence(8)

	want := []string{"1.10.0", "1.10.0-rc1", "1.9.0", "nightly", "abc"}
	if diff := cmp.Diff(want, placement.Releases(f.table)); diff != "" {
		t.Errorf("Releases() (-want +got):\n%s", diff)
	}
}

func TestHeading(t *testing.T) {
	tests := []struct {
		name  string
		setup func(f *fixture)
		want  string
	}{
		{"the newest", func(*fixture) {}, "1.0.2"},
		{"where a rollout goes", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.Progressing) }, "1.0.1"},
		{"where it goes back to", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.RollingBack) }, "1.0.0"},
		{"where nobody is", func(f *fixture) { f.rollout("1.0.0", "1.0.9", ownership.Progressing) }, "1.0.2"},
		{"after an undo", func(f *fixture) {
			f.rollout("1.0.0", "1.0.2", ownership.Completed)
			f.rollout("1.0.2", "1.0.0", ownership.Completed)
		}, "1.0.1"},
		{"after a roll back", func(f *fixture) { f.rollout("1.0.1", "1.0.2", ownership.RolledBack) }, "1.0.1"},
		{"after a rollout", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.Completed) }, "1.0.2"},
		{"after a failure", func(f *fixture) { f.rollout("1.0.1", "1.0.2", ownership.Failed) }, "1.0.2"},
		{"the only one left", func(f *fixture) {
			f.rollout("1.0.2", "1.0.1", ownership.Completed)
			f.drain(1)
			f.drain(2)
		}, "1.0.2"},
		{"nothing", func(f *fixture) { f.fence(1); f.fence(2); f.fence(3) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := formed(t, 1)
			for i, r := range []string{"1.0.0", "1.0.1", "1.0.2"} {
				f.join(byte(i+1), r)
			}

			tt.setup(f)

			if got := placement.Heading(f.table); got != tt.want {
				t.Errorf("Heading() = %q, want %q", got, tt.want)
			}
		})
	}
}

// Nodes 1 and 2 run 1.0.0, 3 and 4 run 1.0.1, 9 is a keeper. Node 1 owns shards
// 0 to 3 and drains.
func TestDrain(t *testing.T) {
	tests := []struct {
		name  string
		setup func(f *fixture)
		want  []byte // the nodes that shards 0 to 3 are assigned to
	}{
		{"to the newest", func(*fixture) {}, []byte{3, 4, 3, 4}},
		{"to a peer if nothing newer is there", func(f *fixture) { f.drain(3); f.fence(4) }, []byte{2, 2, 2, 2}},
		{"to nobody", func(f *fixture) { f.drain(2); f.drain(3); f.fence(4) }, []byte{0, 0, 0, 0}},
		{"to a peer while a rollout goes on", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.Progressing) }, []byte{2, 2, 2, 2}},
		{"to the new release if no peer is left", func(f *fixture) {
			f.rollout("1.0.0", "1.0.1", ownership.Progressing)
			f.drain(2)
		}, []byte{3, 4, 3, 4}},
		{"back while a rollout goes back", func(f *fixture) { f.rollout("1.0.1", "1.0.0", ownership.RollingBack) }, []byte{3, 4, 3, 4}},
		{"to a peer if nobody is there to go back to", func(f *fixture) { f.rollout("0.9.0", "1.0.1", ownership.RollingBack) }, []byte{2, 2, 2, 2}},
		{"to a peer after a failure", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.Failed) }, []byte{2, 2, 2, 2}},
		{"to a peer after a roll back", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.RolledBack) }, []byte{2, 2, 2, 2}},
		{"what is on its way stays so", func(f *fixture) { f.assign(2, 2, ownership.CauseOperator) }, []byte{3, 4, 2, 3}},
		{"but not to a node that drains", func(f *fixture) {
			f.assign(2, 2, ownership.CauseOperator)
			f.drain(2)
		}, []byte{3, 4, 3, 4}},
		{"the least loaded first", func(f *fixture) { f.own(3, 4, 5, 6) }, []byte{4, 4, 4, 3}},
		{"a held shard to a peer", func(f *fixture) {
			f.assign(1, 3, ownership.CauseRollout)
			f.hold(1)
		}, []byte{3, 2, 4, 3}},
		{"a held shard to a peer, once", func(f *fixture) {
			f.assign(1, 2, ownership.CauseDrain)
			f.hold(1)
		}, []byte{3, 2, 4, 3}},
		{"a held shard stays if no peer is left", func(f *fixture) {
			f.assign(1, 3, ownership.CauseRollout)
			f.hold(1)
			f.fence(2)
		}, []byte{3, 3, 4, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := formed(t, 8)
			for i, r := range []string{"1.0.0", "1.0.0", "1.0.1", "1.0.1"} {
				f.join(byte(i+1), r)
			}

			f.join(9, "keeper")
			f.own(1, 0, 1, 2, 3)
			f.drain(1)
			tt.setup(f)
			f.do(placement.Drain(f.table, node(1))...)

			if diff := cmp.Diff(tt.want, f.assigned()[:4]); diff != "" {
				t.Errorf("assigned after Drain() (-want +got):\n%s", diff)
			}

			if again := placement.Drain(f.table, node(1)); len(again) > 0 {
				t.Errorf("Drain() once more = %+v, want nothing", again)
			}
		})
	}
}

func TestDrainTakesBackWhatWouldArrive(t *testing.T) {
	f := formed(t, 4)
	f.join(1, "1.0.0")
	f.join(2, "1.0.1")
	f.own(1, 0, 1)
	f.assign(0, 2, ownership.CauseRollout)

	if cmds := placement.Drain(f.table, node(2)); cmds != nil {
		t.Errorf("Drain() of a node that does not drain = %+v, want nothing", cmds)
	}

	f.drain(2)
	f.do(placement.Drain(f.table, node(2))...)

	if got := f.assigned(); got[0] != 0 {
		t.Errorf("assigned %v, want shard 0 to stay", got)
	}
}

// What a drain moves in the direction of the rollout counts in its ledger.
func TestDrainCountsForTheRollout(t *testing.T) {
	f := formed(t, 2)
	f.join(1, "1.0.0")
	f.join(2, "1.0.1")
	f.own(1, 0)
	f.own(2, 1)
	f.rollout("1.0.0", "1.0.1", ownership.Progressing)
	f.drain(1)
	f.do(placement.Drain(f.table, node(1))...)

	if s := f.table.Shards[0]; s.Rollout != 1 || s.Cause != ownership.CauseDrain {
		t.Errorf("shard 0 is assigned for rollout %d with cause %d, want 1 and a drain", s.Rollout, s.Cause)
	}
}

func TestSuccessor(t *testing.T) {
	tests := []struct {
		name  string
		setup func(f *fixture)
		want  byte
	}{
		{"a peer", func(*fixture) {}, 2},
		{"the newest", func(f *fixture) { f.fence(2) }, 3},
		{"a peer in a rollout", func(f *fixture) { f.rollout("1.0.0", "1.0.1", ownership.Progressing) }, 2},
		{"a host to go back to", func(f *fixture) { f.rollout("1.0.1", "1.0.0", ownership.RollingBack) }, 3},
		{"nobody", func(f *fixture) { f.fence(2); f.drain(3) }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := formed(t, 1)
			f.join(1, "1.0.0")
			f.join(2, "1.0.0")
			f.join(3, "1.0.1")
			f.own(1, 0)
			f.fence(1)
			tt.setup(f)

			load := placement.Load{}
			if got, ok := placement.Successor(f.table, 0, load); got != node(tt.want) || ok != (tt.want > 0) || load[got] != len(load) {
				t.Errorf("Successor() = %v, %v, load %v, want node %d and to be counted", got, ok, load, tt.want)
			}
		})
	}
}

func TestRebalance(t *testing.T) {
	f := formed(t, 10)
	for i, r := range []string{"1.0.0", "1.0.0", "1.0.0", "1.0.1"} {
		f.join(byte(i+1), r)
	}

	f.own(1, 0, 1, 2, 3, 4, 5)
	f.own(2, 6)
	f.own(4, 7, 8, 9)
	f.hold(0)
	f.do(placement.Rebalance(f.table)...)

	// Six, one and none become three, two and two; the other release is alone.
	if diff := cmp.Diff([]byte{0, 3, 2, 3, 0, 0, 0, 0, 0, 0}, f.assigned()); diff != "" {
		t.Errorf("assigned after Rebalance() (-want +got):\n%s", diff)
	}

	if got := f.table.Shards[1].Cause; got != ownership.CauseRebalance {
		t.Errorf("cause %d, want a rebalance", got)
	}

	f.join(5, "1.0.1")
	f.rollout("1.0.0", "1.0.1", ownership.Progressing)

	if cmds := placement.Rebalance(f.table); cmds != nil {
		t.Errorf("Rebalance() while a rollout goes on = %+v, want nothing", cmds)
	}
}

// A shard that is mirrored or in a session can only go to its partner.
func TestRebalanceLeavesPartnersAlone(t *testing.T) {
	f := formed(t, 4)
	f.join(1, "1.0.0")
	f.join(2, "1.0.0")
	f.own(1, 0, 1, 2, 3)

	for _, id := range []segue.ShardID{0, 1, 2} {
		f.do(ownership.Open{
			Session: 1, From: node(1), FromInc: f.inc(1), To: node(2), ToInc: f.inc(2), Bake: true,
			Shards: []ownership.ShardEpoch{{Shard: id, Epoch: f.table.Shards[id].Epoch}},
		})
	}

	f.do(ownership.Commit{Session: 1, Shards: []ownership.Tally{{Shard: 0}, {Shard: 1}}})
	f.do(ownership.Join{Node: node(3), Start: 3, Name: "c", Release: "1.0.0", MaxLevel: 1, Hosting: true})
	f.do(placement.Rebalance(f.table)...)

	if diff := cmp.Diff([]byte{0, 0, 0, 3}, f.assigned()); diff != "" {
		t.Errorf("assigned after Rebalance() (-want +got):\n%s", diff)
	}
}

func TestPlace(t *testing.T) {
	f := formed(t, 7)
	for n := range byte(3) {
		f.join(n+1, "1.0.0")
	}

	f.own(2, 3)
	f.do(placement.Place(f.table, placement.Hosts(f.table, placement.Any))...)

	want := placement.Load{node(1): 3, node(2): 2, node(3): 2}
	if diff := cmp.Diff(want, placement.LoadOf(f.table)); diff != "" {
		t.Errorf("load after Place() (-want +got):\n%s", diff)
	}

	if cmds := placement.Place(f.table, nil); cmds != nil {
		t.Errorf("Place() of nothing = %+v, want nothing", cmds)
	}
}
