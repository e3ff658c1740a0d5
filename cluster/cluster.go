package cluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
	"github.com/segue-cluster/segue/cluster/deathwatch"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/transport"
)

// Versions of the protocol between nodes that this release speaks.
const (
	protoMin = 1
	protoMax = 1
)

// A Cluster is one node's part in the control plane. Its methods may be called
// concurrently.
type Cluster struct {
	cfg   Config
	id    segue.NodeID
	start uint64 // random token of this start

	store     *consensus.Store
	raft      *consensus.Raft
	gossip    *gossip.Gossip
	transport *transport.Transport
	identity  *identity.Identity
	machine   *machine
	leases    *leases
	lock      *deathwatch.Lock // nil where no death can be certain

	// Peers carries requests to other nodes.
	Peers *rpc.Pool

	inc      atomic.Uint64 // incarnation of this start, 0 before it joined
	seq      atomic.Uint64 // numbers the proposals
	leaseEnd atomic.Int64  // by the clock of cfg
	told     atomic.Pointer[[]nodeCount]
	fatal    sync.Once
	stopping atomic.Bool   // Leave was called
	entered  chan struct{} // closed when this start is a member

	whyMu sync.Mutex // guards the field below
	why   error      // this start is not a member

	probedTry int   // the try to gossip that led to probed; used while joining
	probed    error // what a probe of the seeds found out

	leaveMu sync.Mutex // guards the field below
	leaving map[segue.NodeID]time.Time
}

// New binds the ports and opens the data directory. It starts nothing. What it
// returns must be run or closed.
func New(cfg Config) (*Cluster, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("cluster: config: %w", err)
	}

	c := &Cluster{
		cfg: cfg.withDefaults(), start: randomStart(), leaving: map[segue.NodeID]time.Time{}, entered: make(chan struct{}),
		why: errNotRun,
	}
	c.machine = newMachine(c.onFatal, c.kept)

	var err error
	if c.store, err = openStore(&c.cfg); err != nil {
		return nil, err
	}

	c.id = c.store.Identity().Node

	if err := c.assemble(); err != nil {
		return nil, errors.Join(err, c.Close())
	}

	return c, nil
}

func openStore(cfg *Config) (*consensus.Store, error) {
	if cfg.DataDir == "" {
		return consensus.MemoryStore(), nil
	}

	s, err := consensus.OpenStore(cfg.DataDir, cfg.Logger)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", cfg.DataDir, err)
	}

	return s, nil
}

func randomStart() uint64 {
	var b [8]byte

	_, _ = rand.Read(b[:]) // never fails

	return binary.BigEndian.Uint64(b[:]) | 1
}

// assemble makes the parts and connects them.
func (c *Cluster) assemble() error {
	var err error

	if c.identity, err = c.cfg.Keys.NewIdentity(c.id); err != nil {
		return fmt.Errorf("identity: %w", err)
	}

	c.transport, err = transport.New(transport.Config{
		Bind: c.cfg.Data, Identity: c.identity, Protocols: []string{transport.Raft, transport.RPC, transport.Handoff},
		Intro: c.intro, Check: c.checkPeer, Resolve: c.resolve, Logger: c.cfg.Logger,
		Trace: transport.Trace{Accepted: c.introduced, Dialled: c.introduced},
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: another process has this port, stop it or bind another one", err)
	}

	if err != nil {
		return fmt.Errorf("data port: %w", err)
	}

	c.Peers, err = rpc.NewPool(rpc.PoolConfig{Dial: func(ctx context.Context, id segue.NodeID) (net.Conn, error) {
		return c.Dial(ctx, id, transport.RPC)
	}})
	if err != nil {
		return fmt.Errorf("rpc: %w", err)
	}

	listener, err := c.transport.Listen(transport.Raft)
	if err != nil {
		return fmt.Errorf("data port: %w", err)
	}

	c.raft, err = consensus.New(consensus.Config{
		Store: c.store, Machine: c.machine, Listener: listener, Logger: c.cfg.Logger, OnFatal: c.onFatal,
		Dial: func(ctx context.Context, id segue.NodeID) (net.Conn, error) { return c.Dial(ctx, id, transport.Raft) },
	})
	if err != nil {
		return fmt.Errorf("raft: %w", err)
	}

	c.leases = newLeases(&c.cfg, c.raft.Barrier, func(n segue.NodeID, inc segue.Incarnation) (live bool) {
		c.machine.view(func(t *ownership.Table) { live = t.Live(n, inc) })

		return live
	})
	c.gossip, err = gossip.New(gossip.Config{
		Name: c.cfg.Name, Start: c.start, Bind: c.cfg.Bind, Advertise: c.cfg.Advertise, Cluster: c.cfg.Keys.Cluster(),
		Key: c.cfg.Keys.GossipKey(), KeyID: c.cfg.Keys.ID(), Meta: c.meta(), Seeds: c.cfg.Join,
		KnownAddrs: c.knownAddrs, Network: c.cfg.Network, Logger: c.cfg.Logger,
	})
	if err != nil {
		return fmt.Errorf("gossip: %w", err)
	}

	return nil
}

// Close releases what New took, for a Cluster that is not run.
func (c *Cluster) Close() error {
	var errs []error
	if c.gossip != nil {
		errs = append(errs, c.gossip.Close())
	}

	if c.transport != nil {
		errs = append(errs, c.transport.Close())
	}

	return errors.Join(append(errs, c.store.Close())...)
}

// Dial opens an authenticated connection to a node for a protocol.
func (c *Cluster) Dial(ctx context.Context, id segue.NodeID, proto string) (net.Conn, error) {
	conn, err := c.transport.Dial(ctx, id, proto)
	if err != nil {
		return nil, fmt.Errorf("dial node %s: %w", id, err)
	}

	return conn, nil
}

// Handle sets what serves the connections of a protocol. It must be called for
// [transport.RPC] and [transport.Handoff] before Run.
func (c *Cluster) Handle(proto string, h func(ctx context.Context, conn net.Conn, peer segue.NodeID)) error {
	err := c.transport.Handle(proto, func(ctx context.Context, conn *transport.Conn) { h(ctx, conn, conn.Peer().Node) })
	if err != nil {
		return fmt.Errorf("handle %s: %w", proto, err)
	}

	return nil
}

// ID returns the id of this node, Start the token of this start, and Inc its
// incarnation, 0 before it joined.
func (c *Cluster) ID() segue.NodeID { return c.id }

// Start returns the random token of this start of the node.
func (c *Cluster) Start() uint64 { return c.start }

// Inc returns the incarnation of this start, 0 before it joined.
func (c *Cluster) Inc() segue.Incarnation { return segue.Incarnation(c.inc.Load()) }

// GossipAddr and DataAddr return the bound addresses.
func (c *Cluster) GossipAddr() string { return c.gossip.Addr().String() }

// DataAddr returns the bound address of the TLS port.
func (c *Cluster) DataAddr() string { return c.transport.Addr().String() }

// Entered returns a channel that is closed when this start of the node is a
// member.
func (c *Cluster) Entered() <-chan struct{} { return c.entered }

// States returns every shard as this node's log shows it, and the index of the
// last entry of that. Updates up to that index say nothing new.
func (c *Cluster) States() (uint64, []ShardState) {
	c.machine.mu.RLock()
	defer c.machine.mu.RUnlock()

	states := make([]ShardState, len(c.machine.table.Shards))
	for i := range states {
		states[i] = c.machine.state(segue.ShardID(i))
	}

	return c.machine.table.Index, states
}

// Changed returns a channel that is closed at the next entry of the log.
func (c *Cluster) Changed() <-chan struct{} { return c.machine.next() }

// Table calls f with the table of this node, which f must only read and must
// not keep.
func (c *Cluster) Table(f func(t *ownership.Table)) { c.machine.view(f) }

// Until waits until done is true of the table of this node.
func (c *Cluster) Until(ctx context.Context, done func(t *ownership.Table) bool) error {
	return c.machine.until(ctx, done)
}

// Route returns who owns a shard, by the table of this node; false before the
// cluster is formed.
func (c *Cluster) Route(shard segue.ShardID) (Route, bool) {
	routes := c.machine.routes.Load()
	if routes == nil || int(shard) >= len(*routes) {
		return Route{}, false
	}

	return *(*routes)[shard].Load(), true
}

// Shards returns the number of shards, 0 before the cluster is formed.
func (c *Cluster) Shards() uint32 {
	if routes := c.machine.routes.Load(); routes != nil {
		return uint32(len(*routes)) //nolint:gosec // at most ownership.MaxShards
	}

	return 0
}

// Run takes part in the cluster until ctx is done, and returns after its last
// goroutine has ended. It does not hand anything over: call [Cluster.Leave]
// before. It may be called once.
func (c *Cluster) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	if err := c.holdLock(); err != nil {
		c.cfg.Logger.WarnContext(ctx, "peers on this host cannot be certain of this node's death", "err", err)
	}

	// What the stores and ports need is stopped last.
	base, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)

	var lower, upper sync.WaitGroup

	errs := make(chan error, 8)
	run := func(wg *sync.WaitGroup, ctx context.Context, what string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				errs <- fmt.Errorf("%s: %w", what, err)
				cancel(err)
			}
		})
	}

	run(&lower, base, "data port", c.transport.Run)
	run(&lower, base, "gossip", c.gossip.Run)
	run(&lower, base, "raft", c.raft.Run)
	run(&lower, base, "rpc", c.Peers.Run)
	run(&upper, ctx, "join", c.enter)
	run(&upper, ctx, "lease", forever(c.holdLease))
	run(&upper, ctx, "updates", forever(func(ctx context.Context) { c.machine.deliver(ctx, c.update) }))
	run(&upper, ctx, "leader", forever(c.leadWhenElected))
	run(&upper, ctx, "deaths", forever(c.watchDeaths))

	<-ctx.Done()
	upper.Wait()
	stop(context.Cause(ctx))
	lower.Wait()

	return c.closed(errs)
}

// forever adapts a loop that only ends with its context.
func forever(f func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error {
		f(ctx)

		return nil
	}
}

// closed releases what Run held and collects what went wrong.
func (c *Cluster) closed(errs chan error) error {
	close(errs)

	var all []error
	for err := range errs {
		all = append(all, err)
	}

	all = append(all, c.store.Close())

	if c.lock != nil {
		all = append(all, c.lock.Close())
	}

	return errors.Join(all...)
}

// introduced notes what a peer says of itself.
func (c *Cluster) introduced(_ string, peer transport.Intro, _ time.Duration) {
	if c.cfg.Introduced != nil {
		c.cfg.Introduced(peer.Node, peer.Ext)
	}
}

func (c *Cluster) holdLock() error {
	lock, err := deathwatch.Hold(c.lockDir(), c.id, c.start)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}

	c.lock = lock

	return nil
}

func (c *Cluster) onFatal(err error) {
	c.fatal.Do(func() { c.cfg.OnFatal(err) })
}

// kept is called after each entry, with the table locked.
func (c *Cluster) kept(t *ownership.Table) {
	inc := segue.Incarnation(c.inc.Load())
	if inc != 0 && !t.Live(c.id, inc) {
		if _, still := t.Members[c.id]; still {
			c.onFatal(fmt.Errorf("node %s, incarnation %d, was given up by the cluster: %w", c.id, inc, segue.ErrFenced))
		}
	}
}

// update hands one change to the data plane.
func (c *Cluster) update(u Update) {
	if u.Formed {
		id, generation := c.identityOfCluster()
		if err := c.store.SetCluster([16]byte(id), generation); err != nil {
			c.onFatal(fmt.Errorf("data directory: %w", err))
		}

		c.refreshMeta()
	}

	c.cfg.Applied(u)
}
