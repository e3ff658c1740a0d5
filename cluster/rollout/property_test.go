package rollout_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
	"github.com/segue-cluster/segue/cluster/rollout"
)

// Whatever nodes and people do, in any order, every step keeps what the package
// promises; and once they are quiet the rollout ends.
func TestRolloutsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim(t, uint32(rapid.IntRange(1, 64).Draw(t, "shards")))
		s.rapid = t

		for range rapid.IntRange(1, 6).Draw(t, "old nodes") {
			s.join(old, true)
		}

		s.place()

		for range rapid.IntRange(1, 6).Draw(t, "new nodes") {
			s.join(next, true)
		}

		s.join(next, false) // a keeper

		// In some clusters nothing fails, in others a lot does.
		rate := rapid.SampledFrom([]int{0, 5, 40}).Draw(t, "percent of stubborn shards")
		for i := range s.stubborn {
			if rapid.IntRange(0, 99).Draw(t, "stubborn") < rate {
				s.stubborn[i] = rapid.SampledFrom([]stubbornness{bound, immovable}).Draw(t, "how")
			}
		}

		s.start(next)

		for i := range rapid.IntRange(0, 120).Draw(t, "events") {
			s.event(int64(i))
		}

		s.settle()
	})
}

// event does one thing that may happen.
func (s *sim) event(now int64) {
	shard := segue.ShardID(rapid.IntRange(0, len(s.table.Shards)-1).Draw(s.rapid, "shard"))

	members := s.members()
	if len(members) == 0 {
		s.join(old, true)

		members = s.members()
	}

	node := members[rapid.IntRange(0, len(members)-1).Draw(s.rapid, "node")]

	switch rapid.SampledFrom([]string{
		"step", "step", "step", "step", "carry", "carry", "carry", "some", "some", "succeed", "drain", "drain",
		"fence", "mark", "unmark", "join", "restart", "abort", "start", "undo", "operator", "rebalance",
	}).Draw(s.rapid, "event") {
	case "step":
		s.step(now)
	case "carry":
		s.carry(shard, rapid.SampledFrom([]string{"commit", "commit", "bake", "abort", "hold", "open"}).Draw(s.rapid, "outcome"))
	case "some": // several owners get on
		for i := range s.table.Shards {
			if i%3 == int(shard)%3 {
				s.carry(segue.ShardID(i), "commit")
			}
		}
	case "succeed":
		s.succeed(shard)
	case "drain":
		s.drain()
	case "fence":
		if len(members) > 1 {
			s.must(ownership.Fence{Node: node, Inc: s.table.Members[node].Inc, Reason: "lease"})
		}
	case "mark":
		s.must(ownership.Drain{Node: node, Inc: s.table.Members[node].Inc, On: true})
	case "unmark":
		s.must(ownership.Drain{Node: node, Inc: s.table.Members[node].Inc})
	case "join":
		s.join(rapid.SampledFrom([]string{old, next, third}).Draw(s.rapid, "release"), true)
	case "restart":
		s.restart(node, rapid.SampledFrom([]string{s.table.Members[node].Release, old, next}).Draw(s.rapid, "release"))
	case "abort":
		s.abort(now)
	case "start":
		s.start(rapid.SampledFrom([]string{old, next}).Draw(s.rapid, "release"))
	case "undo":
		s.undo()
	case "operator":
		s.apply(ownership.Assign{Moves: []ownership.Move{{Shard: shard, To: node}}, Cause: ownership.CauseOperator})
	case "rebalance":
		s.rebalance()
	}
}

func (s *sim) start(to string) {
	r := rollout.Request{
		ID: segue.NewNodeID().String(), To: to,
		Stages: rapid.SampledFrom([][]uint8{nil, {100}, {1, 2, 3, 100}, {50, 100}}).Draw(s.rapid, "stages"),
	}
	s.request(r)
}

func (s *sim) undo() {
	if r, err := rollout.Undo(s.table, segue.NewNodeID().String(), "me", "slow"); err == nil {
		s.request(r)
	} else if !errors.Is(err, segue.ErrRefused) {
		s.t.Fatalf("Undo() = %v, want ErrRefused", err)
	}
}

func (s *sim) request(r rollout.Request) {
	cmd, err := rollout.Start(s.table, r, 1)

	switch {
	case err == nil:
		s.must(cmd)

		again, err := rollout.Start(s.table, r, 1)
		if err != nil {
			s.t.Fatalf("Start(%+v) once more = %v", r, err)
		}

		s.must(again)
	case !errors.Is(err, segue.ErrRefused) && !errors.Is(err, segue.ErrNotFound):
		s.t.Fatalf("Start(%+v) = %v, want ErrRefused or ErrNotFound", r, err)
	}
}

func (s *sim) abort(now int64) {
	ro, ok := s.table.Active()
	if !ok {
		return
	}

	cmd, err := rollout.Abort(s.table, ro.Revision, "too slow", now)

	switch {
	case err == nil:
		s.must(cmd)
	case !errors.Is(err, segue.ErrRefused):
		s.t.Fatalf("Abort(%d) = %v, want ErrRefused", ro.Revision, err)
	}
}

// rebalance carries out a rebalance and checks what it promises.
func (s *sim) rebalance() {
	s.carryOut("Rebalance", placement.Rebalance)

	if cmds := placement.Rebalance(s.table); len(cmds) > 0 {
		s.t.Fatalf("Rebalance right after it gives %+v, want nothing", cmds)
	}
}

// settle lets everything get on that goes on by itself, until nothing does, and
// checks the end.
func (s *sim) settle() {
	// Each stage takes an assignment and an advance. A drain may send a shard to
	// one peer after the other; a hold is found once in each direction.
	rounds := 40 + 4*len(s.table.Members)
	if ro, ok := s.table.Active(); ok {
		rounds += 4 * len(ro.Stages)
	}

	order := rapid.Permutation([]func(){s.succeedAll, s.place, func() { s.step(0) }, s.drain, s.carryAll}).Draw(s.rapid, "order")

	for range rounds {
		before := s.index

		for _, do := range order {
			do()
		}

		if s.idle(before) {
			s.checkEnd()

			return
		}
	}

	ro, _ := s.table.Active()
	s.t.Fatalf("nothing fails any more, and after %d rounds the rollout goes on: %+v", rounds, ro)
}

// idle reports whether nothing was applied since the index but what is asked
// for in vain.
func (s *sim) idle(before uint64) bool {
	vain := uint64(0)

	for _, m := range s.table.Members {
		if m.Draining && !m.Fenced {
			vain++ // its Leave is refused
		}
	}

	return s.index-before == vain
}

func (s *sim) checkEnd() {
	if len(s.table.Rollouts) == 0 {
		return
	}

	ro := s.table.Rollouts[len(s.table.Rollouts)-1]
	if !ro.Phase.Ended() && len(placement.Hosts(s.table, placement.Any)) == 0 {
		return // nobody is there who could take a shard
	}

	share := rollout.ShareOf(s.table, ro.To)

	// How the others end is checked where it happens, since nodes may have come
	// and gone later.
	waits := ro.Phase == ownership.Progressing && len(s.hosts(ro.To)) == 0 &&
		(len(s.hosts(ro.From)) == 0 || share.At+share.Moving > 0) // at draining nodes that cannot get rid of them

	if !ro.Phase.Ended() && !waits {
		s.t.Fatalf("rollout %+v does not end, share %+v", ro, share)
	}
}
