package handoff

import (
	"fmt"
	"slices"

	"github.com/segue-cluster/segue"
)

// The outcomes of a session for a shard, in the Detail of [EffectEnded].
const (
	outcomeCommitted = "committed"
	outcomeAborted   = "aborted"
	outcomeRefused   = "not opened"
)

// Move starts a session: the host proposes Open with that session at the same
// time. It does nothing unless the replica is the owner without a session.
func (r *Replica) Move(s Session) bool {
	if r.role != Owner || r.view.Session.ID != 0 || s.ID <= r.view.LastSession {
		return false
	}

	r.become(Opening)
	r.session, r.hello, r.linked, r.closed = s, false, true, false

	return true
}

// Refused tells that Open was refused, or given up before it was known.
func (r *Replica) Refused(s segue.SessionID, out *Effects) {
	if r.role == Opening && r.session.ID == s && r.view.Session.ID != s {
		r.become(Owner)
		out.add(Effect{Kind: EffectEnded, Session: s, Detail: outcomeRefused})
	}
}

// Retreat gives the session up: the host asks for it when the stream is lost, a
// deadline has passed or a person said so. Raft decides. With hold the shard
// stays here until somebody lifts it.
func (r *Replica) Retreat(s segue.SessionID, reason string, hold bool, out *Effects) {
	r.retreat(s, reason, hold, segue.Address{}, out)
}

func (r *Replica) retreat(s segue.SessionID, reason string, hold bool, culprit segue.Address, out *Effects) {
	if s != r.session.ID {
		return
	}

	switch r.role {
	case Opening:
		if r.view.Session.ID != s {
			r.Refused(s, out) // an Open that shows up later is answered with Abort

			return
		}
	case Flipping, Committing:
	case Idle, Owner, Aborting, Forwarding, Ready, Executing:
		return
	}

	r.become(Aborting)
	out.add(Effect{Kind: EffectAbort, Session: s, Detail: reason, Hold: hold, Process: culprit})

	if !r.holds(ruleAbortInOwnLog) {
		for _, p := range r.sorted() {
			if p.mode == Delegated {
				r.takeBack(p, out)
			}
		}
	}
}

// Unlinked tells that the stream of a session is lost for good.
func (r *Replica) Unlinked(s segue.SessionID, out *Effects) {
	if s != r.session.ID {
		return
	}

	r.linked = false
	r.retreat(s, "the stream was lost", false, segue.Address{}, out)

	if r.role == Forwarding {
		r.stopForwarding(out)
	}
}

// appliedAsSource follows the log while this node is the source.
func (r *Replica) appliedAsSource(at Moment, out *Effects) {
	v := &r.view

	switch {
	case v.Session.ID == r.session.ID:
		r.session.Index = v.Session.Index

		if !r.hello && r.role == Opening {
			r.hello = true
			r.send(Frame{Kind: FrameHello, Index: v.Session.Index}, out)
		}

		switch {
		case v.PartnerFenced:
			r.retreat(r.session.ID, "the target was fenced", false, segue.Address{}, out)
		case v.Assigned != r.session.To && (r.role == Opening || r.role == Flipping):
			r.retreat(r.session.ID, "the assignment changed", false, segue.Address{}, out)
		}
	case v.LastSession < r.session.ID: // Opening: the entry has not come yet
	case v.Owner == r.cfg.Self:
		r.aborted(at, out)
	case v.Owner == r.session.To && (r.role == Committing || r.role == Aborting):
		r.committed(out)
	default:
		r.forget(out) // fenced; the node is about to end
	}
}

// aborted takes everything back. See docs/protocol.md section 5.
func (r *Replica) aborted(at Moment, out *Effects) {
	if r.role != Aborting {
		r.become(Aborting) // nobody else may abort, but the log decides
	}

	r.become(Owner)
	out.add(Effect{Kind: EffectEnded, Session: r.session.ID, Detail: outcomeAborted})

	for _, p := range r.sorted() {
		if p.mode == Delegated {
			r.takeBack(p, out)
		}

		p.wantFlip = false
		r.start(p, at, out)
		r.collect(p)
	}
}

// takeBack makes a delegated process local again, on the newest stored state,
// and runs again what was not answered; the table knows what was.
func (r *Replica) takeBack(p *process, out *Effects) {
	out.add(Effect{Kind: EffectRestore, Process: p.addr, Record: p.stored})

	p.mode, p.active, p.stored, p.flip = Local, false, Sealed{}, Sealed{}
	p.queue = append(p.sent, p.queue...)
	p.sent = nil

	for _, c := range p.queue {
		c.number = 0
	}
}

// committed gives everything away. Requests under way at the target are
// answered through this node as long as the stream stands.
func (r *Replica) committed(out *Effects) {
	r.become(Forwarding)
	out.add(Effect{Kind: EffectEnded, Session: r.session.ID, Detail: outcomeCommitted})

	for _, p := range r.sorted() {
		out.add(Effect{Kind: EffectDrop, Process: p.addr})

		p.mode, p.exists, p.lost, p.broken, p.stored, p.flip = None, false, false, "", Sealed{}, Sealed{}

		for _, c := range p.queue { // held while the Abort was on its way
			r.redirect(c, out)
		}

		p.queue, p.table = nil, Table{}
		r.collect(p)
	}

	if !r.linked {
		r.stopForwarding(out)
	}

	r.finish(out)
}

// stopForwarding sends whoever still waits to the owner.
func (r *Replica) stopForwarding(out *Effects) {
	for _, p := range r.sorted() {
		for _, c := range p.sent {
			r.redirect(c, out)
		}
	}

	clear(r.procs)
	r.become(Idle)
}

// requeue runs what was on its way to a target that is gone: this node is the
// owner again.
func (r *Replica) requeue(at Moment, out *Effects) {
	for _, p := range r.sorted() {
		p.mode = Local
		p.queue = append(p.sent, p.queue...)
		p.sent = nil
		r.start(p, at, out)
	}
}

// Soaked ends the forwarding of stragglers: the host asks for it when none has
// come for a while.
func (r *Replica) Soaked(s segue.SessionID, out *Effects) {
	if r.role == Forwarding && r.session.ID == s {
		r.stopForwarding(out)
	}
}

// forward passes a request to the target.
func (r *Replica) forward(p *process, c *call, out *Effects) {
	if r.role == Forwarding && (!r.linked || r.closed) {
		r.redirect(c, out)
		r.collect(p)

		return
	}

	r.calls++
	c.number = r.calls
	p.sent = append(p.sent, c)
	r.send(Frame{Kind: FrameForward, Process: p.addr, Call: c.number, Request: c.req}, out)
}

// Flip starts the cutover of one process: a turn of its own, in which it is
// encoded. The host decides when, by how much it has put on the stream.
func (r *Replica) Flip(addr segue.Address, out *Effects) {
	p := r.procs[addr]
	if r.role != Flipping || p == nil || p.mode != Local || p.work == workFreeze {
		return
	}

	if p.turn != 0 {
		p.wantFlip = true

		return
	}

	r.freeze(p, out)
}

func (r *Replica) freeze(p *process, out *Effects) {
	if r.role != Flipping || p.mode != Local || p.turn != 0 {
		return
	}

	r.turns++
	p.turn, p.work = r.turns, workFreeze
	out.add(Effect{
		Kind: EffectFreeze, Process: p.addr, Turn: p.turn, Ver: p.ver, Table: p.table.entries, Exists: p.exists, Lost: p.lost,
	})
}

// Frozen tells the outcome of [EffectFreeze]: the record, or why there is
// none. A process that cannot be encoded holds its shard back.
func (r *Replica) Frozen(
	addr segue.Address, turn uint64, record Sealed, failed string, at Moment, out *Effects,
) {
	p := r.procs[addr]
	if p == nil || p.turn != turn || p.work != workFreeze {
		return
	}

	p.turn, p.work = 0, workNone

	if r.role != Flipping || failed != "" {
		if failed != "" {
			r.retreat(r.session.ID, failed, true, addr, out)
		}

		out.add(Effect{Kind: EffectRestore, Process: addr})
		r.start(p, at, out)

		return
	}

	f := Frame{Kind: FrameFlip, Process: addr, Ver: p.ver, Record: record, Table: p.table}
	if !r.holds(ruleTableForth) {
		f.Table = Table{}
	}

	r.send(f, out)

	p.mode, p.active = Delegated, false
	p.flip = Sealed{Ver: p.ver, Hash: record.Hash}
	r.tally.Bytes += uint64(len(record.Bytes))
	r.local--
	r.inactive++

	waiting := p.queue
	p.queue = nil

	for _, c := range waiting {
		if c.timer == "" { // the target's own timers fire there
			r.forward(p, c, out)
		}
	}

	if !r.holds(ruleAllActive) {
		r.propose(out)
	}
}

// Unlocal returns the processes that still have to be flipped.
func (r *Replica) Unlocal() []segue.Address {
	var list []segue.Address

	for _, p := range r.sorted() {
		if p.mode == Local {
			list = append(list, p.addr)
		}
	}

	return list
}

func (r *Replica) propose(out *Effects) {
	if r.role != Flipping || r.local > 0 || r.inactive > 0 && r.holds(ruleAllActive) {
		return
	}

	r.become(Committing)
	out.add(Effect{Kind: EffectCommit, Session: r.session.ID, Tally: r.tally})
}

// frameAsSource handles what the target sends.
func (r *Replica) frameAsSource(f *Frame, out *Effects) {
	switch f.Kind {
	case FrameWelcome:
		r.welcome(f, out)
	case FrameActive:
		r.activeAtTarget(f, out)
	case FrameNack:
		r.retreat(f.Session, f.Detail, true, f.Process, out)
	case FrameResult:
		r.resultFromTarget(f, out)
	case FrameFinal:
		r.answer(f, out)
	case FrameClose:
		r.closed = true
		r.finish(out)
	case FrameHello, FrameRoster, FrameFlip, FrameForward, FrameDeath: // a target does not send them
	}
}

func (r *Replica) welcome(f *Frame, out *Effects) {
	if r.role != Opening || f.Index < r.session.Index && r.holds(ruleUnknownSession) {
		return
	}

	r.become(Flipping)

	r.tally, r.inactive, r.local = Tally{}, 0, 0
	names := []string{}

	for _, p := range r.sorted() {
		if r.collect(p); r.procs[p.addr] == nil {
			continue
		}

		r.local++

		if p.exists && !p.lost {
			names = append(names, p.addr.String())
		}
	}

	r.send(Frame{Kind: FrameRoster, Names: names}, out)
	out.add(Effect{Kind: EffectFlipping, Session: f.Session})
	r.propose(out) // at once, if there is none
}

func (r *Replica) activeAtTarget(f *Frame, out *Effects) {
	p := r.procs[f.Process]
	if p == nil || p.mode != Delegated || p.active || r.role == Forwarding {
		return
	}

	if f.Hash != p.flip.Hash {
		r.retreat(f.Session, fmt.Sprintf("%s: the record that arrived is not the one that was sent", f.Process), false, f.Process, out)

		return
	}

	p.active = true
	r.inactive--

	if p.exists {
		r.tally.Processes++
	}

	r.tally.Digest = r.tally.Digest.Add(f.Hash)
	r.propose(out)
}

// resultFromTarget stores, then releases.
func (r *Replica) resultFromTarget(f *Frame, out *Effects) {
	p := r.procs[f.Process]
	if p == nil {
		return
	}

	if p.mode == Delegated && f.Record.Bytes != nil && f.Ver > p.ver && r.holds(ruleStoreBeforeRelease) {
		p.stored, p.ver = f.Record, f.Ver
		p.exists = f.Exists

		if f.Request.N != 0 && r.holds(ruleTableBack) {
			e := Entry{Client: f.Request.Client, N: f.Request.N, Ver: f.Ver, At: f.At, Reply: f.Reply}
			p.table.put(e, r.cfg.Limits(p.addr.Kind))
		}
	}

	r.answer(f, out)
}

// answer gives a reply that came from the target to whoever waits for it.
func (r *Replica) answer(f *Frame, out *Effects) {
	p := r.procs[f.Process]
	if p == nil || f.Call == 0 {
		return
	}

	for i, c := range p.sent {
		if c.number != f.Call {
			continue
		}

		p.sent = slices.Delete(p.sent, i, i+1)

		switch f.Refusal {
		case "":
			r.reply(p, c, f.Reply, f.Ver, out)
		case segue.ErrNotOwner.Code():
			r.refuse(c, segue.ErrRetry.Code(), f.Detail, out)
		default:
			r.refuse(c, f.Refusal, f.Detail, out)
		}

		r.collect(p)
		r.finish(out)

		return
	}
}

// finish ends the forwarding when the target is the owner and answered
// everything.
func (r *Replica) finish(out *Effects) {
	if r.role == Forwarding && r.closed && len(r.procs) == 0 {
		r.stopForwarding(out)
	}
}
