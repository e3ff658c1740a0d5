package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/segue-cluster/segue"
)

// A Handler serves one connection and returns when it is done with it; the
// connection is closed then. Its context ends when the Transport stops, which
// also closes the connection.
type Handler func(ctx context.Context, c *Conn)

// A Transport is the TLS port of a node. Its methods may be called by several
// goroutines.
type Transport struct {
	cfg       Config
	listener  *net.TCPListener
	limiter   *limiter
	strangers *strangers
	reports   *reports

	mu       sync.Mutex // guards the fields below
	phase    phase
	services map[string]service
	conns    map[*Conn]struct{} // accepted, admitted and not closed
}

// service is what serves a protocol: one of the two.
type service struct {
	handler  Handler
	listener *listener
}

type phase uint8

const (
	idle phase = iota
	running
	stopped
)

// New binds the port. It accepts connections once [Transport.Run] is called; a
// Transport that is never run must be closed.
func New(cfg Config) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}

	cfg = cfg.withDefaults()

	addr, err := net.ResolveTCPAddr("tcp", cfg.Bind)
	if err != nil {
		return nil, fmt.Errorf("transport: bind %s: %w", cfg.Bind, err)
	}

	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("transport: bind %s: %w", cfg.Bind, err)
	}

	return &Transport{
		cfg:       cfg,
		listener:  l,
		limiter:   newLimiter(),
		strangers: newStrangers(cfg.MaxUnauthenticated),
		reports:   newReports(cfg.Logger),
		services:  make(map[string]service),
		conns:     make(map[*Conn]struct{}),
	}, nil
}

// Addr returns the address that the port is bound to, with its number.
func (t *Transport) Addr() net.Addr { return t.listener.Addr() }

// Handle sets what serves the connections of a protocol of [Config].Protocols.
// It must be called before Run, once for each protocol.
func (t *Transport) Handle(proto string, h Handler) error {
	if h == nil {
		return fmt.Errorf("transport: the handler of %q is nil", proto)
	}

	return t.serveBy(proto, service{handler: h})
}

// Listen returns the connections of a protocol of [Config].Protocols as a
// listener, in place of a handler. It must be called before Run. Accept returns
// a *[Conn], which its receiver closes. At most 64 connections wait for it; a
// peer beyond is refused with segue.ErrRetry, and with segue.ErrStopping once
// the listener is closed. It is closed when Run ends.
func (t *Transport) Listen(proto string) (net.Listener, error) {
	l := newListener(t.Addr(), DefaultBacklog)
	if err := t.serveBy(proto, service{listener: l}); err != nil {
		return nil, err
	}

	return l, nil
}

func (t *Transport) serveBy(proto string, s service) error {
	t.mu.Lock()
	defer t.mu.Unlock()

	if _, ok := t.services[proto]; ok {
		return fmt.Errorf("transport: protocol %q is served already", proto)
	}

	if !slices.Contains(t.cfg.Protocols, proto) {
		return fmt.Errorf("transport: protocol %q is not one of %q", proto, t.cfg.Protocols)
	}

	if t.phase != idle {
		return errors.New("transport: protocols are set before Run")
	}

	t.services[proto] = s

	return nil
}

// Run serves the port until ctx ends or [Transport.Close] is called. Then it
// closes the port and every connection that it accepted, and returns nil once
// the handlers have returned. It returns an error, and leaves the port closed,
// if a protocol has neither handler nor listener; and an error without effect
// if it was called before.
func (t *Transport) Run(ctx context.Context) error {
	if err := t.start(); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var wg sync.WaitGroup

	wg.Go(func() {
		<-ctx.Done()
		t.stop()
	})

	t.accept(ctx, &wg)
	cancel()
	wg.Wait()

	return nil
}

// Close closes the port and every connection that was accepted, and makes Run
// return. It may be called more than once.
func (t *Transport) Close() error {
	t.stop()

	return nil
}

// Stats are the connections of a moment.
type Stats struct {
	Strangers int // accepted, before the end of their introduction
	Conns     int // accepted, after it
}

// Stats counts the connections that were accepted and are open.
func (t *Transport) Stats() Stats {
	t.mu.Lock()
	conns := len(t.conns)
	t.mu.Unlock()

	return Stats{Strangers: t.strangers.count(), Conns: conns}
}

func (t *Transport) start() error {
	t.mu.Lock()

	if t.phase != idle {
		t.mu.Unlock()

		return errors.New("transport: run or closed before")
	}

	var missing []string

	for _, p := range t.cfg.Protocols {
		if _, ok := t.services[p]; !ok {
			missing = append(missing, p)
		}
	}

	t.phase = running
	t.mu.Unlock()

	if len(missing) > 0 {
		t.stop()

		return fmt.Errorf("transport: nothing serves %q", missing)
	}

	return nil
}

// stop closes everything. Nothing is admitted afterwards.
func (t *Transport) stop() {
	t.mu.Lock()
	t.phase = stopped

	conns := make([]*Conn, 0, len(t.conns))
	for c := range t.conns {
		conns = append(conns, c)
	}

	var listeners []*listener

	for _, s := range t.services {
		if s.listener != nil {
			listeners = append(listeners, s.listener)
		}
	}

	t.mu.Unlock()

	_ = t.listener.Close() //nolint:errcheck // it fails only if it is closed

	t.strangers.close()

	for _, l := range listeners {
		_ = l.Close() //nolint:errcheck // always nil
	}

	for _, c := range conns {
		c.abort()
	}
}

// admit registers c, or says why there is no place for it.
func (t *Transport) admit(c *Conn) error {
	t.mu.Lock()
	defer t.mu.Unlock()

	if t.phase != running {
		return segue.ErrStopping
	}

	if len(t.conns) >= t.cfg.MaxConns {
		return fmt.Errorf("%w: this node has %d connections, its limit", segue.ErrRetry, len(t.conns))
	}

	t.conns[c] = struct{}{}
	c.release = t.forget

	return nil
}

// establish marks c as one that its service gets. It reports false if c was
// closed meanwhile, because the Transport stops.
func (t *Transport) establish(c *Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	_, open := t.conns[c]
	c.established = open

	return open
}

// forget undoes admit.
func (t *Transport) forget(c *Conn) {
	t.mu.Lock()
	delete(t.conns, c)
	established := c.established
	t.mu.Unlock()

	if established {
		t.cfg.Trace.Closed(c.proto, c.peer)
	}
}
