package node

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
)

// turn runs one handler and reports the outcome to the driver.
func (h *host) turn(p *proc, e *handoff.Effect, to handoff.Peer, token segue.Token) {
	res := h.runTurn(p, e, token)

	if e.Mode == handoff.Exec && res.Refusal == "" && res.Failed == "" && (e.Timer != "" || e.Request.N != 0) {
		sealed, err := h.seal(p, to, e.Ver+1, nil)
		if err != nil {
			res.Failed = err.Error()
		}

		res.Record = sealed
	}

	h.driver.Ran(p.shard, p.addr, e.Turn, &res)
}

// refuse is the outcome of a turn that was not run.
func refuse(err error) handoff.Ran {
	return handoff.Ran{Refusal: segue.CodeOf(err), Detail: err.Error()}
}

func (h *host) runTurn(p *proc, e *handoff.Effect, token segue.Token) handoff.Ran {
	body, fired, err := h.message(p, e)
	if err != nil {
		res := refuse(err)
		res.Exists = p.exists()

		return res
	}

	m := p.kind.handlers[body.Name]
	if m == nil {
		return refuse(fmt.Errorf("kind %s has no message %q in this release: %w", p.kind.name, body.Name, segue.ErrUnknownMessage))
	}

	if m.query && !p.exists() {
		return refuse(fmt.Errorf("%s does not exist: %w", p.addr, segue.ErrNotFound))
	}

	message, err := decodeBody(m.message, body)
	if err != nil {
		return refuse(fmt.Errorf("message %q: %w", body.Name, err))
	}

	if fired {
		h.forget(p, e.Timer)
	}

	return h.handle(p, m, message, e, token)
}

// message finds what a turn is about: a request, or a timer that is still set.
func (h *host) message(p *proc, e *handoff.Effect) (body *handoff.Body, fired bool, err error) {
	if err := h.load(p); err != nil {
		return nil, false, fmt.Errorf("%s: %w: %w", p.addr, err, segue.ErrPoisoned)
	}

	switch {
	case p.kind == nil && p.record != nil:
		return nil, false, fmt.Errorf("this release does not know kind %s: %w", p.addr.Kind, segue.ErrKindNotServed)
	case p.kind == nil:
		return nil, false, fmt.Errorf("kind %q: %w", p.addr.Kind, segue.ErrUnknownKind)
	case p.poisoned != "":
		return nil, false, fmt.Errorf("%s: %s: %w", p.addr, p.poisoned, segue.ErrPoisoned)
	case e.Request != nil && e.Request.Body.Name != "":
		return &e.Request.Body, false, nil
	}

	p.mu.Lock()
	defer p.mu.Unlock()

	if t := p.timers[e.Timer]; t != nil && t.due <= h.now() {
		return &t.body, true, nil
	}

	return nil, false, fmt.Errorf("timer %q is not set: %w", e.Timer, segue.ErrNotFound)
}

// forget removes a timer that fires in this turn.
func (h *host) forget(p *proc, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	delete(p.timers, id)
}

func (h *host) handle(p *proc, m *handler, message any, e *handoff.Effect, token segue.Token) handoff.Ran {
	if p.state == nil {
		p.state, p.record = p.kind.init(p.addr.Key), nil
	}

	t := &Turn{p: p, kind: p.kind, token: token, now: time.Now(), log: h.log.With("process", p.addr.String())}

	reply, err := h.call(t, m, message)
	if t.panicked {
		p.poisoned, p.state = err.Error(), nil

		if e.Mode == handoff.Exec { // the source takes it back, as it was before
			return handoff.Ran{
				Failed: err.Error(), Reply: handoff.Reply{Code: segue.ErrPoisoned.Code(), Detail: err.Error()},
			}
		}

		return refuse(err)
	}

	res := handoff.Ran{}

	switch {
	case e.Timer != "": // nobody waits for the reply
		if err != nil {
			t.log.Warn("a timer's handler answered with an error", "timer", e.Timer, "err", err)
		}
	case err != nil:
		res.Reply = handoff.Reply{Code: segue.ErrHandler.Code(), Detail: err.Error()}
	default:
		res.Reply = h.reply(p, m, reply, e.Request)
	}

	h.settle(p, t)
	res.Exists = p.state != nil

	return res
}

// reply encodes what a handler returned. If that cannot be sent, or is too much
// to be remembered for a retry, the reply is an error; the turn counts.
func (h *host) reply(p *proc, m *handler, reply any, req *handoff.Request) handoff.Reply {
	body, err := encodeReply(m.reply, reply, &req.Body, req.Want)

	if size, most := len(body.Bytes), h.limits(p.addr.Kind).Reply(req); err == nil && size > most {
		err = fmt.Errorf("it has %d bytes, at most %d are remembered for a retry; return less, make it a query, "+
			"or raise the limit of the kind: %w", size, most, segue.ErrTooLarge)
	}

	if err != nil {
		return handoff.Reply{Code: segue.CodeOf(err), Detail: fmt.Sprintf("%s, the reply of %q: %v", p.addr, m.name, err)}
	}

	return handoff.Reply{Body: body}
}

// call runs the handler and catches its panics.
func (h *host) call(t *Turn, m *handler, message any) (reply any, err error) {
	defer func() {
		if r := recover(); r != nil {
			t.panicked = true
			t.log.Error("a handler panicked", "message", m.name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("the handler of %q panicked: %v: %w", m.name, r, segue.ErrPoisoned)
		}
	}()

	reply, err = m.run(t, t.p.state, message)

	return reply, err
}

// settle carries out what the turn asked for.
func (h *host) settle(p *proc, t *Turn) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.dropped {
		return
	}

	if t.ended {
		for _, x := range p.timers {
			h.timers.disarm(x)
		}

		p.state, p.timers = nil, nil

		return
	}

	now := h.now()

	for id, set := range t.set {
		if x := p.timers[id]; x != nil {
			h.timers.disarm(x)
			delete(p.timers, id)
		}

		if set == nil {
			continue
		}

		if p.timers == nil {
			p.timers = map[string]*timer{}
		}

		x := &timer{p: p, id: id, due: now + int64(set.after), body: set.body, index: -1}
		p.timers[id] = x
		h.timers.arm(x)
	}
}
