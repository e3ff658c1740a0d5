package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// Defaults of [PoolConfig].
const (
	DefaultDialTimeout = 5 * time.Second
	DefaultMinBackoff  = 100 * time.Millisecond
	DefaultMaxBackoff  = 2 * time.Second
	DefaultIdleTimeout = 5 * time.Minute
)

// PoolConfig holds the parameters of a [Pool]. The zero value of an optional
// field selects the default named in its comment.
type PoolConfig struct {
	// Dial connects to a node, on a goroutine of the pool, and returns when ctx
	// ends. Required.
	Dial func(ctx context.Context, node segue.NodeID) (net.Conn, error)

	// Conn holds the parameters of the connections.
	Conn Config

	// DialTimeout bounds one call of Dial. Default [DefaultDialTimeout].
	DialTimeout time.Duration

	// MinBackoff is the time without a dial after a dial that failed, and from
	// the beginning of a dial whose connection ended within MaxBackoff. It is
	// doubled with each of them in a row, and a random quarter may be added.
	// Default [DefaultMinBackoff].
	MinBackoff time.Duration

	// MaxBackoff is the greatest such time. Default [DefaultMaxBackoff].
	MaxBackoff time.Duration

	// IdleTimeout is the time without requests after which a connection is
	// closed, give or take a quarter of it. Default [DefaultIdleTimeout].
	IdleTimeout time.Duration

	// Logger receives records about connections. Default: discard.
	Logger *slog.Logger
}

// Validate reports every problem of c at once.
func (c PoolConfig) Validate() error {
	errs := []error{c.Conn.Validate()}

	if c.Dial == nil {
		errs = append(errs, errors.New("dial is required"))
	}

	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"dial timeout", c.DialTimeout},
		{"min backoff", c.MinBackoff},
		{"max backoff", c.MaxBackoff},
		{"idle timeout", c.IdleTimeout},
	} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("%s %v is negative", d.name, d.value))
		}
	}

	if d := c.withDefaults(); d.MinBackoff > d.MaxBackoff {
		errs = append(errs, fmt.Errorf("min backoff %v is longer than max backoff %v", d.MinBackoff, d.MaxBackoff))
	}

	return errors.Join(errs...)
}

func (c PoolConfig) withDefaults() PoolConfig {
	c.DialTimeout = or(c.DialTimeout, DefaultDialTimeout)
	c.MinBackoff = or(c.MinBackoff, DefaultMinBackoff)
	c.MaxBackoff = or(c.MaxBackoff, max(DefaultMaxBackoff, c.MinBackoff))
	c.IdleTimeout = or(c.IdleTimeout, DefaultIdleTimeout)

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	if c.Conn.Logger == nil {
		c.Conn.Logger = c.Logger
	}

	return c
}

// A Pool sends requests to nodes, over one connection to each, which it dials
// when there is a request for it. Its methods may be called from several
// goroutines.
type Pool struct {
	cfg  PoolConfig
	wake chan struct{} // capacity 1: starts is not empty
	done chan struct{} // closed when the pool stops

	mu     sync.Mutex // guards the fields below, and those of each peer
	closed bool       // done is closed
	peers  map[segue.NodeID]*peer
	starts []*peer // to be connected by Run
}

// NewPool returns a pool without connections. Requests wait until [Pool.Run]
// is called.
func NewPool(cfg PoolConfig) (*Pool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}

	return &Pool{
		cfg: cfg.withDefaults(), wake: make(chan struct{}, 1), done: make(chan struct{}),
		peers: make(map[segue.NodeID]*peer),
	}, nil
}

// Run dials and keeps connections until ctx ends. It then stops them, returns
// after the last goroutine has ended, and returns nil. Run is called once.
func (p *Pool) Run(ctx context.Context) error {
	var wg sync.WaitGroup

	sweep := time.NewTicker(max(p.cfg.IdleTimeout/4, time.Millisecond))
	defer sweep.Stop()

	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-p.wake:
			for _, peer := range p.takeStarts() {
				wg.Go(func() { p.connect(ctx, peer) })
			}
		case now := <-sweep.C:
			p.sweep(now)
		}
	}

	p.mu.Lock()
	p.closed = true
	close(p.done)
	p.mu.Unlock()

	wg.Wait()

	return nil
}

// Do sends a request to node and waits for its reply, as [Conn.Do] does. If
// there is no connection it waits for one to be made, unless node could not be
// reached a moment ago: then, and when dialling fails, it returns at once an
// error that matches [segue.ErrRetry] and the cause.
func (p *Pool) Do(
	ctx context.Context, node segue.NodeID, t wire.FrameType, body []byte,
) (rt wire.FrameType, reply []byte, err error) {
	l, err := p.acquire(ctx, node)
	if err != nil {
		return 0, nil, err
	}
	defer l.release()

	return l.conn.Do(ctx, t, body)
}

// Send sends a request that asks for no reply to node, as [Conn.Send] does. It
// waits for a connection as [Pool.Do] does.
func (p *Pool) Send(ctx context.Context, node segue.NodeID, t wire.FrameType, body []byte) error {
	l, err := p.acquire(ctx, node)
	if err != nil {
		return err
	}
	defer l.release()

	return l.conn.Send(ctx, t, body)
}

// acquire returns a connection to node that stays open until it is released,
// unless it fails.
func (p *Pool) acquire(ctx context.Context, node segue.NodeID) (*link, error) {
	for {
		l, wait, err := p.lookup(node)
		if l != nil {
			return l, nil
		}

		if err != nil {
			return nil, fmt.Errorf("%w: node %v: %w", segue.ErrRetry, node, err)
		}

		select {
		case <-wait:
		case <-p.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: node %v: %w", segue.ErrRetry, node, context.Cause(ctx))
		}
	}
}

// lookup returns the connection to node, or what to wait for before the next
// lookup, or why there is no connection.
func (p *Pool) lookup(node segue.NodeID) (l *link, wait <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.closed {
		return nil, nil, segue.ErrStopping
	}

	r, ok := p.peers[node]
	if !ok {
		r = &peer{node: node}
		p.peers[node] = r
	}

	switch {
	case r.link != nil && r.link.usable():
		r.link.users.Add(1)

		return r.link, nil, nil
	case r.busy != nil:
		return nil, r.busy, nil
	case time.Now().Before(r.retryAt):
		return nil, nil, r.err
	}

	r.busy = make(chan struct{})
	p.starts = append(p.starts, r)

	signal(p.wake)

	return nil, r.busy, nil
}

func (p *Pool) takeStarts() []*peer {
	p.mu.Lock()
	defer p.mu.Unlock()

	starts := p.starts
	p.starts = nil

	return starts
}

// sweep closes the connections, and forgets the peers, that were not used for
// a while.
func (p *Pool) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for node, r := range p.peers {
		switch {
		case r.link != nil:
			if r.link.idle(now, p.cfg.IdleTimeout) {
				r.link.stop()

				r.link = nil // busy stays until it has ended
			}
		case r.busy == nil && now.After(r.retryAt):
			delete(p.peers, node)
		}
	}
}
