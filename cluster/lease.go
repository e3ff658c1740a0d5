package cluster

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/clock"
)

const (
	renewEvery = 500 * time.Millisecond // between two renewals of a lease
	grantEvery = 50 * time.Millisecond  // within which renewals wait for one barrier: grants cost entries
)

// Leased reports whether this node may serve what it owns, at the time of the
// clock of [Config]. The holder stops a tenth before the leader does.
func (c *Cluster) Leased() bool { return c.cfg.Clock() < c.leaseEnd.Load() }

// holdLease renews this node's lease until ctx is done.
func (c *Cluster) holdLease(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()

	for {
		c.renew(ctx)

		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Cluster) renew(ctx context.Context) {
	inc := segue.Incarnation(c.inc.Load())
	leader, ok := c.raft.Leader()

	if inc == 0 || !ok {
		return
	}

	body := renewBody{Node: c.id, Inc: inc}
	for shard, n := range c.cfg.Counts() {
		body.Counts = append(body.Counts, countBody{Shard: shard, Processes: n})
	}

	// The lease counts from here: what the leader hears is later.
	sent := c.cfg.Clock()

	ctx, cancel := context.WithTimeout(ctx, c.cfg.Lease/2)
	defer cancel()

	var grant grantBody
	if err := c.ask(ctx, leader, opRenew, &body, &grant); err != nil {
		c.cfg.Logger.DebugContext(ctx, "lease not renewed", "err", err)

		return
	}

	c.told.Store(&grant.Counts)

	had := c.Leased()
	c.leaseEnd.Store(sent + int64(c.cfg.Lease)*9/10)

	if !had && c.Leased() {
		c.cfg.Leased()
	}
}

// leases is the leader's knowledge of who may serve until when. It is empty on
// other nodes.
type leases struct {
	now     clock.Clock
	length  int64
	barrier func(ctx context.Context) error
	live    func(node segue.NodeID, inc segue.Incarnation) bool

	mu      sync.Mutex // guards the fields below
	since   int64      // this node leads since then, 0 if it does not
	held    map[segue.NodeID]lease
	certain map[segue.NodeID]segue.Incarnation // dead beyond doubt
	waiting []chan error
	counts  map[segue.ShardID]uint64
	granter bool
}

// lease is what the leader promised a node: not to fence it before.
type lease struct {
	inc   segue.Incarnation
	until int64
}

func newLeases(cfg *Config, barrier func(context.Context) error, live func(segue.NodeID, segue.Incarnation) bool) *leases {
	return &leases{now: cfg.Clock, length: int64(cfg.Lease), barrier: barrier, live: live}
}

// lead begins the leadership of this node, which knows of no lease yet.
func (l *leases) lead() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.since = max(l.now(), 1)
	l.held = map[segue.NodeID]lease{}
	l.certain = map[segue.NodeID]segue.Incarnation{}
	l.counts = map[segue.ShardID]uint64{}
}

// resign ends it.
func (l *leases) resign() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.since = 0
}

// renew grants a lease. It returns after an entry that was proposed after the
// call has been applied here: only that proves that this node leads and knows
// who was fenced.
func (l *leases) renew(ctx context.Context, from segue.NodeID, b *renewBody) error {
	if b.Node != from {
		return fmt.Errorf("node %s renews for node %s: %w", from, b.Node, segue.ErrBadRequest)
	}

	if err := l.wait(ctx); err != nil {
		return err
	}

	if !l.live(b.Node, b.Inc) {
		return fmt.Errorf("node %s, incarnation %d: %w", b.Node, b.Inc, segue.ErrFenced)
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	if l.since == 0 {
		return segue.ErrNoLeader
	}

	l.held[b.Node] = lease{inc: b.Inc, until: l.now() + l.length}

	for _, c := range b.Counts {
		l.counts[c.Shard] = c.Processes
	}

	return nil
}

// wait waits for one barrier together with everybody who asks meanwhile.
func (l *leases) wait(ctx context.Context) error {
	done := make(chan error, 1)

	l.mu.Lock()

	if l.since == 0 {
		l.mu.Unlock()

		return segue.ErrNoLeader
	}

	l.waiting = append(l.waiting, done)
	first := !l.granter
	l.granter = true
	l.mu.Unlock()

	if first {
		l.grant(ctx)
	}

	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("lease: %w", context.Cause(ctx))
	}
}

// grant runs the barrier for everybody who waits now.
func (l *leases) grant(ctx context.Context) {
	pause(ctx, grantEvery)
	l.mu.Lock()
	batch := l.waiting
	l.waiting, l.granter = nil, false
	l.mu.Unlock()

	err := l.barrier(ctx)
	for _, done := range batch {
		done <- err
	}
}

// certify notes that an incarnation is dead beyond doubt.
func (l *leases) certify(node segue.NodeID, inc segue.Incarnation) error {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.since == 0 {
		return segue.ErrNoLeader
	}

	l.certain[node] = inc

	return nil
}

// expired reports whether a member may be fenced: its lease has run out for so
// long that it is given up, or its death is certain. A new leader knows of no
// leases and waits for those that a former one may have granted.
func (l *leases) expired(m *ownership.Member, after time.Duration) (reason string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.since == 0 {
		return "", false
	}

	if inc, dead := l.certain[m.Node]; dead && inc == m.Inc {
		return "its death is certain", true
	}

	last := l.since // as if it had been heard when this node began to lead
	if h, known := l.held[m.Node]; known && h.inc == m.Inc {
		last = h.until - l.length
	}

	if silent := time.Duration(l.now() - last); silent >= after {
		return fmt.Sprintf("silent for %v", silent.Round(time.Second)), true
	}

	return "", false
}

// leased reports whether a member holds a lease by the leader's clock.
func (l *leases) leased(m *ownership.Member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	h, ok := l.held[m.Node]

	return ok && h.inc == m.Inc && l.now() < h.until
}

// count returns the processes of a shard by its owner's last renewal. Of an
// owner that this leader never heard nobody knows: one stands for them, since a
// loss must not be silent.
func (l *leases) count(shard segue.ShardID) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()

	if n, heard := l.counts[shard]; heard {
		return n
	}

	return 1
}

// countsNow returns all of them.
func (l *leases) countsNow() map[segue.ShardID]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()

	return maps.Clone(l.counts)
}
