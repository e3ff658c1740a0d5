package voters_test

import (
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/voters"
)

func (w *world) view() voters.View {
	l := w.peers[w.leader]

	return voters.View{
		Now: w.now, Leader: w.leader, Term: l.term, Servers: l.config(), ConfigIndex: l.configIndex(), Commit: l.commit,
		Changed: w.changed, Table: w.table, Progress: w.progress, Leaving: w.leaving, Wanted: w.wanted,
	}
}

// step lets a tick pass, and the leader act.
func (w *world) step(pick func(n int) int) {
	w.now = w.now.Add(tick)
	w.ticks++

	switch {
	case w.leader.IsZero() && w.now.Sub(w.lost) >= election:
		w.elect(pick)
	case !w.leader.IsZero():
		w.replicate()
	}

	if w.leader.IsZero() {
		return
	}

	if w.ticks%pollEvery == 0 {
		w.poll()
	}

	w.duties()

	if w.last = w.cfg.Next(w.view()); !w.last.Idle() {
		w.trace = append(w.trace, w.last)
		w.carryOut(w.last)
	}
}

// carryOut checks an action and does it.
func (w *world) carryOut(a voters.Action) {
	l := w.peers[w.leader]
	before := l.config()
	at := slices.IndexFunc(before, func(s voters.Server) bool { return s.ID == a.Node })
	after := slices.Clone(before)

	switch {
	case a.Kind == voters.AddNonvoter && at < 0:
		after = append(after, voters.Server{ID: a.Node})
	case a.Kind == voters.Promote && at >= 0 && !before[at].Voter:
		after[at].Voter = true
	case a.Kind == voters.Remove && at >= 0 && a.Node != w.leader:
		after = slices.Delete(after, at, at+1)
	case a.Kind == voters.Transfer && at >= 0 && before[at].Voter && a.Node != w.leader:
		w.transfer(w.peers[a.Node])

		return
	default:
		w.t.Fatalf("%+v by leader %v cannot be carried out in %v", a, w.leader, before)
	}

	if l.commit < l.configIndex() {
		w.t.Fatalf("%+v while another change is not committed", a)
	}

	w.checkChange(a, before, after)

	n, _ := w.upVoters(before)
	l.log = append(slices.Clip(l.log), entry{term: l.term, servers: after})
	w.changed = w.now

	if n == 1 && a.Kind == voters.Promote {
		l.commit = uint64(len(l.log)) // raft counts the old quorum here
	}
}

func (w *world) transfer(p *peer) {
	l := w.peers[w.leader]
	if p.up && !p.slow && p.lastTerm() == l.lastTerm() && len(p.log) == len(l.log) {
		w.lead(p)
	}
}

// checkChange checks what is promised about every change. A node that died after
// the last poll looks alive: nobody can know better.
func (w *world) checkChange(a voters.Action, before, after []voters.Server) {
	n, up := w.upVoters(before)
	blind := w.now.Sub(w.crashed) <= pollEvery*tick

	if m, left := w.upVoters(after); left <= m/2 && up > n/2 {
		if !blind {
			w.t.Fatalf("%+v leaves %d of %d voters", a, left, m)
		}

		w.unlucky = true
	}

	if blind || up <= n/2 {
		return
	}

	if p := w.peers[a.Node]; a.Kind == voters.Promote && (!p.up || len(p.log)+64 < len(w.peers[w.leader].log)) {
		w.t.Fatalf("%+v does not follow: up %v, log %d of %d", a, p.up, len(p.log), len(w.peers[w.leader].log))
	}

	was := w.needed(before)
	for id := range w.needed(after) {
		if !was[id] && !w.excused(a, n, up) {
			w.t.Fatalf("%+v makes the cluster depend on node %v: %v becomes %v\n%v", a, id, before, after, w.trace)
		}
	}
}

// excused reports whether a change may make the cluster depend on one more node.
func (w *world) excused(a voters.Action, n, up int) bool {
	switch a.Kind {
	case voters.Promote: // one becomes two; a dead voter may return
		return n == 1 || up < n
	case voters.Remove: // it leaves, and nobody can replace it; fewer are wanted
		return !w.peers[a.Node].asked.IsZero() || n > w.wanted
	case voters.None, voters.Wait, voters.AddNonvoter, voters.Transfer:
	}

	return false
}

// upVoters counts the voters of a configuration, and those that are up.
func (w *world) upVoters(servers []voters.Server) (n, up int) {
	for _, s := range servers {
		if s.Voter {
			n++

			if w.peers[s.ID].up {
				up++
			}
		}
	}

	return n, up
}

// needed returns the voters of a configuration without which it has no quorum.
func (w *world) needed(servers []voters.Server) map[segue.NodeID]bool {
	need := map[segue.NodeID]bool{}

	if n, up := w.upVoters(servers); up <= n/2+1 {
		for _, s := range servers {
			if s.Voter && w.peers[s.ID].up {
				need[s.ID] = true
			}
		}
	}

	return need
}
