package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/segue-cluster/segue"
)

// A peer is a node that a Pool has been asked for. Its fields are guarded by
// Pool.mu.
type peer struct {
	node segue.NodeID
	// link is the connection, nil while there is none to be used.
	link *link
	// busy is closed when a goroutine that dials or ends a connection has made
	// progress; nil while there is none, and none is due.
	busy chan struct{}
	// err is why there is no connection; no dial begins before retryAt.
	err     error
	retryAt time.Time
	backoff time.Duration
}

// A link is a connection in a Pool.
type link struct {
	conn  *Conn
	stop  context.CancelFunc
	users atomic.Int64 // requests that use it now
	used  atomic.Int64 // when one ended, as time.Time.UnixNano
}

// usable reports whether requests can still be sent.
func (l *link) usable() bool {
	select {
	case <-l.conn.Done():
		return false
	default:
		return true
	}
}

func (l *link) release() {
	l.used.Store(time.Now().UnixNano())
	l.users.Add(-1)
}

// idle reports whether l was not used for d.
func (l *link) idle(now time.Time, d time.Duration) bool {
	return l.users.Load() == 0 && now.Sub(time.Unix(0, l.used.Load())) >= d
}

// connect dials r and runs the connection until it ends.
func (p *Pool) connect(ctx context.Context, r *peer) {
	begin := time.Now()
	log := p.cfg.Logger.With(slog.String("node", r.node.String()))

	l, err := p.dial(ctx, r.node)
	if err != nil {
		log.LogAttrs(ctx, slog.LevelDebug, "node cannot be reached", slog.Any("error", err))
		p.ended(r, time.Now(), 0, err)

		return
	}

	run, stop := context.WithCancel(ctx)
	defer stop()

	start := time.Now()
	l.stop = stop
	l.used.Store(start.UnixNano())
	p.connected(r, l)
	log.LogAttrs(ctx, slog.LevelDebug, "connected to node")

	if err = l.conn.Run(run); err == nil {
		err = errEnded
	}

	p.ended(r, begin, time.Since(start), err)
}

var errEnded = errors.New("the connection has ended")

func (p *Pool) dial(ctx context.Context, node segue.NodeID) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()

	nc, err := p.cfg.Dial(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}

	conn, err := NewConn(nc, p.cfg.Conn)
	if err != nil {
		return nil, errors.Join(err, nc.Close())
	}

	return &link{conn: conn}, nil
}

// connected gives l to those who wait for it.
func (p *Pool) connected(r *peer, l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()

	close(r.busy)

	r.link, r.busy = l, make(chan struct{}) // which ended closes
}

// ended notes that a dial failed, or that a connection ended which lasted for
// a time, and allows the next dial after a back-off that counts from from.
func (p *Pool) ended(r *peer, from time.Time, lasted time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if lasted > p.cfg.MaxBackoff {
		r.backoff = 0
	}

	r.backoff = min(max(2*r.backoff, p.cfg.MinBackoff), p.cfg.MaxBackoff)
	wait := min(r.backoff+rand.N(r.backoff/4+1), p.cfg.MaxBackoff)
	r.link, r.err, r.retryAt = nil, err, from.Add(wait)

	close(r.busy)

	r.busy = nil
}
