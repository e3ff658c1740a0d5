package handoff

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// do carries out the effects of a replica, as the host and the drivers would.
func (w *world) do(x int, effects Effects) {
	for _, e := range effects {
		switch e.Kind {
		case EffectRun, EffectFreeze, EffectActivate:
			w.work[x] = append(w.work[x], e)
		case EffectRestore:
			if e.Record.Bytes != nil {
				w.state[x][e.Process] = decode(e.Record)
			}
		case EffectDrop:
			delete(w.state[x], e.Process)
		case EffectSend:
			l := &w.stream[e.Session-1]
			if e.Frame.Kind == FrameHello && !l.broken {
				l.up = !w.dead[1-x]
			}

			if l.up && !w.dead[1-x] {
				l.to[1-x] = append(l.to[1-x], e.Frame)
			}
		case EffectReply:
			w.released(e)
		case EffectRefuse, EffectRedirect:
			delete(w.waiting, e.Ticket)
		case EffectAbort:
			w.propose(ownership.Abort{Session: e.Session, Shards: []segue.ShardID{0}})
		case EffectCommit:
			w.propose(ownership.Commit{Session: e.Session, Shards: []ownership.Tally{{Shard: 0}}})
		case EffectLost:
			w.reported(e.Names)
		case EffectFlipping, EffectEnded:
		}
	}

	if w.plan.atomic {
		for len(w.work[x]) > 0 {
			w.finish(x, 0, "")
		}
	}
}

func (w *world) propose(c ownership.Command) {
	for _, p := range w.proposals {
		if sameProposal(p, c) {
			return
		}
	}

	w.proposals = append(w.proposals, c)
	slices.SortFunc(w.proposals, func(a, b ownership.Command) int { return int(a.Type()) - int(b.Type()) })
}

func sameProposal(a, b ownership.Command) bool {
	return a.Type() == b.Type() && proposalSession(a) == proposalSession(b)
}

func proposalSession(c ownership.Command) segue.SessionID {
	switch c := c.(type) {
	case ownership.Open:
		return c.Session
	case ownership.Commit:
		return c.Session
	case ownership.Abort:
		return c.Session
	}

	return 0
}

// finish ends the i-th piece of the host's work at x.
func (w *world) finish(x, i int, failed string) {
	e := w.work[x][i]
	w.work[x] = slices.Delete(slices.Clone(w.work[x]), i, i+1)

	p := w.rep[x].procs[e.Process]
	if p == nil || p.turn != e.Turn {
		return // the process is gone, or another one of its name: the host's work is void
	}

	var out Effects

	switch e.Kind {
	case EffectRun:
		state, exists := w.state[x][e.Process]
		res := Ran{Exists: true, Failed: failed}

		if e.Request.N != 0 {
			id := e.Request.Body.Bytes[0]
			if strings.IndexByte(string(state), id) >= 0 {
				w.fail("I4: %c is executed twice in one history at %s", id, nodeName(x))
			}

			if n := e.Request.N; n > 1 && strings.IndexByte(string(state), id-1) < 0 {
				w.fail("I4: %c is executed at %s before the one before it", id, nodeName(x))
			}

			state = append(slices.Clone(state), id)
			exists = true
			w.state[x][e.Process] = state
		}

		res.Exists = exists
		res.Reply.Body.Bytes = state
		res.Record = encode(state, e.Ver+1)
		w.rep[x].Ran(e.Process, e.Turn, &res, w.moment(x), &out)
	case EffectFreeze:
		w.rep[x].Frozen(e.Process, e.Turn, encode(w.state[x][e.Process], e.Ver), failed, w.moment(x), &out)
	case EffectActivate:
		w.state[x][e.Process] = decode(e.Record)
		w.rep[x].Activated(e.Process, e.Turn, Activated{Exists: true, Failed: failed}, w.moment(x), &out)
	case EffectRestore, EffectDrop, EffectSend, EffectReply, EffectRefuse, EffectRedirect,
		EffectAbort, EffectCommit, EffectFlipping, EffectLost, EffectEnded:
		panic("not work")
	}

	w.do(x, out)
}

func encode(state []byte, ver uint64) Sealed {
	b := append([]byte{'#'}, state...)

	return Sealed{Ver: ver, Bytes: b, Hash: sha256.Sum256(b)}
}

func decode(s Sealed) []byte { return s.Bytes[1:] }

// released checks a reply that a client sees.
func (w *world) released(e Effect) {
	x, p, c, n := e.Ticket.split()
	before := w.waiting[e.Ticket]
	delete(w.waiting, e.Ticket)

	if q := w.rep[x].procs[worldKinds[p]]; w.expired[x] && q != nil && q.mode == Local {
		w.fail("I3: %s answers as owner without a lease", nodeName(x))
	}

	if w.gone || w.lost[p] {
		return
	}

	history := string(e.Reply.Body.Bytes)
	if !strings.HasPrefix(history, w.acked[p]) && !strings.HasPrefix(w.acked[p], history) {
		w.fail("I1: a client saw %q, another one %q", history, w.acked[p])
	}

	if w.isRead(c, n) && len(history) < before {
		w.fail("I5: a read shows %q, but %d requests were acknowledged when it arrived", history, before)
	}

	if len(history) > len(w.acked[p]) {
		w.acked[p] = history
	}

	if w.next[p][c] == n {
		w.next[p][c]++
	}
}

// reported notes losses that the new owner reported.
func (w *world) reported(names []string) {
	for i := range w.lost {
		if names == nil || slices.Contains(names, worldKinds[i].String()) {
			w.lost[i] = true
		}
	}
}

// commit appends an entry to the log, if its guards hold.
func (w *world) commit(c ownership.Command) {
	before := w.top()
	t := before.Clone()
	res := t.Apply(t.Index+1, c)

	if res.Err() != nil || len(res.Changes) == 0 && len(res.Members) == 0 {
		return
	}

	if s, n := before.Shards[0], t.Shards[0]; s.Session.ID != 0 && n.Session.ID == 0 {
		if how, again := w.closed[s.Session.ID]; again {
			w.fail("I6: session %d ended as %s and as %s", s.Session.ID, how, n.LastOutcome)
		}

		w.closed[s.Session.ID] = n.LastOutcome
	}

	w.tables = append(w.tables, t)
}

// apply lets a node apply the next entry of the log.
func (w *world) apply(x int) {
	before := w.tables[w.at[x]]
	w.at[x]++
	after := w.tables[w.at[x]]

	if !after.Live(nodeID(x), peer(x).Inc) {
		w.die(x)

		return
	}

	s, n := before.Shards[0], after.Shards[0]
	if n.Owner == nodeID(x) && s.Owner != n.Owner {
		switch n.LastOutcome {
		case ownership.OutcomeCommitted:
			w.checkCommit(x)
		case ownership.OutcomeRecovered:
			w.checkRecover(x)
		case ownership.OutcomeNone, ownership.OutcomeOpen, ownership.OutcomeAborted, ownership.OutcomeReassigned:
		}
	}

	var out Effects

	w.rep[x].Applied(w.view(x), w.moment(x), &out)
	w.do(x, out)

	if n.Owner == nodeID(x) && s.Owner != n.Owner && n.LastOutcome == ownership.OutcomeRecovered {
		w.checkRecovered(x)
	}
}

// checkCommit is I7.
func (w *world) checkCommit(x int) {
	for i := range w.plan.processes {
		if p := w.rep[x].procs[worldKinds[i]]; !w.lost[i] && (p == nil || p.mode != Exec || p.work == workActivate) {
			w.fail("I7: Commit is applied at the target without process %d", i)
		}
	}

	for i, o := 0, w.rep[1-x]; i < w.plan.processes && !w.dead[1-x]; i++ {
		if p := o.procs[worldKinds[i]]; o.role.source() && p != nil && p.mode == Local {
			w.fail("I7: Commit is applied while the source still owns process %d", i)
		}
	}
}

// checkRecover is I11: what Recover may lose.
func (w *world) checkRecover(x int) {
	for i := range w.plan.processes {
		if w.rep[x].procs[worldKinds[i]] != nil || w.lost[i] {
			continue
		}

		// The source is dead; what it was when it died is what it is here.
		q := w.rep[1-x].procs[worldKinds[i]]
		if q == nil || q.mode == Delegated && q.active || q.mode == None {
			w.fail("I11: process %d is lost although it was active at the target", i)
		}
	}
}

func (w *world) checkRecovered(x int) {
	for i := range w.plan.processes {
		p := w.rep[x].procs[worldKinds[i]]
		if (p == nil || p.lost) && !w.lost[i] {
			w.fail("process %d was lost and not reported", i)
		}

		if w.lost[i] && p != nil && !p.lost {
			w.fail("process %d was reported as lost but is here", i)
		}
	}
}

func (w *world) die(x int) {
	w.dead[x], w.cut[x], w.expired[x] = true, false, false
	w.work[x] = nil

	for i := range w.stream {
		w.stream[i].to[x] = nil
	}

	for t := range w.waiting {
		if at, _, _, _ := t.split(); at == x {
			delete(w.waiting, t)
		}
	}
}

func nodeName(x int) string { return [2]string{"A", "B"}[x] }

// check is I2 and I3, in every state.
func (w *world) check() {
	if w.gone {
		return
	}

	for i := range w.plan.processes {
		owners := 0

		for x := range 2 {
			p := w.rep[x].procs[worldKinds[i]]
			if w.dead[x] || w.expired[x] || p == nil || p.mode != Local || !w.rep[x].owner() {
				continue
			}

			owners++

			if state := string(w.state[x][worldKinds[i]]); !w.lost[i] && p.work != workActivate && !strings.HasPrefix(state, w.acked[i]) {
				w.fail("I2: the owner %s has %q, but a client saw %q", nodeName(x), state, w.acked[i])
			}
		}

		if owners > 1 {
			w.fail("I3: two owners may execute process %d", i)
		}
	}
}
