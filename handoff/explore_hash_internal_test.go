package handoff

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// key is a 128-bit hash of a state.
type key [2]uint64

type hasher struct{ seeds [2]maphash.Seed }

func newHasher() hasher { return hasher{[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}} }

// key hashes the canonical form of w: numbers that only name things are left
// out, and of two states that differ in the names of the clients one is taken.
func (h hasher) key(w *world, buf *[2][]byte) key {
	buf[0] = w.encode(buf[0][:0], [2]int{0, 1})
	b := buf[0]

	if w.plan.requests[0] == w.plan.requests[1] && !w.plan.reads {
		buf[1] = w.encode(buf[1][:0], [2]int{1, 0})
		if bytes.Compare(buf[1], b) < 0 {
			b = buf[1]
		}
	}

	return key{maphash.Bytes(h.seeds[0], b), maphash.Bytes(h.seeds[1], b)}
}

// encoder writes a state under a naming of the clients.
type encoder struct {
	b    []byte
	w    *world
	name [2]int
}

func (w *world) encode(b []byte, name [2]int) []byte {
	e := &encoder{b: b, w: w, name: name}
	lo := len(w.tables) - 1

	for x := range 2 {
		if !w.dead[x] {
			lo = min(lo, w.at[x])
		}
	}

	e.flags(w.gone, w.duty)
	e.num(w.faults, len(w.tables)-lo)

	for _, t := range w.tables[lo:] {
		e.table(t)
	}

	for x := range 2 {
		e.flags(w.dead[x], w.cut[x], w.expired[x])
		e.replica(x, w.at[x]-lo)
	}

	for i := range w.stream {
		l := &w.stream[i]
		e.flags(l.up, l.broken, l.saw[0], l.saw[1])

		for x := range 2 {
			e.num(len(l.to[x]))

			for j := range l.to[x] {
				e.frame(&l.to[x][j])
			}
		}
	}

	e.num(len(w.proposals))

	for _, c := range w.proposals {
		e.num(int(c.Type()), int(proposalSession(c)))

		if o, ok := c.(ownership.Open); ok {
			e.flags(o.Shards[0].Epoch == w.top().Shards[0].Epoch)
		}
	}

	e.clients()

	return e.b
}

func (e *encoder) num(list ...int) {
	for _, v := range list {
		e.b = append(e.b, byte(v))
	}
}

func (e *encoder) flags(list ...bool) {
	v := byte(0)

	for _, f := range list {
		v <<= 1
		if f {
			v |= 1
		}
	}

	e.b = append(e.b, v)
}

func (e *encoder) table(t *ownership.Table) {
	s := &t.Shards[0]
	e.num(int(s.Owner[0]), int(s.Assigned[0]), int(s.LastSession), int(s.LastOutcome), int(s.Session.ID))
	e.flags(t.Live(nodeID(0), peer(0).Inc), t.Live(nodeID(1), peer(1).Inc), s.Lost > 0)
}

// id is a byte of a history under the naming.
func (e *encoder) id(b byte) byte {
	c := int(b-'a') / 8

	return b + byte(8*(e.name[c]-c))
}

func (e *encoder) history(h []byte) {
	e.num(len(h))

	for _, b := range h {
		e.b = append(e.b, e.id(b))
	}
}

func (e *encoder) replica(x, at int) {
	w, r := e.w, e.w.rep[x]

	if w.dead[x] { // only what it was when it died matters
		for i := range w.plan.processes {
			p := r.procs[worldKinds[i]]
			e.flags(p != nil, p != nil && p.mode == Delegated && p.active, p != nil && p.mode == None)
		}

		return
	}

	e.num(at, int(r.role), int(r.session.ID), r.local, r.inactive, len(r.procs))
	e.flags(r.hello, r.linked, r.closed, r.amnesia, r.rostered)

	for i := range w.plan.processes {
		addr := worldKinds[i]
		e.flags(r.roster[addr.String()])

		if p := r.procs[addr]; p != nil {
			e.process(x, p)
		} else {
			e.num(255)
		}

		if s, ok := w.state[x][addr]; ok {
			e.history(s)
		} else {
			e.num(254)
		}
	}

	// Work that belongs to a turn that is gone is void.
	for i := range w.work[x] {
		k := &w.work[x][i]
		if p := r.procs[k.Process]; p != nil && p.turn == k.Turn {
			e.num(int(k.Kind), int(k.Process.Key[0]))
			e.sealed(k.Record)
		}
	}

	e.num(253)
}

func (e *encoder) process(x int, p *process) {
	e.num(int(p.mode), int(p.ver), int(p.work))
	e.flags(p.wantFlip, p.active, p.exists, p.lost, p.nacked, p.broken != "", p.flip.Bytes != nil || p.flip.Hash != segue.Digest{})
	e.entries(p.table.entries)
	e.sealed(p.stored)

	if p.running != nil {
		e.call(x, p.running)
	}

	for _, list := range [2][]*call{p.queue, p.sent} {
		e.num(len(list))

		for _, c := range list {
			e.call(x, c)
		}
	}

	e.num(len(p.unreleased))

	for _, u := range p.unreleased {
		e.call(x, u.call)
		e.history(u.reply.Body.Bytes)
	}
}

func (e *encoder) entries(list []Entry) {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Entry) int { return e.lane(a.Client) - e.lane(b.Client) })
	e.num(len(sorted))

	for i := range sorted {
		e.num(e.lane(sorted[i].Client), int(sorted[i].N), int(sorted[i].Ver))
		e.history(sorted[i].Reply.Body.Bytes)
	}
}

func (e *encoder) lane(c ClientID) int {
	if c == (ClientID{}) {
		return 9
	}

	return e.name[c[1]-1]
}

func (e *encoder) sealed(s Sealed) {
	if s.Bytes == nil {
		e.num(252)

		return
	}

	e.num(int(s.Ver))
	e.history(decode(s))
}

func (e *encoder) call(x int, c *call) {
	e.req(&c.req)
	e.num(len(c.askers), len(c.timer))

	for _, a := range c.askers {
		e.num(int(a.session))

		if a.ticket != 0 {
			e.num(1)
		} else {
			e.number(1-x, c.addr, a.number)
		}
	}
}

// number names a forwarded request by its place at the source.
func (e *encoder) number(source int, addr segue.Address, n uint64) {
	place := 250

	if p := e.w.rep[source].procs[addr]; p != nil && !e.w.dead[source] {
		if i := slices.IndexFunc(p.sent, func(c *call) bool { return c.number == n }); i >= 0 {
			place = i
		}
	}

	e.num(place)
}

func (e *encoder) req(r *Request) {
	e.num(e.lane(r.Client), int(r.N))
}

func (e *encoder) frame(f *Frame) {
	e.num(int(f.Kind), int(f.Session), len(f.Names), int(f.Ver), len(f.Refusal))

	if f.Process.Kind == "" {
		return
	}

	e.num(int(f.Process.Key[0]))
	e.req(&f.Request)
	e.history(f.Reply.Body.Bytes)
	e.sealed(f.Record)
	e.entries(f.Table.entries)

	switch f.Kind {
	case FrameForward, FrameResult, FrameFinal:
		e.number(nodeA, f.Process, f.Call)
	case FrameHello, FrameWelcome, FrameRoster, FrameFlip, FrameActive, FrameNack, FrameDeath, FrameClose:
	}
}

func (e *encoder) clients() {
	w := e.w

	for p := range w.plan.processes {
		e.flags(w.lost[p])
		e.history([]byte(w.acked[p]))

		for _, c := range [2]int{e.name[0], e.name[1]} {
			e.num(w.next[p][c])

			for n := 1; n <= w.plan.requests[c]; n++ {
				for x := range 2 {
					before, out := w.waiting[ticket(x, p, c, n)]
					e.flags(out)

					if out && w.isRead(c, n) {
						e.num(before)
					}
				}
			}
		}
	}
}
