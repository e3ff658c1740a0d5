package handoff

import (
	"fmt"

	"github.com/segue-cluster/segue"
)

// start gives the host the next request of a process, if it may run here and
// now and nothing else is done for it.
func (r *Replica) start(p *process, at Moment, out *Effects) {
	for p.turn == 0 && len(p.queue) > 0 {
		if p.mode != Exec && (p.mode != Local || !r.serves(at)) {
			return
		}

		c := p.queue[0]
		p.queue[0] = nil
		p.queue = p.queue[1:]

		switch {
		case c.expires != 0 && at.Now > c.expires:
			r.refuse(c, segue.ErrDeadline.Code(), fmt.Sprintf("%s: the deadline passed in the mailbox", p.addr), out)

			continue
		case p.lost:
			r.refuse(c, segue.ErrProcessLost.Code(), p.addr.String()+" was lost with a former owner", out)

			continue
		case p.broken != "":
			r.refuse(c, segue.ErrPoisoned.Code(), p.addr.String()+": "+p.broken, out)

			continue
		case c.req.N != 0 && r.answered(p, c, at.Now, r.cfg.Limits(p.addr.Kind), out):
			continue // answered while it waited
		}

		r.turns++
		p.turn, p.work, p.running = r.turns, workTurn, c
		out.add(Effect{
			Kind: EffectRun, Process: p.addr, Turn: p.turn, Request: &c.req, Timer: c.timer, Mode: p.mode, Ver: p.ver,
			Exists: p.exists,
		})
	}
}

// Ran is the outcome of a turn.
type Ran struct {
	Reply Reply
	// Refusal: the request was not run, and why. Nothing has changed.
	Refusal segue.Code
	Detail  string
	// Exists: the process has a state after the turn.
	Exists bool
	// Record is the state after a numbered turn that ran in mode Exec.
	Record Sealed
	// Failed: the state after the turn cannot be given to the source, and why.
	// The process goes back to it, to the state before the turn.
	Failed string
}

// Ran tells the outcome of the turn that [EffectRun] started. A turn of a
// process that is gone since is ignored.
func (r *Replica) Ran(addr segue.Address, turn uint64, res *Ran, at Moment, out *Effects) {
	p := r.procs[addr]
	if p == nil || p.turn != turn || p.work != workTurn {
		return
	}

	c := p.running
	p.turn, p.work, p.running = 0, workNone, nil

	switch {
	case res.Refusal != "":
		r.refuse(c, res.Refusal, res.Detail, out)
	default:
		r.ran(p, c, res, at, out)
	}

	if p.wantFlip {
		p.wantFlip = false
		r.freeze(p, out)
	}

	r.start(p, at, out)
	r.collect(p)
}

func (r *Replica) ran(p *process, c *call, res *Ran, at Moment, out *Effects) {
	existed := p.exists
	p.exists = res.Exists

	if c.numbered() {
		p.ver++
	}

	if c.req.N != 0 {
		e := Entry{Client: c.req.Client, N: c.req.N, Ver: p.ver, At: at.Now, Reply: res.Reply}
		p.table.put(e, r.cfg.Limits(p.addr.Kind))
	}

	switch {
	case p.mode == Exec && res.Failed != "":
		r.nack(p, res.Failed, out)
	case p.mode == Exec:
		r.result(p, c, res, out)
	case !r.serves(at):
		// Executed under a lease that has ended since: the reply waits for the
		// next one, or dies with the fence.
		p.unreleased = append(p.unreleased, release{call: c, reply: res.Reply})
	default:
		r.reply(p, c, res.Reply, p.ver, out)
	}

	if existed && !p.exists && r.role == Flipping && p.mode == Local {
		r.send(Frame{Kind: FrameDeath, Process: p.addr, Ver: p.ver}, out)
	}
}

// collect forgets a process that has neither state nor memory.
func (r *Replica) collect(p *process) {
	if p.exists || p.lost || p.broken != "" || !p.idle() || len(p.table.entries) > 0 {
		return
	}

	// With a session open, it is counted or the other side has it.
	if p.mode == Local && (r.role == Owner || r.role == Opening) || p.mode == None {
		delete(r.procs, p.addr)
	}
}

// reply gives a reply to everybody who waits for a request.
func (r *Replica) reply(p *process, c *call, reply Reply, ver uint64, out *Effects) {
	for _, a := range c.askers {
		switch {
		case a.ticket != 0:
			// What a straggler's owner answered is its own work, of no session: the
			// token must not exceed those that the owner gives itself.
			session := segue.SessionID(0)
			if p.mode == Delegated {
				session = r.session.ID
			}

			out.add(Effect{Kind: EffectReply, Ticket: a.ticket, Process: p.addr, Session: session, Reply: reply, Ver: ver})
		case a.number != 0:
			kind := FrameFinal
			if p.mode == Exec {
				kind = FrameResult // a duplicate: the state was sent before
			}

			r.send(Frame{
				Kind: kind, Session: a.session, Process: p.addr, Call: a.number, Reply: reply, Ver: ver,
			}, out)
		}
	}
}

// refuse tells everybody who waits for a request that it was not run.
func (r *Replica) refuse(c *call, code segue.Code, detail string, out *Effects) {
	for _, a := range c.askers {
		switch {
		case a.ticket != 0:
			out.add(Effect{Kind: EffectRefuse, Ticket: a.ticket, Refusal: code, Detail: detail})
		case a.number != 0:
			r.send(Frame{
				Kind: FrameFinal, Session: a.session, Process: c.addr, Call: a.number, Refusal: code, Detail: detail,
			}, out)
		}
	}
}

// redirect sends everybody who waits for a request to the owner.
func (r *Replica) redirect(c *call, out *Effects) {
	for _, a := range c.askers {
		switch {
		case a.ticket != 0:
			out.add(Effect{Kind: EffectRedirect, Ticket: a.ticket})
		case a.number != 0:
			r.send(Frame{
				Kind: FrameFinal, Session: a.session, Process: c.addr, Call: a.number, Refusal: segue.ErrNotOwner.Code(),
				Detail: fmt.Sprintf("shard %d is owned by node %s", r.cfg.Shard, r.view.Owner.Node),
			}, out)
		}
	}
}

// send puts a frame on the stream of the session.
func (r *Replica) send(f Frame, out *Effects) {
	f.Shard = r.cfg.Shard
	if f.Session == 0 {
		f.Session = r.session.ID
	}

	out.add(Effect{Kind: EffectSend, Session: f.Session, Frame: f})
}
