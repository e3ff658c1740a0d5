package node

import (
	"sync"
	"sync/atomic"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
)

// outcome is what became of a request at one node.
type outcome struct {
	reply    handoff.Reply
	token    segue.Token
	refusal  segue.Code // it was not run
	detail   string
	redirect bool // ask owner
	owner    segue.NodeID
	epoch    segue.Epoch
}

// tickets are those who wait for an outcome at this node.
type tickets struct {
	last   atomic.Uint64
	shards [64]ticketShard
}

type ticketShard struct {
	mu      sync.Mutex // guards the field below
	waiting map[handoff.Ticket]func(*outcome)
}

func newTickets() *tickets {
	t := &tickets{}
	for i := range t.shards {
		t.shards[i].waiting = map[handoff.Ticket]func(*outcome){}
	}

	return t
}

// take returns a ticket whose outcome is given to f, once, which must not block.
func (t *tickets) take(f func(*outcome)) handoff.Ticket {
	id := handoff.Ticket(t.last.Add(1))
	s := &t.shards[id%64]

	s.mu.Lock()
	s.waiting[id] = f
	s.mu.Unlock()

	return id
}

// drop forgets a ticket; its outcome is nobody's business any more.
func (t *tickets) drop(id handoff.Ticket) {
	s := &t.shards[id%64]

	s.mu.Lock()
	delete(s.waiting, id)
	s.mu.Unlock()
}

// answer gives the outcome of an effect to whoever waits for it.
func (t *tickets) answer(
	e *handoff.Effect, v *handoff.View, token func(*handoff.View, segue.SessionID) segue.Token,
) {
	s := &t.shards[e.Ticket%64]

	s.mu.Lock()
	f := s.waiting[e.Ticket]
	delete(s.waiting, e.Ticket)
	s.mu.Unlock()

	if f == nil {
		return
	}

	o := &outcome{owner: v.Owner.Node, epoch: v.Epoch}

	switch e.Kind {
	case handoff.EffectReply:
		o.reply, o.token = e.Reply, token(v, e.Session)
	case handoff.EffectRefuse:
		o.refusal, o.detail = e.Refusal, e.Detail
	case handoff.EffectRedirect:
		o.redirect = true
	case handoff.EffectRun, handoff.EffectFreeze, handoff.EffectActivate, handoff.EffectRestore, handoff.EffectDrop,
		handoff.EffectSend, handoff.EffectAbort, handoff.EffectCommit, handoff.EffectFlipping, handoff.EffectLost,
		handoff.EffectEnded:
	}

	f(o)
}
