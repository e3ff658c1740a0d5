package handoff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segue-cluster/segue"
)

// ReplicaConfig are the fixed facts of a [Replica].
type ReplicaConfig struct {
	Shard segue.ShardID
	Self  Peer

	// Limits returns the limits of a kind. It must be pure. Required.
	Limits func(kind string) *Limits

	// StartEmpty reports whether processes of a kind may start empty where
	// their state may have been lost. Nil means never.
	StartEmpty func(kind string) bool
}

// A Replica is one node's part in one shard, as a pure state machine: owner,
// source or target, with the modes of all its processes. Its methods take
// events and append to out what is to be done; they do no I/O, read no clock
// and start nothing. Times are nanoseconds of one clock of the node.
//
// A Replica is not safe for concurrent use: the host guards each with a lock
// of its own, and carries out the effects outside of it, in order.
type Replica struct {
	cfg  ReplicaConfig
	view View
	role Role

	session Session // the one this replica takes or took part in
	hello   bool    // source: sent
	linked  bool    // the stream of session stands, as far as is known

	procs map[segue.Address]*process
	turns uint64 // numbers the work given to the host
	calls uint64 // numbers the forwarded requests

	// Source: how many processes are not delegated, and not active.
	// Invariant: both are 0 when Commit is proposed.
	local    int
	inactive int
	tally    Tally

	closed bool // source: the target said that it is the owner

	roster   map[string]bool // target: existing processes that have not come yet
	rostered bool            // target: the roster is complete
	amnesia  bool            // became the owner without knowing what there was

	off rule // for tests
}

// NewReplica returns the replica of a node that takes no part in the shard.
func NewReplica(cfg ReplicaConfig) *Replica {
	return &Replica{cfg: cfg, procs: map[segue.Address]*process{}}
}

// Role returns what the node does for the shard.
func (r *Replica) Role() Role { return r.role }

// View returns what the own log says about the shard.
func (r *Replica) View() View { return r.view }

// Session returns the session that the replica takes part in, or took part in
// last.
func (r *Replica) Session() Session { return r.session }

// Count returns the number of existing processes that the node holds as owner
// or delegate.
func (r *Replica) Count() int {
	n := 0

	for _, p := range r.procs {
		if p.exists && p.mode != None {
			n++
		}
	}

	return n
}

// Each calls f for every process that the node holds, in no order.
func (r *Replica) Each(f func(addr segue.Address, mode Mode, ver uint64)) {
	for addr, p := range r.procs {
		if p.exists && p.mode != None {
			f(addr, p.mode, p.ver)
		}
	}
}

// become makes one step of the role's state machine.
func (r *Replica) become(q Role) {
	if !r.role.next(q) {
		panic(fmt.Sprintf("handoff: shard %d: illegal step from %s to %s", r.cfg.Shard, r.role, q))
	}

	r.role = q
}

// owner reports whether the own log makes this incarnation the owner.
func (r *Replica) owner() bool { return r.view.Owner == r.cfg.Self }

// serves reports whether processes in mode Local may run and be answered.
func (r *Replica) serves(at Moment) bool {
	return r.owner() && (at.Lease || !r.holds(ruleLease))
}

// Applied tells what the own log says after an entry that concerns the shard.
func (r *Replica) Applied(v View, at Moment, out *Effects) {
	former := r.view
	r.view = v

	if v.Lossy {
		r.amnesia = false // agreed on, from now on
	}

	switch r.role {
	case Idle:
		if r.owner() {
			r.become(Owner)

			if s := former.Session; v.Recovered && s.ID == v.LastSession && s.To == r.cfg.Self {
				r.session = s
				r.forgot(out) // the source died before it said anything
			}
		}
	case Owner:
		r.appliedAsOwner(out)
	case Opening, Flipping, Committing, Aborting:
		r.appliedAsSource(at, out)
	case Forwarding:
		if r.owner() {
			r.become(Owner)
			r.requeue(at, out)
		}
	case Ready, Executing:
		r.appliedAsTarget(at, out)
	}
}

func (r *Replica) appliedAsOwner(out *Effects) {
	switch {
	case !r.owner():
		r.forget(out) // fenced; the node is about to end
	case r.view.Session.ID != 0 && r.view.Session.From == r.cfg.Self:
		// An Open that was given up shows up late.
		r.session = r.view.Session
		r.become(Aborting)
		out.add(Effect{Kind: EffectAbort, Session: r.session.ID, Detail: "opened after it was given up"})
	}
}

// forget drops everything: somebody else owns the shard and this node has no
// part in it.
func (r *Replica) forget(out *Effects) {
	for _, p := range r.sorted() {
		for _, c := range append(p.sent, p.queue...) {
			r.redirect(c, out)
		}

		if p.running != nil {
			r.refuse(p.running, segue.ErrOutcomeUnknown.Code(), "the shard moved while the request ran", out)
		}

		for _, u := range p.unreleased {
			r.refuse(u.call, segue.ErrOutcomeUnknown.Code(), "the shard moved before the reply could be given", out)
		}

		out.add(Effect{Kind: EffectDrop, Process: p.addr})
	}

	clear(r.procs)
	r.roster = nil
	r.become(Idle)
}

// sorted returns the processes by address: what is done for all of them is
// done in an order that does not depend on the map.
func (r *Replica) sorted() []*process {
	return slices.SortedFunc(maps.Values(r.procs), func(p, q *process) int {
		return cmp.Or(strings.Compare(p.addr.Kind, q.addr.Kind), strings.Compare(p.addr.Key, q.addr.Key))
	})
}

// Request is a request of somebody at this node or of another node.
func (r *Replica) Request(addr segue.Address, req *Request, ticket Ticket, at Moment, out *Effects) {
	c := &call{addr: addr, req: *req, askers: []asker{{ticket: ticket}}}
	if req.Deadline > 0 {
		c.expires = at.Now + req.Deadline
	}

	switch r.role {
	case Idle, Ready, Executing:
		r.redirect(c, out)
	case Owner, Opening:
		r.accept(c, Local, at, out)
	case Flipping, Committing, Aborting, Forwarding:
		// Births go straight to the target, or wait for the verdict of raft: a
		// process that is born here would be missing there.
		r.accept(c, Delegated, at, out)
	}
}

// accept takes a request at the owner or the source. A process that does
// not exist is made in the mode of a birth.
func (r *Replica) accept(c *call, birth Mode, at Moment, out *Effects) {
	p := r.procs[c.addr]

	if p == nil || p.mode == Local {
		if !r.serves(at) && (p != nil || birth == Local) {
			r.refuse(c, segue.ErrRetry.Code(), "the owner has no lease now", out)

			return
		}
	}

	if p == nil {
		if p = r.birth(c, birth, at, out); p == nil {
			return
		}
	}

	if w := p.waiting(&c.req); w != nil {
		w.askers = append(w.askers, c.askers...)

		return
	}

	limits := r.cfg.Limits(c.addr.Kind)
	if c.req.N != 0 && r.answered(p, c, at.Now, limits, out) {
		return
	}

	if len(p.queue)+len(p.sent) >= limits.Mailbox {
		r.refuse(c, segue.ErrMailboxFull.Code(), fmt.Sprintf("%s: %d requests wait", c.addr, limits.Mailbox), out)

		return
	}

	if p.mode == Delegated && r.role != Aborting || p.mode == None {
		r.forward(p, c, out)

		return
	}

	p.queue = append(p.queue, c)
	r.start(p, at, out)
}

// birth returns the entry of a process that is not known here, or answers.
func (r *Replica) birth(c *call, mode Mode, at Moment, out *Effects) *process {
	addr, read := c.addr, c.req.N == 0

	switch {
	case r.role == Forwarding:
		p := &process{addr: addr} // passes the straggler on
		r.procs[addr] = p

		return p
	case !r.serves(at) && (read || r.lossy()):
		r.refuse(c, segue.ErrRetry.Code(), "the owner has no lease now", out)

		return nil
	case r.lossy() && (r.cfg.StartEmpty == nil || !r.cfg.StartEmpty(addr.Kind)):
		r.refuse(c, segue.ErrProcessLost.Code(), addr.String()+" may have been lost with the former owner of its shard", out)

		return nil
	case read:
		r.refuse(c, segue.ErrNotFound.Code(), addr.String()+" does not exist", out)

		return nil
	}

	p := &process{addr: addr, mode: mode}
	if mode == Delegated {
		p.active = true // nothing was flipped: the request itself is the birth
	}

	r.procs[addr] = p

	return p
}

// lossy reports whether what is absent may have been lost.
func (r *Replica) lossy() bool { return r.view.Lossy || r.amnesia }

// answered answers a numbered request from the table or refuses it, if the
// table says so.
func (r *Replica) answered(p *process, c *call, now int64, l *Limits, out *Effects) bool {
	verdict, e := p.table.admit(&c.req, now, l)

	// At the source the table may lack what is on its way: only what it has
	// counts there, the target decides about the rest.
	if p.mode != Local && p.mode != Exec && verdict != admitDuplicate {
		return false
	}

	switch verdict {
	case admitRun:
		return false
	case admitDuplicate:
		r.reply(p, c, e.Reply, e.Ver, out)
	case admitStale:
		r.refuse(c, segue.ErrBadRequest.Code(), fmt.Sprintf("request %d was superseded by a newer one of its client", c.req.N), out)
	case admitGap:
		r.refuse(c, segue.ErrRetry.Code(), fmt.Sprintf("request %d came before an earlier one of its client", c.req.N), out)
	case admitBusy:
		r.refuse(c, segue.ErrBusy.Code(), fmt.Sprintf("%s: too many recent clients", p.addr), out)
	case admitUnknown:
		r.refuse(c, segue.ErrOutcomeUnknown.Code(), "the request is older than replies are remembered", out)
	}

	return true
}

// Fire is a timer of a process that is due. Timers fire only where the process
// executes; a host that finds out too late may call it in vain.
func (r *Replica) Fire(addr segue.Address, timer string, at Moment, out *Effects) {
	p := r.procs[addr]
	if p == nil || p.mode != Local && p.mode != Exec {
		return
	}

	p.queue = append(p.queue, &call{addr: addr, timer: timer})
	r.start(p, at, out)
}

// Leased tells that the node holds a lease again.
func (r *Replica) Leased(at Moment, out *Effects) {
	if !r.owner() {
		return
	}

	for _, p := range r.sorted() {
		if p.mode != Local {
			continue
		}

		held := p.unreleased
		p.unreleased = nil

		for _, u := range held {
			r.reply(p, u.call, u.reply, p.ver, out)
		}

		r.start(p, at, out)
	}
}

// Sweep forgets the replies that nobody may ask for any more, and the ended
// processes of which nothing else is left. The host calls it now and then.
func (r *Replica) Sweep(now int64) {
	for _, p := range r.procs {
		p.table.sweep(now)
		r.collect(p)
	}
}
