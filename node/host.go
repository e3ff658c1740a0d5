package node

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/internal/clock"
	"github.com/segue-cluster/segue/internal/wire"
)

// host runs the processes of this node. It is the [handoff.Host] of its driver.
type host struct {
	kinds    map[string]*Kind
	registry *schema.Registry
	now      clock.Clock
	log      *slog.Logger
	timers   *timers
	tickets  *tickets
	limits   func(kind string) *handoff.Limits
	driver   *handoff.Driver // set before the first call
	self     handoff.Peer
	token    func(v *handoff.View, session segue.SessionID) segue.Token

	// procs by shard, each guarded by the lock of the shard in the driver.
	procs []map[segue.Address]*proc

	plans sync.Map // handoff.Peer -> map[string]schema.Plan
	work  sync.WaitGroup
}

// Do implements [handoff.Host].
func (h *host) Do(e *handoff.Effect, v *handoff.View) {
	switch e.Kind {
	case handoff.EffectReply, handoff.EffectRefuse, handoff.EffectRedirect:
		h.tickets.answer(e, v, h.token)
	case handoff.EffectRun:
		p, work, to := h.proc(e.Process), *e, h.peerOf(v)
		token := h.token(v, v.Session.ID)
		h.work.Go(func() { h.turn(p, &work, to, token) })
	case handoff.EffectFreeze:
		p, work, to := h.proc(e.Process), *e, h.peerOf(v)
		h.work.Go(func() { h.freeze(p, &work, to) })
	case handoff.EffectActivate:
		p, work := h.renew(e.Process), *e
		h.work.Go(func() { h.activate(p, &work) })
	case handoff.EffectRestore:
		h.restore(e)
	case handoff.EffectDrop:
		h.drop(e.Process)
	case handoff.EffectSend, handoff.EffectAbort, handoff.EffectCommit, handoff.EffectFlipping, handoff.EffectLost,
		handoff.EffectEnded: // the driver's own
	}
}

// proc returns a process, and makes its entry if there is none.
func (h *host) proc(addr segue.Address) *proc {
	shard := segue.ShardOf(addr, uint32(len(h.procs))) //nolint:gosec // at most 4096

	p := h.procs[shard][addr]
	if p == nil {
		p = &proc{addr: addr, shard: shard, kind: h.kinds[addr.Kind]}
		h.procs[shard][addr] = p
	}

	return p
}

// renew returns a new entry in place of any former one.
func (h *host) renew(addr segue.Address) *proc {
	h.drop(addr)

	return h.proc(addr)
}

func (h *host) drop(addr segue.Address) {
	shard := segue.ShardOf(addr, uint32(len(h.procs))) //nolint:gosec // at most 4096

	p := h.procs[shard][addr]
	if p == nil {
		return
	}

	delete(h.procs[shard], addr)
	p.mu.Lock()
	p.dropped = true

	for _, t := range p.timers {
		h.timers.disarm(t)
	}

	p.timers = nil
	p.mu.Unlock()
}

// restore makes a process go on here, from the state that came back or from the
// one that was frozen. What takes time is done at its first turn, which is
// started here, for its timers.
func (h *host) restore(e *handoff.Effect) {
	if e.Record.Bytes != nil {
		p := h.renew(e.Process)
		p.sealed = e.Record
		h.work.Go(func() { h.driver.Fire(p.shard, p.addr, "") })

		return
	}

	p := h.proc(e.Process)

	p.mu.Lock()
	defer p.mu.Unlock()

	for _, t := range p.timers {
		h.timers.arm(t) // one that was due meanwhile is due at once
	}
}

// peerOf returns the other end of the open session.
func (h *host) peerOf(v *handoff.View) handoff.Peer {
	if v.Session.From == h.self {
		return v.Session.To
	}

	return v.Session.From
}

// Manifest implements [handoff.Host].
func (h *host) Manifest() []byte {
	b, err := wire.Marshal(h.registry.Manifests())
	if err != nil {
		h.log.Error("cannot encode the manifests", "err", err)
	}

	return b
}

func decodeManifests(b []byte) ([]schema.Manifest, error) {
	var list []schema.Manifest
	if err := wire.Unmarshal(b, &list, wire.Limits{Bytes: wire.MaxBulkFrame, Depth: 16}); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}

	for _, m := range list {
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
	}

	return list, nil
}

// Agree implements [handoff.Host].
func (h *host) Agree(_ segue.SessionID, peer handoff.Peer, manifest []byte) error {
	list, err := decodeManifests(manifest)
	if err != nil {
		return err
	}

	plans := map[string]schema.Plan{}

	for _, p := range h.registry.Compare(list) {
		if p.Refused() || p.NeedsAcceptance() {
			return fmt.Errorf("%s: %w", p, segue.ErrRefused)
		}

		plans[p.Kind] = p
	}

	h.plans.Store(peer, plans)

	return nil
}

// wireVersion is the version in which something travels between this node and
// a peer: the lower head of the two. A peer that does not know it, or of which
// nothing is known, carries ours unread.
func (h *host) wireVersion(peer handoff.Peer, s *versioned) schema.Version {
	if v, ok := h.plans.Load(peer); ok {
		if plans, ok := v.(map[string]schema.Plan); ok {
			if p := plans[s.Name()]; p.Wire != 0 {
				return p.Wire
			}
		}
	}

	return s.Head()
}

// load makes the state of a process from its record, if that was not done.
func (h *host) load(p *proc) error {
	if p.sealed.Bytes != nil {
		r, _, err := p.sealed.Open(h.now())
		if err != nil {
			return fmt.Errorf("its record: %w", err)
		}

		p.sealed = handoff.Sealed{}
		h.adopt(p, &r)
	}

	if p.kind == nil || p.record == nil || p.record.Codec != handoff.CodecMsgpack {
		return nil
	}

	r, s := p.record, p.kind.state
	if err := s.Check(schema.Version(r.Schema), r.Fingerprint); err != nil {
		return fmt.Errorf("its record: %w", err)
	}

	state, err := s.DecodeFrom(&schema.Ctx{Process: p.addr.Key}, r.State, schema.Version(r.Schema))
	if err != nil {
		return fmt.Errorf("its record: %w", err)
	}

	p.state, p.record, p.carried = state, nil, handoff.Record{Residue: r.Residue, Outbox: r.Outbox, Ext: r.Ext}

	return nil
}

// adopt takes over a record, its timers at once and its state later.
func (h *host) adopt(p *proc, r *handoff.Record) {
	p.record = r
	now := h.now()

	p.mu.Lock()
	defer p.mu.Unlock()

	if p.dropped {
		return
	}

	p.timers = make(map[string]*timer, len(r.Timers))
	for _, t := range r.Timers {
		x := &timer{p: p, id: t.ID, due: now + max(t.Remaining, 0), body: t.Body, index: -1}
		p.timers[t.ID] = x
		h.timers.arm(x)
	}
}

// activate makes a process from a record that a source sent.
func (h *host) activate(p *proc, e *handoff.Effect) {
	r, _, err := e.Record.Open(h.now())
	if err == nil {
		h.adopt(p, &r)
		err = h.load(p)
	}

	res := handoff.Activated{Exists: r.Codec == handoff.CodecMsgpack, Lost: r.Codec == handoff.CodecLost}
	if err != nil {
		res.Failed = err.Error()
	}

	h.driver.Activated(p.shard, p.addr, e.Turn, res)
}

// freeze encodes a process for the other end of the session.
func (h *host) freeze(p *proc, e *handoff.Effect, to handoff.Peer) {
	failed := ""

	sealed, err := h.seal(p, to, e.Ver, e)
	if err != nil {
		failed = err.Error()
	}

	h.driver.Frozen(p.shard, p.addr, e.Turn, sealed, failed)
}

// seal encodes a process as the other end of the session wants it. With a nil
// effect the table is left out.
func (h *host) seal(p *proc, to handoff.Peer, ver uint64, e *handoff.Effect) (handoff.Sealed, error) {
	if err := h.load(p); err != nil {
		return handoff.Sealed{}, err
	}

	if p.poisoned != "" {
		return handoff.Sealed{}, fmt.Errorf("%s: %s: %w", p.addr, p.poisoned, segue.ErrPoisoned)
	}

	r := p.carried
	r.Ver, r.Kind = ver, p.addr.Kind

	switch {
	case e != nil && e.Lost:
		r.Codec = handoff.CodecLost
	case p.record != nil: // parked: it goes on as it came
		r = *p.record
		r.Ver = ver
	case p.state != nil:
		v := h.wireVersion(to, p.kind.state)

		b, err := p.kind.state.EncodeAs(&schema.Ctx{Process: p.addr.Key}, p.state, v)
		if err != nil {
			return handoff.Sealed{}, fmt.Errorf("encode %s: %w", p.addr, err)
		}

		r.Schema, r.Fingerprint = uint32(v), p.kind.state.fingerprint(v)
		r.Codec, r.State = handoff.CodecMsgpack, b
	}

	if err := h.sealTimers(p, to, &r); err != nil {
		return handoff.Sealed{}, err
	}

	var table []handoff.Entry
	if e != nil {
		table = e.Table
	}

	s, err := r.Seal(table, h.now())
	if err != nil {
		return handoff.Sealed{}, fmt.Errorf("%s: %w", p.addr, err)
	}

	return s, nil
}

// sealTimers adds the timers to a record, their messages in a version that the
// other end knows.
func (h *host) sealTimers(p *proc, to handoff.Peer, r *handoff.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()

	now := h.now()
	r.Timers = make([]handoff.Timer, 0, len(p.timers))

	for _, t := range p.timers {
		body := t.body

		if p.kind != nil {
			if m := p.kind.handlers[body.Name]; m != nil && m.message != nil {
				v := h.wireVersion(to, m.message)
				if from := schema.Version(body.Version); from > v {
					b, err := m.message.Migrate(nil, body.Bytes, from, v)
					if err != nil {
						return fmt.Errorf("timer %q of %s: %w", t.id, p.addr, err)
					}

					body.Version, body.Fingerprint, body.Bytes = uint32(v), m.message.fingerprint(v), b
				}
			}
		}

		r.Timers = append(r.Timers, handoff.Timer{ID: t.id, Remaining: max(t.due-now, 0), Body: body})
	}

	return nil
}

// wait returns when the last piece of work has ended.
func (h *host) wait() { h.work.Wait() }

var _ handoff.Host = (*host)(nil)
