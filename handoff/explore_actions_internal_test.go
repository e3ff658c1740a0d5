package handoff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// action is one thing that may happen next. A repair or a fault is not allowed
// on the way out of a state (I10).
type action struct {
	name  func() string
	fault bool
	do    func(w *world) bool // false: it cannot happen now
}

// actions lists what may happen in w.
func (w *world) actions() []action {
	if w.gone {
		return nil
	}

	var list []action

	add := func(fault bool, do func(w *world) bool, name string, args ...any) {
		list = append(list, action{name: func() string { return fmt.Sprintf(name, args...) }, fault: fault, do: do})
	}

	for x := range 2 {
		if !w.dead[x] {
			w.clientActions(x, add)
			w.hostActions(x, add)
			w.networkActions(x, add)
			w.sourceActions(x, add)
		}

		w.leaderActions(x, add)
		w.faultActions(x, add)
	}

	w.raftActions(add)

	return list
}

type adder func(fault bool, do func(w *world) bool, name string, args ...any)

// clientActions: a request, its retry or a late duplicate arrives.
func (w *world) clientActions(x int, add adder) {
	for p := range w.plan.processes {
		for c := range 2 {
			for n := 1; n <= min(w.next[p][c], w.plan.requests[c]); n++ {
				t := ticket(x, p, c, n)
				if _, out := w.waiting[t]; out || w.lost[p] {
					continue
				}

				if w.isRead(c, n) && n < w.next[p][c] {
					continue // a read that was answered is not sent again
				}

				add(false, func(w *world) bool {
					var out Effects

					w.waiting[t] = len(w.acked[p])
					w.rep[x].Request(worldKinds[p], w.request(p, c, n), t, w.moment(x), &out)
					w.do(x, out)

					return true
				}, "request %d of client %d for process %d arrives at %s", n, c, p, nodeName(x))
			}
		}
	}
}

// hostActions: a turn, an encoding, an activation ends.
func (w *world) hostActions(x int, add adder) {
	for i, e := range w.work[x] {
		what := [...]string{EffectRun: "a turn", EffectFreeze: "an encoding", EffectActivate: "an activation"}[e.Kind]
		add(false, func(w *world) bool { w.finish(x, i, ""); return true }, "%s of %s ends at %s", what, e.Process, nodeName(x))

		if e.Kind == EffectActivate && w.may("n") {
			add(true, func(w *world) bool { w.faults++; w.finish(x, i, "no"); return true }, "ACTIVATION FAILS of %s at %s", e.Process, nodeName(x))
		}

		if (e.Kind == EffectFreeze || e.Kind == EffectRun && e.Mode == Exec) && w.may("e") {
			add(true, func(w *world) bool { w.faults++; w.finish(x, i, "no"); return true }, "ENCODING FAILS of %s at %s", e.Process, nodeName(x))
		}
	}
}

func (w *world) networkActions(x int, add adder) {
	for i := range w.stream {
		l := &w.stream[i]

		if l.up && len(l.to[x]) > 0 {
			f := l.to[x][0]
			add(false, func(w *world) bool {
				var out Effects

				if !w.rep[x].Frame(&f, w.moment(x), &out) {
					return false
				}

				w.stream[i].to[x] = slices.Delete(w.stream[i].to[x], 0, 1)
				w.do(x, out)

				return true
			}, "%s receives %s of session %d", nodeName(x), f.Kind, f.Session)
		}

		id := segue.SessionID(i + 1)
		if !l.saw[x] && w.rep[x].session.ID == id && w.rep[x].linked && (w.dead[1-x] || l.broken) {
			add(false, func(w *world) bool {
				var out Effects

				w.stream[i].saw[x] = true
				w.rep[x].Unlinked(id, &out)
				w.do(x, out)

				return true
			}, "%s notices that the stream of session %d is lost", nodeName(x), id)
		}
	}

	if w.connected(x) && w.at[x]+1 < len(w.tables) {
		add(false, func(w *world) bool { w.apply(x); return true }, "%s applies the next entry", nodeName(x))
	}
}

// sourceActions: what the driver of a source does by itself.
func (w *world) sourceActions(x int, add adder) {
	r := w.rep[x]

	if r.role == Flipping {
		for i := range w.plan.processes {
			addr := worldKinds[i]
			if p := r.procs[addr]; p != nil && p.mode == Local && !p.wantFlip && p.work != workFreeze {
				add(false, func(w *world) bool {
					var out Effects

					w.rep[x].Flip(addr, &out)
					w.do(x, out)

					return true
				}, "%s flips process %d", nodeName(x), i)
			}
		}
	}

	if x == nodeA && r.role == Owner && r.view.Session.ID == 0 && w.connected(x) && !w.dead[nodeB] &&
		r.view.Assigned == peer(nodeB) && int(r.view.LastSession) < w.plan.sessions && !w.proposedOpen() &&
		w.tables[w.at[x]].Live(nodeID(nodeB), peer(nodeB).Inc) {
		add(false, func(w *world) bool {
			r := w.rep[x]
			id := r.view.LastSession + 1

			if !r.Move(Session{ID: id, From: peer(x), To: peer(1 - x)}) {
				return false
			}

			w.propose(ownership.Open{
				Session: id, From: nodeID(x), FromInc: peer(x).Inc, To: nodeID(1 - x), ToInc: peer(1 - x).Inc,
				Shards: []ownership.ShardEpoch{{Shard: 0, Epoch: r.view.Epoch}},
			})

			return true
		}, "%s opens a session", nodeName(x))
	}

	if r.role.source() && r.role != Aborting && w.may("o") {
		add(true, func(w *world) bool {
			var out Effects

			w.faults++
			w.rep[x].Retreat(r.session.ID, "operator", false, &out)
			w.do(x, out)

			return true
		}, "OPERATOR aborts at %s", nodeName(x))
	}
}

func (w *world) proposedOpen() bool {
	return slices.ContainsFunc(w.proposals, func(c ownership.Command) bool { return c.Type() == ownership.TypeOpen })
}

func (w *world) connected(x int) bool { return !w.dead[x] && !w.cut[x] }

func (w *world) may(kind string) bool {
	return w.faults < w.plan.faults && (w.plan.kinds == "" || strings.Contains(w.plan.kinds, kind))
}

func (w *world) breaks(rule string) bool { return w.plan.sabotage == rule }

// leaderActions: what the leader may do about node x, by its table and by what
// it knows of leases.
func (w *world) leaderActions(x int, add adder) {
	t := w.top()
	row := &t.Shards[0]
	inc := peer(x).Inc
	out := w.dead[x] || w.cut[x] && (w.expired[x] || w.breaks("lease expiry before fence"))

	if out && t.Live(nodeID(x), inc) {
		add(false, func(w *world) bool {
			if t := w.top(); t.Shards[0].Owner == nodeID(x) && !w.duty {
				_, _, heir := t.Heir(0)
				w.duty = heir && !w.dead[1-x]
			}

			w.commit(ownership.Fence{Node: nodeID(x), Inc: inc, Reason: "lease"})

			return true
		}, "the leader fences %s", nodeName(x))
	}

	orphan := row.Owner == nodeID(x) && (!t.Live(nodeID(x), inc) ||
		w.breaks("fence before recover") && (w.dead[x] || w.cut[x]))
	if !orphan {
		return
	}

	if heir, hinc, ok := t.Heir(0); ok && w.connected(1-x) {
		add(false, func(w *world) bool {
			w.commitUnfenced(ownership.Recover{Shard: ownership.ShardEpoch{Epoch: row.Epoch}, To: heir, ToInc: hinc, Known: uint64(w.plan.processes)}, x)

			return true
		}, "the leader recovers to %s", nodeName(1-x))
	} else if _, _, ok := t.Heir(0); !ok || w.dead[1-x] {
		add(false, func(w *world) bool {
			if w.duty && !w.dead[1-x] && w.top().Live(nodeID(1-x), peer(1-x).Inc) {
				w.fail("I9: the shard is given up although its partner could take over when the owner was fenced")
			}

			if row.Session.ID == 0 && row.Mirror.Session == 0 || !t.Live(nodeID(1-x), peer(1-x).Inc) || w.dead[1-x] {
				w.gone = true

				return true
			}

			w.fail("I11: the shard is given up although it has an heir")

			return true
		}, "the leader gives the shard up")
	}
}

// commitUnfenced commits c, with the guard against a live owner turned off if
// the plan says so.
func (w *world) commitUnfenced(c ownership.Command, owner int) {
	t := w.top()
	m := t.Members[nodeID(owner)]

	if !w.breaks("fence before recover") || m.Fenced {
		w.commit(c)

		return
	}

	w.withFence(c, owner, true)
}

// withFence commits c against a table in which node x is fenced or not.
func (w *world) withFence(c ownership.Command, x int, fenced bool) {
	set := func(t *ownership.Table, to bool) {
		m := t.Members[nodeID(x)]
		m.Fenced = to
		t.Members[nodeID(x)] = m
	}
	was := w.top().Members[nodeID(x)].Fenced
	doctored := w.top().Clone()
	set(doctored, fenced)

	n := len(w.tables)
	w.tables = append(w.tables, doctored)
	w.commit(c)
	w.tables = slices.Delete(w.tables, n, n+1)

	if len(w.tables) > n {
		set(w.tables[n], was)
	}
}

func (w *world) faultActions(x int, add adder) {
	if w.dead[x] {
		return
	}

	upper := nodeName(x)
	lower := strings.ToLower(upper)

	if w.may(upper) {
		add(true, func(w *world) bool { w.faults++; w.die(x); return true }, "CRASH of %s", upper)
	}

	if !w.cut[x] && w.may(lower) {
		add(true, func(w *world) bool { w.faults++; w.cut[x] = true; return true }, "%s is CUT from raft", upper)
	}

	if w.cut[x] {
		if !w.expired[x] {
			add(false, func(w *world) bool { w.expired[x] = true; return true }, "the lease of %s ends", upper)
		}

		add(true, func(w *world) bool {
			w.cut[x] = false
			if w.expired[x] && w.top().Live(nodeID(x), peer(x).Inc) {
				var out Effects

				w.expired[x] = false
				w.rep[x].Leased(w.moment(x), &out)
				w.do(x, out)
			}

			return true
		}, "%s is HEALED", upper)
	}

	if x == nodeA && !w.dead[nodeB] && w.may("l") {
		for i := range w.stream {
			if w.stream[i].up {
				add(true, func(w *world) bool {
					w.faults++
					w.stream[i] = link{broken: true}

					return true
				}, "the stream of session %d BREAKS", i+1)
			}
		}
	}
}

// raftActions: a proposal becomes an entry.
func (w *world) raftActions(add adder) {
	for i, c := range w.proposals {
		add(false, func(w *world) bool {
			w.proposals = slices.Delete(w.proposals, i, i+1)

			switch {
			case c.Type() == ownership.TypeAbort && w.breaks("abort refused after the fence of its source"):
				w.withFence(c, nodeA, false)
			case c.Type() == ownership.TypeCommit && w.breaks("commit refused after the fence of its target"):
				if t := w.top(); !t.Live(nodeID(nodeB), peer(nodeB).Inc) && t.Live(nodeID(nodeA), peer(nodeA).Inc) {
					w.duty = true
				}

				w.withFence(c, nodeB, false)
			default:
				before := len(w.tables)
				w.commit(c)

				if o, ok := c.(ownership.Open); ok && len(w.tables) == before && !w.dead[nodeA] {
					var out Effects

					w.rep[nodeA].Refused(o.Session, &out)
					w.do(nodeA, out)
				}
			}

			return true
		}, "raft takes %s of session %d", c.Type(), proposalSession(c))
	}

	if w.breaks("commit only by a node that knows all processes") {
		w.commitByTarget(add)
	}
}

// commitByTarget lets the target propose Commit when it runs any process.
func (w *world) commitByTarget(add adder) {
	r := w.rep[nodeB]
	if w.dead[nodeB] || r.role != Executing || len(r.procs) == 0 {
		return
	}

	c := ownership.Commit{Session: r.session.ID, Shards: []ownership.Tally{{Shard: 0}}}
	if slices.ContainsFunc(w.proposals, func(p ownership.Command) bool { return sameProposal(p, c) }) || w.top().Shards[0].Session.ID != c.Session {
		return
	}

	add(false, func(w *world) bool { w.propose(c); return true }, "the TARGET proposes Commit")
}
