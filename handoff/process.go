package handoff

import (
	"github.com/segue-cluster/segue"
)

// process is the protocol's view of one process on this node. Whether its
// state exists and what it looks like is the host's business.
type process struct {
	addr  segue.Address
	mode  Mode
	ver   uint64 // counts the turns that were not declared reads
	table Table

	// turn is the number of the work that the host does for this process now:
	// a turn, an encoding or an activation. 0 if it does none.
	turn    uint64
	work    work
	running *call // if work is workTurn

	queue []*call // wait to run here; Delegated: held until raft has decided
	sent  []*call // Delegated: forwarded and not answered

	wantFlip bool   // freeze when the running turn has ended
	active   bool   // Delegated: runs at the target
	exists   bool   // has a state, as far as this node knows
	lost     bool   // died with a former owner
	nacked   bool   // Exec: given back to the source
	broken   string // the record did not become a state; why

	stored Sealed // Delegated: newest state, if Ver > 0 or Bytes != nil
	flip   Sealed // Delegated: what was sent, without the bytes, for the tally

	unreleased []release // Local: executed, waits for the lease
}

// work is what the host does for a process.
type work uint8

const (
	workNone work = iota
	workTurn
	workFreeze
	workActivate
)

// call is one request that somebody waits for.
type call struct {
	addr    segue.Address
	req     Request
	timer   string // a timer that fired; req is empty
	askers  []asker
	expires int64  // when nobody waits any more, 0 for never
	number  uint64 // at the source: of the forwarded request
}

// asker is one who waits for a reply: somebody at this node, or the source that
// forwarded the request under a number of its own.
type asker struct {
	ticket  Ticket
	session segue.SessionID
	number  uint64
}

// release is a reply that may not be given yet.
type release struct {
	call  *call
	reply Reply
}

// numbered reports whether the turn counts: it is not a declared read.
func (c *call) numbered() bool { return c.timer != "" || c.req.N != 0 }

func (c *call) same(r *Request) bool {
	return r.N != 0 && c.timer == "" && c.req.Client == r.Client && c.req.N == r.N
}

func (p *process) idle() bool {
	return p.turn == 0 && len(p.queue) == 0 && len(p.sent) == 0 && len(p.unreleased) == 0
}

// waiting returns the call of a request that is already on its way.
func (p *process) waiting(r *Request) *call {
	if r.N == 0 {
		return nil
	}

	if p.running != nil && p.running.same(r) {
		return p.running
	}

	for _, list := range [2][]*call{p.queue, p.sent} {
		for _, c := range list {
			if c.same(r) {
				return c
			}
		}
	}

	for _, u := range p.unreleased {
		if u.call.same(r) {
			return u.call
		}
	}

	return nil
}
