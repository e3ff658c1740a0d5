package handoff

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
)

// A Host runs the processes.
type Host interface {
	// Do carries out one effect of the kinds run, freeze, activate, restore, drop,
	// reply, refuse and redirect, given the shard as the own log shows it. The
	// lock of the shard is held: Do must return at once, must not call the
	// [Driver] back before it returns, and starts what takes time elsewhere. The
	// outcome of a run, a freeze or an activation is told by [Driver.Ran],
	// [Driver.Frozen] and [Driver.Activated].
	//
	// For one process there is at most one such piece of work at a time. Work for
	// a process that was dropped since may still be under way: its outcome is
	// ignored.
	Do(e *Effect, v *View)
	// Manifest describes what this node can hold, for the other side.
	Manifest() []byte
	// Agree says whether processes can move between this node and a peer with
	// that manifest, and fixes how they travel in the session. It may block.
	Agree(s segue.SessionID, peer Peer, manifest []byte) error
}

// ShardEpoch is a shard with the epoch of its owner.
type ShardEpoch struct {
	Shard segue.ShardID
	Epoch segue.Epoch
}

// ShardTally is what a session moved of one shard.
type ShardTally struct {
	Shard segue.ShardID
	Tally Tally
}

// A Loss are the processes that a new owner does not hold although the dead
// one had them.
type Loss struct {
	Shard ShardEpoch
	From  Peer
	Names []string // nil: nobody knows
}

// An Arbiter agrees on ownership. Its methods block until the outcome is known
// and return nil, or until it cannot be known for now: then they are called
// again with the same arguments. They may be called concurrently.
type Arbiter interface {
	// Open opens a session over shards and tells which of them it covers.
	Open(ctx context.Context, s Session, shards []ShardEpoch) (opened []bool, err error)
	// Commit makes the target the owner and tells of which shards.
	Commit(ctx context.Context, s segue.SessionID, shards []ShardTally, pauses []byte) (done []bool, err error)
	// Abort ends a session. What was decided otherwise stays so.
	Abort(ctx context.Context, s segue.SessionID, shards []segue.ShardID, reason string) error
	// Hold keeps a shard here.
	Hold(ctx context.Context, shard segue.ShardID, reason, process string) error
	// ReportLoss records a loss.
	ReportLoss(ctx context.Context, l Loss) error
}

// Config are the parameters of a [Driver]. The zero value of an optional field
// selects the default named in its comment.
type Config struct {
	// Self is this incarnation of this node. Required.
	Self Peer
	// Shards is the number of shards of the cluster. Required.
	Shards uint32
	// Host runs the processes. Required.
	Host Host
	// Arbiter agrees on ownership. Required.
	Arbiter Arbiter
	// Dial opens a stream to a node, authenticated. Required.
	Dial func(ctx context.Context, node segue.NodeID) (net.Conn, error)
	// Moment reads the clock and the lease. Required.
	Moment func() Moment

	// Limits returns the limits of a kind. Default: those of [Limits].
	Limits func(kind string) *Limits
	// StartEmpty is that of [ReplicaConfig].
	StartEmpty func(kind string) bool

	// ShardsPerSession bounds the shards of one session. Default 8.
	ShardsPerSession int
	// Window bounds the bytes of records that are flipped and not active yet;
	// one record may always be on its way. Small windows make short pauses.
	// Default 64 KiB.
	Window int
	// OpenTimeout bounds the time from Open to the first flip. Default 10 s.
	OpenTimeout time.Duration
	// SessionTimeout bounds the time in which everything must have been
	// flipped. Default 120 s.
	SessionTimeout time.Duration
	// Silence is how long a stream may be silent before it is lost. Default 1 s.
	Silence time.Duration
	// Soak bounds how long stragglers are passed on. Default 5 s.
	Soak time.Duration
	// Backoff is the time before a shard is tried again after an Abort; it
	// doubles up to 60 times its value. Default 1 s.
	Backoff time.Duration

	// Logger receives one record per session and shard. Default: discard.
	Logger *slog.Logger
	// Trace is told about each step. Its nil functions are not called.
	Trace Trace
}

// Trace is a set of functions called at the steps of sessions. They must not
// block.
type Trace struct {
	// Flipped: a process runs at the target, d after it was frozen here.
	Flipped func(d time.Duration, bytes int)
	// Ended: a session ended for a shard, on either side.
	Ended func(shard segue.ShardID, s Session, outcome string)
	// Role: the replica of a shard went to another role. Tests stop nodes here.
	Role func(shard segue.ShardID, from, to Role)
}

// Validate returns every problem of c at once.
func (c Config) Validate() error {
	var errs []error

	for _, f := range [...]struct {
		missing bool
		name    string
	}{
		{c.Self == Peer{}, "self"},
		{c.Shards == 0, "shards"},
		{c.Host == nil, "host"},
		{c.Arbiter == nil, "arbiter"},
		{c.Dial == nil, "dial"},
		{c.Moment == nil, "moment"},
	} {
		if f.missing {
			errs = append(errs, fmt.Errorf("%s is required", f.name))
		}
	}

	for _, f := range [...]struct {
		value int64
		name  string
	}{
		{int64(c.ShardsPerSession), "shards per session"},
		{int64(c.Window), "window"},
		{int64(c.OpenTimeout), "open timeout"},
		{int64(c.SessionTimeout), "session timeout"},
		{int64(c.Silence), "silence"},
		{int64(c.Soak), "soak"},
		{int64(c.Backoff), "backoff"},
	} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("%s %d is negative", f.name, f.value))
		}
	}

	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Limits == nil {
		l := Limits{}.WithDefaults()
		c.Limits = func(string) *Limits { return &l }
	}

	if c.ShardsPerSession == 0 {
		c.ShardsPerSession = 8
	}

	if c.Window == 0 {
		c.Window = 64 << 10
	}

	for _, d := range [...]struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.OpenTimeout, 10 * time.Second},
		{&c.SessionTimeout, 120 * time.Second},
		{&c.Silence, time.Second},
		{&c.Soak, 5 * time.Second},
		{&c.Backoff, time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	return c
}

// A Driver puts the replicas of one node to work: it opens sessions for the
// shards that should be elsewhere, carries frames over streams, and hands work
// to its host. All methods may be called concurrently.
type Driver struct {
	cfg   Config
	slots []*slot

	wake chan struct{} // the planner has something to look at

	mu       sync.Mutex // guards the fields below
	applied  uint64
	advanced chan struct{} // closed when applied grows
	sessions map[segue.NodeID]*session
	lastID   segue.SessionID
	running  context.Context //nolint:containedctx // the lifetime of Run, for what starts while it runs
	group    sync.WaitGroup
}

// slot is one shard on this node.
type slot struct {
	shard segue.ShardID
	role  atomic.Uint32 // of the replica, for those who only look

	mu       sync.Mutex // guards the fields below
	replica  *Replica
	scratch  Effects
	links    map[segue.SessionID]*stream
	attempts int       // sessions aborted in a row
	retryAt  time.Time // no session before
}

// NewDriver returns a driver. It starts nothing.
func NewDriver(cfg Config) (*Driver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("handoff: config: %w", err)
	}

	cfg = cfg.withDefaults()
	d := &Driver{
		cfg: cfg, wake: make(chan struct{}, 1), advanced: make(chan struct{}), sessions: map[segue.NodeID]*session{},
	}

	for i := range cfg.Shards {
		d.slots = append(d.slots, &slot{
			shard: segue.ShardID(i), links: map[segue.SessionID]*stream{},
			replica: NewReplica(ReplicaConfig{
				Shard: segue.ShardID(i), Self: cfg.Self, Limits: cfg.Limits, StartEmpty: cfg.StartEmpty,
			}),
		})
	}

	return d, nil
}

// Run opens sessions until ctx is done, then waits for what it started. It may
// be called once.
func (d *Driver) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	d.mu.Lock()
	d.running = ctx
	d.mu.Unlock()

	d.plan(ctx)

	d.mu.Lock()
	d.running = nil
	d.mu.Unlock()

	d.group.Wait()

	return nil
}

// spawn runs f while Run runs; it reports false if Run does not.
func (d *Driver) spawn(f func(ctx context.Context)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()

	if d.running == nil {
		return false
	}

	ctx := d.running
	d.group.Go(func() { f(ctx) })

	return true
}

// with calls f with the replica of a shard and carries out what it wants.
func (d *Driver) with(shard segue.ShardID, f func(r *Replica, at Moment, out *Effects)) {
	s := d.slots[shard]

	s.mu.Lock()
	defer s.mu.Unlock()

	before := s.replica.role
	out := s.scratch[:0]
	f(s.replica, d.cfg.Moment(), &out)
	after := s.replica.role

	for i := range out {
		d.carryOut(s, &out[i])
	}

	clear(out)
	s.scratch = out
	s.role.Store(uint32(after))

	if before == Forwarding && after != Forwarding {
		for _, l := range s.links {
			if l.source != nil {
				l.source.notify() // it may be over
			}
		}
	}

	if before != after && d.cfg.Trace.Role != nil {
		d.cfg.Trace.Role(shard, before, after)
	}
}

// Applied tells what the own log says about a shard after an entry. Calls for
// one shard must be in the order of the log.
func (d *Driver) Applied(shard segue.ShardID, v View) {
	d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Applied(v, at, out) })
	d.nudge()
}

// Advanced tells that everything up to a raft index was applied.
func (d *Driver) Advanced(index uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()

	d.applied = max(d.applied, index)
	close(d.advanced)
	d.advanced = make(chan struct{})
}

// Request hands a request for a process of a shard to the replica. It is
// answered by [Host.Answer], perhaps before Request returns.
func (d *Driver) Request(shard segue.ShardID, addr segue.Address, req *Request, t Ticket) {
	d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Request(addr, req, t, at, out) })
}

// Fire tells that a timer of a process is due.
func (d *Driver) Fire(shard segue.ShardID, addr segue.Address, timer string) {
	d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Fire(addr, timer, at, out) })
}

// Ran tells the outcome of [Host.Run].
func (d *Driver) Ran(shard segue.ShardID, addr segue.Address, turn uint64, res *Ran) {
	d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Ran(addr, turn, res, at, out) })
}

// Frozen tells the outcome of [Host.Freeze].
func (d *Driver) Frozen(shard segue.ShardID, addr segue.Address, turn uint64, record Sealed, failed string) {
	d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Frozen(addr, turn, record, failed, at, out) })
}

// Activated tells the outcome of [Host.Activate].
func (d *Driver) Activated(shard segue.ShardID, addr segue.Address, turn uint64, res Activated) {
	d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Activated(addr, turn, res, at, out) })
}

// Leased tells that the node holds a lease again after it had none.
func (d *Driver) Leased() {
	for i := range d.slots {
		d.with(segue.ShardID(i), func(r *Replica, at Moment, out *Effects) { r.Leased(at, out) })
	}
}

// Inspect calls f with the replica of a shard; f must only read and must not
// keep it.
func (d *Driver) Inspect(shard segue.ShardID, f func(r *Replica)) {
	s := d.slots[shard]

	s.mu.Lock()
	defer s.mu.Unlock()

	f(s.replica)
}

// Forwards reports whether this node passes requests for a shard on to the node
// it was given to. As long as it does, that is the surest way to the owner.
func (d *Driver) Forwards(shard segue.ShardID) bool {
	return d.slots[shard].role.Load() == uint32(Forwarding)
}

// Self returns the incarnation that the driver works for.
func (d *Driver) Self() Peer { return d.cfg.Self }

// Sessions returns the number of sessions that this node has open as source.
func (d *Driver) Sessions() int {
	d.mu.Lock()
	defer d.mu.Unlock()

	return len(d.sessions)
}

func (d *Driver) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// reached waits until the own log was applied up to index.
func (d *Driver) reached(ctx context.Context, index uint64) error {
	for {
		d.mu.Lock()
		done, more := d.applied >= index, d.advanced
		d.mu.Unlock()

		if done {
			return nil
		}

		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("the log has not reached index %d: %w", index, context.Cause(ctx))
		}
	}
}
