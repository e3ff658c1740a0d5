package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// An Update is what one entry of the log changed on this node.
type Update struct {
	Index   uint64
	Type    ownership.Type
	Shards  []ShardState
	Members []segue.NodeID // whose record changed
	// Formed: the shards exist from now on.
	Formed bool
}

// ShardState is the record of a shard after an entry, with what it says about
// the nodes in it.
type ShardState struct {
	ownership.Shard

	ID segue.ShardID
	// AssignedInc is the incarnation of the assigned node, 0 if it is gone.
	AssignedInc segue.Incarnation
	// SourceLive and TargetLive: the ends of the open session may still act.
	SourceLive, TargetLive bool
}

// A Route says who owns a shard.
type Route struct {
	Owner segue.NodeID
	Inc   segue.Incarnation
	Epoch segue.Epoch
}

// machine is the table of this node, fed by raft.
type machine struct {
	fatal func(error)
	kept  func(*ownership.Table) // an entry was applied; called with the lock held

	routes atomic.Pointer[[]atomic.Pointer[Route]]

	mu      sync.RWMutex // guards the fields below
	table   *ownership.Table
	broken  error         // an entry could not be understood
	changed chan struct{} // closed at the next entry

	queueMu sync.Mutex // guards the fields below
	queue   []Update   // bounded by the entries that raft applies while one is handled
	ready   chan struct{}
}

func newMachine(fatal func(error), kept func(*ownership.Table)) *machine {
	return &machine{
		fatal: fatal, kept: kept, table: ownership.New(), changed: make(chan struct{}), ready: make(chan struct{}, 1),
	}
}

// applied is what Apply returns to the proposer.
type applied struct {
	result ownership.Result
	err    error
}

// Apply implements consensus.Machine.
func (m *machine) Apply(index uint64, data []byte) any {
	_, cmd, err := ownership.Decode(data)
	if err != nil {
		err = fmt.Errorf("entry %d: %w", index, err)
		m.mu.Lock()
		m.broken = err
		m.mu.Unlock()

		// The log is kept: another release can follow it.
		m.fatal(fmt.Errorf("this release cannot follow the cluster's log any more: %w", err))

		return applied{err: err}
	}

	m.mu.Lock()
	defer m.mu.Unlock()

	if m.broken != nil {
		return applied{err: m.broken}
	}

	result := m.table.Apply(index, cmd)
	m.publish(index, cmd.Type(), &result)

	return applied{result: result}
}

// publish tells everybody on this node what changed. The lock is held.
func (m *machine) publish(index uint64, t ownership.Type, r *ownership.Result) {
	touched := map[segue.ShardID]bool{}
	for _, c := range r.Changes {
		touched[c.Shard] = true
	}

	// A node that changed changes what is known about its shards.
	for i := range m.table.Shards {
		s := &m.table.Shards[i]
		for _, n := range r.Members {
			if s.Owner == n || s.Assigned == n || s.Session.ID != 0 && (s.Session.From == n || s.Session.To == n) {
				touched[segue.ShardID(i)] = true
			}
		}
	}

	formed := m.table.Formed() && m.routes.Load() == nil
	if formed {
		routes := make([]atomic.Pointer[Route], len(m.table.Shards))
		for i := range routes {
			routes[i].Store(&Route{})
			touched[segue.ShardID(i)] = true
		}

		m.routes.Store(&routes)
	}

	u := Update{Index: index, Type: t, Members: r.Members, Formed: formed}

	for id := range touched {
		u.Shards = append(u.Shards, m.state(id))
	}

	slices.SortFunc(u.Shards, func(a, b ShardState) int { return int(a.ID) - int(b.ID) })

	routes := m.routes.Load()
	for i := range u.Shards {
		s := &u.Shards[i]
		(*routes)[s.ID].Store(&Route{Owner: s.Owner, Inc: s.OwnerInc, Epoch: s.Epoch})
	}

	m.push(u)
	m.kept(m.table)
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *machine) state(id segue.ShardID) ShardState {
	s := ShardState{Shard: m.table.Shards[id], ID: id}
	if a, ok := m.table.Members[s.Assigned]; ok && !a.Fenced {
		s.AssignedInc = a.Inc
	}

	s.SourceLive = m.table.Live(s.Session.From, s.Session.FromInc)
	s.TargetLive = m.table.Live(s.Session.To, s.Session.ToInc)

	return s
}

// Snapshot implements consensus.Machine.
func (m *machine) Snapshot() (io.WriterTo, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()

	return m.table.Clone(), nil
}

// Restore implements consensus.Machine.
func (m *machine) Restore(r io.Reader) error {
	t, err := ownership.Read(r)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}

	m.mu.Lock()
	defer m.mu.Unlock()

	m.table = t

	if !t.Formed() {
		return nil
	}

	result := ownership.Result{}
	for i := range t.Shards {
		result.Changes = append(result.Changes, ownership.Change{Shard: segue.ShardID(i), After: t.Shards[i]})
	}

	for id := range t.Members {
		result.Members = append(result.Members, id)
	}

	m.publish(t.Index, 0, &result)

	return nil
}

// view calls f with the table, which f must only read and must not keep.
func (m *machine) view(f func(t *ownership.Table)) {
	m.mu.RLock()
	defer m.mu.RUnlock()

	f(m.table)
}

// next returns a channel that is closed at the next entry.
func (m *machine) next() <-chan struct{} {
	m.mu.RLock()
	defer m.mu.RUnlock()

	return m.changed
}

// until waits until done is true of the table.
func (m *machine) until(ctx context.Context, done func(t *ownership.Table) bool) error {
	for {
		changed := m.next()
		ok := false
		m.view(func(t *ownership.Table) { ok = done(t) })

		if ok {
			return nil
		}

		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (m *machine) push(u Update) {
	m.queueMu.Lock()
	m.queue = append(m.queue, u)
	m.queueMu.Unlock()

	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// deliver hands the updates to f, in order, until ctx is done.
func (m *machine) deliver(ctx context.Context, f func(Update)) {
	for {
		select {
		case <-m.ready:
		case <-ctx.Done():
			return
		}

		m.queueMu.Lock()
		batch := m.queue
		m.queue = nil
		m.queueMu.Unlock()

		for _, u := range batch {
			f(u)
		}
	}
}
