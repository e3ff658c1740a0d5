package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/internal/clock"
	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/transport"
	"github.com/segue-cluster/segue/internal/wire"
)

// A Node is one process of the application: it hosts processes, takes part in
// the cluster and calls others. Its methods may be called concurrently.
type Node struct {
	cfg   Config
	log   *slog.Logger
	name  segue.NodeName
	kinds map[string]*Kind

	cluster *cluster.Cluster
	host    *host
	timers  *timers
	tickets *tickets
	lanes   *lanes
	clock   clock.Clock
	limits  map[string]*handoff.Limits
	peers   sync.Map // segue.NodeID -> map[string]schema.Manifest

	http    listeners
	metrics *metrics

	started    chan struct{} // closed when the driver is there
	data       atomic.Pointer[handoff.Driver]
	fedMu      sync.Mutex // guards the field below
	fed        uint64     // the driver knows everything up to this index
	generation atomic.Uint64
	draining   atomic.Bool
	stop       context.CancelCauseFunc // ends Run; set by it
	stopMu     sync.Mutex              // guards stop
	background sync.WaitGroup
}

// New validates cfg, opens the data directory and binds the ports. It starts
// nothing; call [Node.Run].
func New(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("node: config: %w", err)
	}

	cfg = cfg.withDefaults()

	n := &Node{
		cfg: cfg, log: cfg.Logger, kinds: map[string]*Kind{}, tickets: newTickets(), clock: clock.Boot(),
		limits: map[string]*handoff.Limits{}, started: make(chan struct{}),
	}
	n.name = segue.NodeName{App: cfg.App, Release: cfg.Release, Host: hostPart(&cfg)}
	n.timers = newTimers(n.clock, n.fire)

	for i := range cfg.Kinds {
		k := &cfg.Kinds[i]
		l := k.limits.WithDefaults()
		n.kinds[k.name], n.limits[k.name] = k, &l
	}

	registry, err := cfg.registry()
	if err != nil {
		return nil, err
	}

	n.host = &host{
		kinds: n.kinds, registry: registry, now: n.clock, log: n.log, timers: n.timers, tickets: n.tickets, token: n.token,
		limits: n.limitsOf,
	}

	n.metrics = newMetrics(n)

	if err := n.listen(); err != nil {
		n.http.close()

		return nil, fmt.Errorf("node: %w", err)
	}

	if err := n.open(); err != nil {
		n.http.close()

		return nil, err
	}

	n.lanes = newLanes(n.cluster.Start())

	return n, nil
}

// hostPart is the part of the node's name after the @.
func hostPart(cfg *Config) string {
	host, port, err := net.SplitHostPort(cfg.Bind)

	switch {
	case cfg.Name != "":
		return cfg.Name
	case err != nil:
		return cfg.Bind
	case cfg.Advertise != "":
		host = cfg.Advertise
	}

	return net.JoinHostPort(host, port)
}

// open makes this node's part in the cluster.
func (n *Node) open() error {
	policy := identity.RequireStrong

	cookie, err := identity.ReadCookieFile(n.cfg.CookieFile, policy)
	if err != nil {
		return fmt.Errorf("cookie: %w", err)
	}

	keys, err := identity.Derive(cookie, n.cfg.Cluster)
	if err != nil {
		return fmt.Errorf("cookie: %w", err)
	}

	n.cluster, err = cluster.New(cluster.Config{
		Name: n.name, Keys: keys, Bind: n.cfg.Bind, Data: n.cfg.Data, Advertise: n.cfg.Advertise,
		Addrs: ownership.Addrs{Admin: addrOf(n.http.admin), Gateway: addrOf(n.http.gateway), Ops: addrOf(n.http.ops)},
		Join:  n.cfg.Join, Expect: n.cfg.Expect, Shards: n.cfg.Shards, DataDir: n.cfg.DataDir, Keeper: len(n.kinds) == 0,
		FenceAfter: n.cfg.FenceAfter, Applied: n.applied, Leased: n.leased, Counts: n.counts,
		Introduce: map[string][]byte{extManifests: n.host.Manifest()}, Introduced: n.introduced, OnFatal: n.fatal,
		Clock: n.clock, Logger: n.log,
	})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}

	err = errors.Join(
		n.cluster.Handle(transport.RPC, n.serveRPC),
		n.cluster.Handle(transport.Handoff, n.serveHandoff),
	)
	if err != nil {
		return errors.Join(err, n.cluster.Close())
	}

	return nil
}

// Name returns the name of the node.
func (n *Node) Name() segue.NodeName { return n.name }

// Addr returns the bound address of gossip, which others can join.
func (n *Node) Addr() string { return n.cluster.GossipAddr() }

// Addrs are the addresses that a node has bound, "" for those it was not given.
type Addrs struct {
	Gossip, Data, Ops, Gateway, Admin string
}

// Addrs returns the bound addresses.
func (n *Node) Addrs() Addrs {
	return Addrs{
		Gossip: n.cluster.GossipAddr(), Data: n.cluster.DataAddr(),
		Ops: addrOf(n.http.ops), Gateway: addrOf(n.http.gateway), Admin: addrOf(n.http.admin),
	}
}

func addrOf(ln net.Listener) string {
	if ln == nil {
		return ""
	}

	if ln.Addr().Network() == "unix" {
		return "unix://" + ln.Addr().String()
	}

	return ln.Addr().String()
}

// Run takes part in the cluster until ctx is done. Then it hands over
// everything that it hosts, as long as Config.DrainTimeout allows, leaves, and
// returns nil. It returns an error if the node cannot go on: its name is taken,
// its disk failed, the cluster gave it up, a listener failed. It may be called
// once.
func (n *Node) Run(ctx context.Context) error {
	// What serves and hands over outlives ctx until the drain has ended.
	base, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)

	n.stopMu.Lock()
	n.stop = stop
	n.stopMu.Unlock()

	// Requests under way end before what they need does.
	front, closeFront := context.WithCancel(base)
	defer closeFront()

	var parts, ports sync.WaitGroup

	errs := make(chan error, 8)
	run := func(wg *sync.WaitGroup, ctx context.Context, what string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				errs <- fmt.Errorf("%s: %w", what, err)
				stop(err)
			}
		})
	}

	run(&parts, base, "cluster", n.cluster.Run)
	run(&parts, base, "data", n.runData)
	run(&parts, base, "timers", func(ctx context.Context) error { n.timers.run(ctx); return nil })
	run(&parts, base, "lanes", n.sweepLanes)

	for ln, h := range n.handlers() {
		run(&ports, front, "http", func(ctx context.Context) error { return n.serveHTTP(ctx, ln, h) })
	}

	select {
	case <-ctx.Done():
		n.drain(base)
	case <-base.Done():
	}

	closeFront()
	ports.Wait()
	stop(nil)
	parts.Wait()
	n.host.wait()
	n.background.Wait()
	close(errs)

	var all []error
	for err := range errs {
		all = append(all, err)
	}

	if cause := context.Cause(base); cause != nil && !errors.Is(cause, context.Canceled) && len(all) == 0 {
		all = append(all, cause)
	}

	return errors.Join(all...)
}

// drain hands everything over and leaves.
func (n *Node) drain(ctx context.Context) {
	n.draining.Store(true)
	n.log.InfoContext(ctx, "draining", "node", n.name.String())

	ctx, cancel := context.WithTimeout(ctx, n.cfg.DrainTimeout)
	defer cancel()

	switch err := n.cluster.Leave(ctx); {
	case errors.Is(err, cluster.ErrNobody):
		n.log.WarnContext(ctx, "there is no node to hand over to; what this node hosts ends with it")
	case err != nil:
		n.log.ErrorContext(ctx, "not everything was handed over", "err", err)
	default:
		n.log.InfoContext(ctx, "drained and left", "node", n.name.String())
	}
}

// runData waits until this node is a member, then runs the data plane.
func (n *Node) runData(ctx context.Context) error {
	select {
	case <-n.cluster.Entered():
	case <-ctx.Done():
		return nil
	}

	err := n.cluster.Until(ctx, func(t *ownership.Table) bool { return t.Formed() })
	if err != nil {
		return nil //nolint:nilerr // the node stops
	}

	self := handoff.Peer{Node: n.cluster.ID(), Inc: n.cluster.Inc()}
	n.host.self = self

	d, err := handoff.NewDriver(handoff.Config{
		Self: self, Shards: n.cluster.Shards(), Host: n.host, Arbiter: &arbiter{cluster: n.cluster},
		Dial: func(ctx context.Context, id segue.NodeID) (net.Conn, error) {
			return n.cluster.Dial(ctx, id, transport.Handoff)
		},
		Moment:     func() handoff.Moment { return handoff.Moment{Now: n.clock(), Lease: n.cluster.Leased()} },
		Limits:     n.limitsOf,
		StartEmpty: func(kind string) bool { k := n.kinds[kind]; return k != nil && k.onLost == Empty },
		// A session is over long before a drain is.
		SessionTimeout: n.cfg.HandoffTimeout, Logger: n.log, Trace: n.metrics.trace(n.cfg.Trace),
	})
	if err != nil {
		return fmt.Errorf("handoff: %w", err)
	}

	n.begin(d)

	if err := d.Run(ctx); err != nil {
		return fmt.Errorf("handoff: %w", err)
	}

	return nil
}

// begin gives the driver what the log says so far and lets it follow.
func (n *Node) begin(d *handoff.Driver) {
	n.host.driver = d
	n.host.procs = make([]map[segue.Address]*proc, n.cluster.Shards())

	for i := range n.host.procs {
		n.host.procs[i] = map[segue.Address]*proc{}
	}

	n.cluster.Table(func(t *ownership.Table) { n.generation.Store(t.Generation) })

	n.fedMu.Lock()
	defer n.fedMu.Unlock()

	index, states := n.cluster.States()
	for i := range states {
		d.Applied(states[i].ID, viewOf(&states[i], index, d.Self()))
	}

	d.Advanced(index)
	n.fed = index
	n.data.Store(d)
	close(n.started)
}

// applied follows the log. It runs on one goroutine.
func (n *Node) applied(u cluster.Update) {
	n.fedMu.Lock()
	defer n.fedMu.Unlock()

	d := n.data.Load()
	if d == nil || u.Index <= n.fed {
		return
	}

	for i := range u.Shards {
		d.Applied(u.Shards[i].ID, viewOf(&u.Shards[i], u.Index, d.Self()))
	}

	d.Advanced(u.Index)
	n.fed = u.Index
}

func (n *Node) leased() {
	if d := n.data.Load(); d != nil {
		d.Leased()
	}
}

// counts returns the processes by shard that this node owns.
func (n *Node) counts() map[segue.ShardID]uint64 {
	d := n.data.Load()
	if d == nil {
		return nil
	}

	counts := map[segue.ShardID]uint64{}

	for i := range n.cluster.Shards() {
		shard := segue.ShardID(i)
		d.Inspect(shard, func(r *handoff.Replica) {
			if r.View().Owner == d.Self() {
				counts[shard] = uint64(r.Count()) //nolint:gosec // not negative
			}
		})
	}

	return counts
}

// fatal ends the node at once.
func (n *Node) fatal(err error) {
	n.stopMu.Lock()
	stop := n.stop
	n.stopMu.Unlock()

	n.log.Error("this node cannot go on", "err", err)

	if stop != nil {
		stop(err)
	}
}

// ready waits until calls can be made.
func (n *Node) ready(ctx context.Context) error {
	select {
	case <-n.started:
		return nil
	case <-ctx.Done():
		return n.waiting()
	}
}

// driver is nil until this node is a member and knows the shards.
func (n *Node) driver() *handoff.Driver  { return n.data.Load() }
func (n *Node) shards() uint32           { return n.cluster.Shards() }
func (n *Node) changed() <-chan struct{} { return n.cluster.Changed() }

func (n *Node) fire(shard segue.ShardID, addr segue.Address, id string) {
	if d := n.data.Load(); d != nil {
		d.Fire(shard, addr, id)
	}
}

func (n *Node) limitsOf(kind string) *handoff.Limits {
	if l := n.limits[kind]; l != nil {
		return l
	}

	l := handoff.Limits{}.WithDefaults()

	return &l
}

// token is the fencing token of work done for a shard.
func (n *Node) token(v *handoff.View, session segue.SessionID) segue.Token {
	return segue.Token{Generation: n.generation.Load(), Epoch: v.Epoch, Session: session}
}

// serveRPC serves the calls and requests of one peer.
func (n *Node) serveRPC(ctx context.Context, conn net.Conn, peer segue.NodeID) {
	c, err := rpc.NewConn(conn, rpc.Config{Logger: n.log, Handler: func(
		ctx context.Context, t wire.FrameType, body []byte, reply func(wire.FrameType, []byte),
	) {
		if t == wire.Call {
			n.serveCall(ctx, body, reply)

			return
		}

		request := append([]byte(nil), body...)
		n.background.Go(func() { reply(wire.Answer, n.cluster.Control(ctx, peer, request)) })
	}})
	if err != nil {
		n.log.ErrorContext(ctx, "cannot serve a peer", "err", err)

		return
	}

	if err := c.Run(ctx); err != nil {
		n.log.DebugContext(ctx, "connection of a peer ended", "peer", peer, "err", err)
	}
}

// serveHandoff serves one session as its target.
func (n *Node) serveHandoff(ctx context.Context, conn net.Conn, peer segue.NodeID) {
	if d := n.data.Load(); d != nil {
		d.Serve(ctx, conn, peer)
	}
}

func (n *Node) sweepLanes(ctx context.Context) error {
	tick := time.NewTicker(handoff.Retention / 2)
	defer tick.Stop()

	for {
		select {
		case now := <-tick.C:
			n.lanes.sweep(now)
		case <-ctx.Done():
			return nil
		}
	}
}
