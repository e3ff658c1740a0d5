package rollout_test

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
	"github.com/segue-cluster/segue/cluster/rollout"
)

const (
	old   = "1.0.0"
	next  = "1.0.1"
	third = "0.9.0"
)

type stubbornness int

const (
	willing stubbornness = iota
	bound                // to its release
	immovable
)

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// sim is a cluster without nodes: a table, and hands that do to it what nodes,
// leaders and people would do.
type sim struct {
	t     tb
	rapid *rapid.T // nil outside of properties
	table *ownership.Table
	index uint64
	nodes byte
	sid   segue.SessionID

	// stubborn shards cannot change their release, or not move at all: every
	// attempt ends in a hold.
	stubborn []stubbornness
}

func newSim(t tb, shards uint32) *sim {
	t.Helper()

	s := &sim{t: t, table: ownership.New(), stubborn: make([]stubbornness, shards)}
	s.must(ownership.Genesis{
		Cluster: "donation", ID: ownership.ClusterID{7}, Generation: 1, Shards: shards, Hash: ownership.ShardHash, Expect: 3,
	})

	return s
}

func (s *sim) apply(cmd ownership.Command) ownership.Result {
	s.index++

	return s.table.Apply(s.index, cmd)
}

// must applies a command that the table has to accept.
func (s *sim) must(cmd ownership.Command) ownership.Result {
	s.t.Helper()

	r := s.apply(cmd)
	if err := r.Err(); err != nil {
		s.t.Fatalf("%s %+v: %v", cmd.Type(), cmd, err)
	}

	return r
}

func (s *sim) join(release string, hosting bool) segue.NodeID {
	s.nodes++
	id := segue.NodeID{s.nodes}
	s.must(ownership.Join{
		Node: id, Start: uint64(s.nodes), Name: fmt.Sprintf("donation_%.8s@h%d", release, s.nodes), Release: release, MaxLevel: 1, Hosting: hosting,
	})

	return id
}

// restart joins another start of a node, maybe of another release.
func (s *sim) restart(id segue.NodeID, release string) {
	m := s.table.Members[id]
	s.nodes++
	s.must(ownership.Join{
		Node: id, Start: uint64(s.nodes) << 8, Name: m.Name, Release: release, MaxLevel: 1, Hosting: m.Hosting,
	})
}

// members returns the nodes that are not fenced, in order.
func (s *sim) members() []segue.NodeID {
	var ids []segue.NodeID

	for id, m := range s.table.Members {
		if !m.Fenced {
			ids = append(ids, id)
		}
	}

	slices.SortFunc(ids, func(a, b segue.NodeID) int { return slices.Compare(a[:], b[:]) })

	return ids
}

func (s *sim) hosts(release string) []segue.NodeID {
	return placement.Hosts(s.table, placement.OfRelease(release))
}

// carry lets the owner of a shard do what its assignment asks for, or fail at it.
func (s *sim) carry(id segue.ShardID, outcome string) {
	row := s.table.Shards[id]
	if row.Owner.IsZero() || !s.table.Live(row.Owner, row.OwnerInc) {
		return
	}

	if row.Session.ID != 0 {
		s.finish(id, outcome)

		return
	}

	if row.Assigned.IsZero() || row.Hold.Reason != "" {
		return
	}

	if row.Mirror.Session != 0 && (row.Mirror.Node != row.Assigned || row.Mirror.Inc != s.table.Members[row.Assigned].Inc) {
		s.must(ownership.OutOfSync{Session: row.Mirror.Session, Shards: []segue.ShardID{id}})
	}

	s.sid++
	r := s.apply(ownership.Open{
		Session: s.sid, From: row.Owner, FromInc: row.OwnerInc, To: row.Assigned, ToInc: s.table.Members[row.Assigned].Inc,
		Bake: outcome == "bake", Shards: []ownership.ShardEpoch{{Shard: id, Epoch: row.Epoch}},
	})

	if r.Err() == nil {
		s.finish(id, outcome)
	}
}

func (s *sim) finish(id segue.ShardID, outcome string) {
	row := s.table.Shards[id]
	from, to := s.table.Members[row.Session.From].Release, s.table.Members[row.Session.To].Release
	abort := ownership.Abort{Session: row.Session.ID, Shards: []segue.ShardID{id}, Reason: "broken stream"}

	switch {
	case row.Assigned != row.Session.To, outcome == "abort", !s.table.Live(row.Session.To, row.Session.ToInc):
		s.must(abort)
	case outcome == "open":
	case outcome == "hold", s.stubborn[id] == bound && from != to, s.stubborn[id] == immovable:
		s.must(ownership.HoldShards{Shards: []segue.ShardID{id}, Reason: "transformer failed", Process: "campaign/x"})
		s.must(abort)
	default:
		s.must(ownership.Commit{Session: row.Session.ID, Shards: []ownership.Tally{{Shard: id, Processes: 3}}})
	}
}

// succeed finds another owner for a shard of a dead one.
func (s *sim) succeed(id segue.ShardID) {
	row := s.table.Shards[id]
	if row.Owner.IsZero() || s.table.Live(row.Owner, row.OwnerInc) {
		return
	}

	at := ownership.ShardEpoch{Shard: id, Epoch: row.Epoch}

	if heir, inc, ok := s.table.Heir(id); ok {
		s.must(ownership.Recover{Shard: at, To: heir, ToInc: inc, Known: 3})

		return
	}

	to, ok := placement.Successor(s.table, id, placement.LoadOf(s.table))
	if ok {
		s.must(ownership.Reassign{Shard: at, To: to, ToInc: s.table.Members[to].Inc, Lost: 3})
	} else if len(placement.Hosts(s.table, placement.Any)) > 0 {
		s.t.Fatalf("Successor(%d) found no host, there is one", id)
	}
}

func (s *sim) succeedAll() {
	for i := range s.table.Shards {
		s.succeed(segue.ShardID(i))
	}
}

func (s *sim) carryAll() {
	for i := range s.table.Shards {
		s.carry(segue.ShardID(i), "commit")
	}
}

// place gives the shards that nobody owns to somebody.
func (s *sim) place() {
	s.carryOut("Place", func(t *ownership.Table) []ownership.Command {
		return placement.Place(t, placement.Hosts(t, placement.Any))
	})
}

// drain does what the draining nodes need, and lets those go that are empty.
func (s *sim) drain() {
	for _, id := range s.members() {
		if !s.table.Members[id].Draining {
			continue
		}

		before := s.changing(next)
		peers := len(s.hosts(old))

		s.carryOut("Drain", func(t *ownership.Table) []ownership.Command { return placement.Drain(t, id) })

		ro, active := s.table.Active()
		from := s.table.Members[id].Release

		if after := s.changing(next); active && ro.To == next && !ro.Back() && from == old && peers > 0 && after > before {
			s.t.Fatalf("a drain of %s raised what changes to release %s from %d to %d", from, next, before, after)
		}

		s.apply(ownership.Leave{Node: id, Inc: s.table.Members[id].Inc}) // refused while it owns something
	}
}

// changing counts the shards that are assigned to a release and not there.
func (s *sim) changing(release string) int {
	n := 0

	for _, row := range s.table.Shards {
		if !row.Assigned.IsZero() && s.table.Members[row.Assigned].Release == release && s.table.Members[row.Owner].Release != release {
			n++
		}
	}

	return n
}

// carryOut asks for commands, checks what is true for all of them, and applies
// them.
func (s *sim) carryOut(name string, decide func(t *ownership.Table) []ownership.Command) []ownership.Command {
	before := s.table.Clone()
	cmds := decide(s.table)

	if diff := differ(before, s.table); diff != "" {
		s.t.Fatalf("%s changed the table (-before +after):\n%s", name, diff)
	}

	if diff := differ(cmds, decide(before)); diff != "" {
		s.t.Fatalf("%s differs for equal tables (-one +two):\n%s", name, diff)
	}

	for _, cmd := range cmds {
		if a, ok := cmd.(ownership.Assign); ok {
			s.checkMoves(name, a)
		}

		s.must(cmd)
	}

	before.Index = s.table.Index
	if len(cmds) > 0 && reflect.DeepEqual(before, s.table) {
		s.t.Fatalf("%s gave commands that change nothing: %+v", name, cmds)
	}

	return cmds
}

func (s *sim) checkMoves(name string, a ownership.Assign) {
	for _, m := range a.Moves {
		to := s.table.Members[m.To]
		if !m.To.IsZero() && (!to.Hosting || to.Fenced || to.Draining) {
			s.t.Fatalf("%s assigns shard %d to %+v", name, m.Shard, to)
		}
	}

	if len(a.Moves) == 0 {
		s.t.Fatalf("%s gives an assignment without moves", name)
	}
}

// step takes one step of the rollout and checks it.
func (s *sim) step(now int64) {
	decide := func(t *ownership.Table) []ownership.Command { return rollout.Step(t, now) }

	ro, active := s.table.Active()
	if !active {
		s.carryOut("Step", decide)

		return
	}

	forward, stage, receiver := !ro.Back(), ro.Stage, ro.To
	share := rollout.ShareOf(s.table, ro.To)
	even := s.quiet()
	spread := map[string]int{old: s.spread(old), next: s.spread(next)}

	cmds := s.carryOut("Step", decide)

	ro, _ = s.table.Rollout(ro.Revision)
	after := rollout.ShareOf(s.table, ro.To)
	limit := max((after.Total*int(ro.Stages[stage])+99)/100, share.At+share.Moving+share.Held)

	if forward && after.At+after.Moving+after.Held > limit {
		s.t.Fatalf("stage %d of %v took the share of %s from %+v to %+v, at most %d", stage, ro.Stages, ro.To, share, after, limit)
	}

	s.checkAdvance(cmds, after)

	if recalls(cmds) {
		return // what is taken back stays at its owner, however loaded
	}

	// What a release receives evens out; what it gives does so if every shard of
	// it may be taken.
	if !forward {
		receiver = ro.From
	}

	for release, was := range spread {
		if is := s.spread(release); (release == receiver || even) && is > max(1, was) {
			s.t.Fatalf("loads of release %s differ by %d, before by %d: %v", release, is, was, placement.LoadOf(s.table))
		}
	}
}

// checkAdvance checks the phases that a step writes.
func (s *sim) checkAdvance(cmds []ownership.Command, share rollout.Share) {
	for _, cmd := range cmds {
		a, ok := cmd.(ownership.RolloutAdvance)
		if !ok {
			continue
		}

		ro, _ := s.table.Rollout(a.Revision)
		owned, assigned := 0, 0

		for _, row := range s.table.Shards {
			if s.table.Members[row.Owner].Release == ro.To {
				owned++
			} else if s.table.Members[row.Assigned].Release == ro.To && row.Cause != ownership.CauseDrain {
				assigned++
			}
		}

		from := len(s.hosts(ro.From))

		switch a.Phase {
		case ownership.Completed:
			ok = share.At+share.Held == share.Total && (share.Held == 0) == (a.Message == "")
		case ownership.RollingBack:
			ok = a.FromPhase == ownership.Aborting && ro.Aborted || owned == 0 && from > 0 && !ro.Aborted
		case ownership.RolledBack:
			ok = owned == 0 && assigned == 0 && a.Message != ""
		case ownership.Failed:
			ok = a.FromPhase == ownership.RollingBack && owned > 0 && assigned == 0 && a.Message != ""
		case ownership.Progressing:
			ok = a.Stage == a.FromStage+1 && share.Moving == 0
		case ownership.Pending, ownership.Preflight, ownership.Rehearsing, ownership.Paused, ownership.Gating,
			ownership.Baking, ownership.Finalizing, ownership.Aborting:
			ok = false
		}

		if !ok {
			s.t.Fatalf("Step wrote %+v with the share %+v, %d shards owned by the release, %d assigned to it, %d hosts to go back to",
				a, share, owned, assigned, from)
		}
	}
}

func recalls(cmds []ownership.Command) bool {
	for _, cmd := range cmds {
		if a, ok := cmd.(ownership.Assign); ok && slices.ContainsFunc(a.Moves, func(m ownership.Move) bool { return m.To.IsZero() }) {
			return true
		}
	}

	return false
}

// quiet reports whether every shard may be moved.
func (s *sim) quiet() bool {
	return !slices.ContainsFunc(s.table.Shards, func(row ownership.Shard) bool {
		return row.Hold.Reason != "" || !row.Assigned.IsZero() || !s.table.Live(row.Owner, row.OwnerInc)
	})
}

// spread returns by how much the loads of the hosts of a release differ.
func (s *sim) spread(release string) int {
	hosts, load := s.hosts(release), placement.LoadOf(s.table)
	if len(hosts) == 0 {
		return 0
	}

	low, high := load[hosts[0]], load[hosts[0]]
	for _, h := range hosts {
		low, high = min(low, load[h]), max(high, load[h])
	}

	return high - low
}

// differ is cmp.Diff for values that are nearly always equal, and large.
func differ(a, b any) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}

	return cmp.Diff(a, b)
}
