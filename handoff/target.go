package handoff

import (
	"slices"

	"github.com/segue-cluster/segue"
)

// Frame is a frame of the stream of a session. It reports false if the frame
// belongs to a session that the own log does not show yet: the host keeps it,
// and those behind it, until [Replica.Applied] was called again.
func (r *Replica) Frame(f *Frame, at Moment, out *Effects) bool {
	if f.Session > r.view.LastSession && r.holds(ruleUnknownSession) {
		return false
	}

	switch f.Kind {
	case FrameHello:
		r.helloFromSource(f, out)
	case FrameForward:
		r.forwardFromSource(f, at, out) // it is answered whatever has become of the session
	case FrameWelcome, FrameRoster, FrameFlip, FrameActive, FrameNack, FrameResult, FrameFinal, FrameDeath, FrameClose:
		if f.Session != r.session.ID && r.holds(ruleStaleSession) {
			return true
		}

		if r.role.target() {
			r.frameAsTarget(f, out)
		} else {
			r.frameAsSource(f, out)
		}
	}

	return true
}

// frameAsTarget handles what the source sends.
func (r *Replica) frameAsTarget(f *Frame, out *Effects) {
	switch f.Kind {
	case FrameRoster:
		if r.roster == nil {
			r.roster = map[string]bool{}
		}

		for _, n := range f.Names {
			r.roster[n] = true
		}

		r.rostered = !f.More
	case FrameFlip:
		r.flipFromSource(f, out)
	case FrameDeath:
		delete(r.roster, f.Process.String())
	case FrameHello, FrameForward: // handled before
	case FrameWelcome, FrameActive, FrameNack, FrameResult, FrameFinal, FrameClose: // a source does not send them
	}
}

func (r *Replica) helloFromSource(f *Frame, out *Effects) {
	s := r.view.Session

	if !r.holds(ruleUnknownSession) && s.ID != f.Session {
		s = Session{ID: f.Session, To: r.cfg.Self}
		if r.role.target() {
			r.forget(out)
		}
	}

	if s.ID != f.Session || s.To != r.cfg.Self {
		return // closed, or not for us
	}

	if r.role == Forwarding {
		r.stopForwarding(out) // the shard comes back already
	}

	if r.role != Idle {
		return
	}

	r.become(Ready)
	r.session, r.linked, r.roster, r.rostered = s, true, nil, false
	r.send(Frame{Kind: FrameWelcome, Index: r.view.Index}, out)
}

func (r *Replica) flipFromSource(f *Frame, out *Effects) {
	if r.role == Ready {
		r.become(Executing)
	}

	r.turns++
	p := &process{
		addr: f.Process, mode: Exec, ver: f.Ver, table: f.Table, turn: r.turns, work: workActivate,
		flip: Sealed{Ver: f.Ver, Hash: f.Record.Hash},
	}
	r.procs[f.Process] = p
	out.add(Effect{Kind: EffectActivate, Process: f.Process, Turn: p.turn, Ver: f.Ver, Record: f.Record})
}

// Activated is the outcome of [EffectActivate].
type Activated struct {
	Exists bool   // the record holds a state
	Lost   bool   // the record says that the state was lost
	Failed string // the record cannot become a state here, and why
}

// Activated tells the outcome of [EffectActivate].
func (r *Replica) Activated(
	addr segue.Address, turn uint64, res Activated, at Moment, out *Effects,
) {
	p := r.procs[addr]
	if p == nil || p.turn != turn || p.work != workActivate {
		return
	}

	p.turn, p.work = 0, workNone

	p.exists, p.lost, p.broken = res.Exists, res.Lost, res.Failed
	delete(r.roster, addr.String())

	if res.Failed != "" && p.mode == Exec {
		r.nack(p, res.Failed, out)

		return
	}

	if p.mode == Exec {
		r.send(Frame{Kind: FrameActive, Process: addr, Ver: p.ver, Hash: p.flip.Hash}, out)
	}

	p.flip = Sealed{}
	r.start(p, at, out)
}

// nack gives a process back: it was not activated, or cannot go on under the
// source, which aborts and answers whatever waits for it. The copy is kept
// until then, for the case that the source dies.
func (r *Replica) nack(p *process, why string, out *Effects) {
	p.queue, p.nacked = nil, true
	r.send(Frame{Kind: FrameNack, Process: p.addr, Detail: why}, out)
}

func (r *Replica) forwardFromSource(f *Frame, at Moment, out *Effects) {
	c := &call{
		addr: f.Process, req: f.Request,
		askers: []asker{{session: f.Session, number: f.Call}},
	}

	if f.Session != r.session.ID && r.role.target() && r.holds(ruleStaleSession) {
		r.redirect(c, out)

		return
	}

	switch r.role {
	case Idle:
		r.redirect(c, out)
	case Owner, Opening, Flipping, Committing, Aborting, Forwarding:
		r.accept(c, Local, at, out) // a straggler: as a request of anybody
	case Ready, Executing:
		if r.role == Ready {
			r.become(Executing)
		}

		p := r.procs[f.Process]
		if p == nil {
			p = &process{addr: f.Process, mode: Exec} // a birth
			r.procs[f.Process] = p
		}

		if p.nacked {
			return // the source was told and takes it back
		}

		p.queue = append(p.queue, c)
		r.start(p, at, out)
	}
}

// result sends the reply and the state after a turn to the source.
func (r *Replica) result(p *process, c *call, res *Ran, out *Effects) {
	f := Frame{Kind: FrameResult, Process: p.addr, Reply: res.Reply, Ver: p.ver}
	if len(c.askers) > 0 {
		f.Session, f.Call = c.askers[0].session, c.askers[0].number
	}

	if c.numbered() {
		f.Record, f.Exists = res.Record, res.Exists
		f.Request = Request{Client: c.req.Client, N: c.req.N}
	}

	r.send(f, out)
}

// appliedAsTarget follows the log while this node is the target.
func (r *Replica) appliedAsTarget(at Moment, out *Effects) {
	switch {
	case r.view.Session.ID == r.session.ID:
	case r.owner():
		r.won(at, out)
	default: // aborted
		r.forget(out)
	}
}

// won makes the target the owner, by Commit or by Recover.
func (r *Replica) won(at Moment, out *Effects) {
	r.become(Owner)
	r.send(Frame{Kind: FrameClose}, out)

	if r.view.Recovered && !r.rostered {
		r.roster = nil
		r.forgot(out)
	}

	var lost []string

	for name := range r.roster {
		addr, err := segue.ParseAddress(name)
		if p := r.procs[addr]; err == nil && (p == nil || p.work != workActivate) {
			lost = append(lost, name)
			r.procs[addr] = &process{addr: addr, lost: true}
		}
	}

	r.roster = nil

	for _, p := range r.sorted() {
		p.mode, p.nacked = Local, false
		r.start(p, at, out)
	}

	if len(lost) > 0 {
		slices.Sort(lost)
		out.add(Effect{Kind: EffectLost, Session: r.session.ID, Names: lost})
	}
}

// forgot tells that the former owner died before it said what it had: what is
// absent from now on may have been lost.
func (r *Replica) forgot(out *Effects) {
	if r.view.Known == 0 {
		return // it had none
	}

	r.amnesia = true
	out.add(Effect{Kind: EffectLost, Session: r.session.ID})
}
