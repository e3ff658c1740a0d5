package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
)

// The protocols of a node. Wire: they are negotiated by ALPN. A protocol that
// changes beyond what its version range can tell gets a new name.
const (
	Raft    = "segue-raft/1"
	RPC     = "segue-rpc/1"
	Handoff = "segue-handoff/1"
)

// Defaults of [Config].
const (
	DefaultHandshakeTimeout   = 3 * time.Second
	DefaultMaxUnauthenticated = 64
	DefaultMaxConns           = 1024
	DefaultBacklog            = 64
)

// An Identity says who this node is and judges who a peer is. Its methods are
// called for each connection, by several goroutines; a configuration that it
// returned is not changed.
type Identity interface {
	// Server returns the configuration for accepting any node of the cluster,
	// for one of the protocols.
	Server(protos ...string) *tls.Config
	// Client returns the configuration for reaching peer, or any node of the
	// cluster if peer is zero.
	Client(peer segue.NodeID, proto string) *tls.Config
	// Peer returns who the peer of an established connection is.
	Peer(s tls.ConnectionState) (segue.NodeID, error)
}

// A Config says how a [Transport] works.
type Config struct {
	// Bind is the TCP address of the port, "host:port". Port 0 takes a free
	// one, an empty host all addresses of the machine. Required.
	Bind string

	// Identity of this node. Required.
	Identity Identity

	// Protocols that this node serves. Each must have got its handler or its
	// listener before Run. Required.
	Protocols []string

	// Intro returns what this node says of itself, at each connection. Its
	// Node is the one of the Identity. Called by several goroutines. Required.
	Intro func() Intro

	// Check refuses a peer by what it says of itself, on both sides of a
	// connection. The error reaches the peer as its segue.Code and text. Called
	// by several goroutines; it must not block. Nil refuses nobody.
	Check func(proto string, peer Intro) error

	// Resolve returns the address, "host:port", at which a node is reached, for
	// Dial. Called by several goroutines; it must not block. Nil knows none.
	Resolve func(node segue.NodeID) (addr string, ok bool)

	// HandshakeTimeout is the time for everything from the TCP connection to
	// the end of the introduction. Default 3 s.
	HandshakeTimeout time.Duration

	// MaxUnauthenticated is how many accepted connections may be before the
	// end of their introduction. Default 64.
	MaxUnauthenticated int

	// MaxConns is how many accepted connections may be after it; a peer beyond
	// is refused with segue.ErrRetry. Default 1024.
	MaxConns int

	// Logger gets what an operator should know. Nil discards.
	Logger *slog.Logger

	// Trace is told of every connection.
	Trace Trace
}

// Validate reports every problem of c at once.
func (c Config) Validate() error {
	var errs []error

	if _, _, err := net.SplitHostPort(c.Bind); err != nil {
		errs = append(errs, fmt.Errorf("bind %q is not host:port", c.Bind))
	}

	if c.Identity == nil {
		errs = append(errs, errors.New("identity is required"))
	}

	if c.Intro == nil {
		errs = append(errs, errors.New("intro is required"))
	}

	if len(c.Protocols) == 0 {
		errs = append(errs, errors.New("protocols are required"))
	}

	for i, p := range c.Protocols {
		if p == "" || len(p) > 255 {
			errs = append(errs, fmt.Errorf("protocol %q has %d bytes, want 1 to 255", p, len(p)))
		}

		if slices.Contains(c.Protocols[:i], p) {
			errs = append(errs, fmt.Errorf("protocol %q is listed twice", p))
		}
	}

	if c.HandshakeTimeout < 0 {
		errs = append(errs, fmt.Errorf("handshake timeout %v is negative", c.HandshakeTimeout))
	}

	if c.MaxUnauthenticated < 0 {
		errs = append(errs, fmt.Errorf("max unauthenticated %d is negative", c.MaxUnauthenticated))
	}

	if c.MaxConns < 0 {
		errs = append(errs, fmt.Errorf("max conns %d is negative", c.MaxConns))
	}

	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = DefaultHandshakeTimeout
	}

	if c.MaxUnauthenticated == 0 {
		c.MaxUnauthenticated = DefaultMaxUnauthenticated
	}

	if c.MaxConns == 0 {
		c.MaxConns = DefaultMaxConns
	}

	if c.Check == nil {
		c.Check = func(string, Intro) error { return nil }
	}

	if c.Resolve == nil {
		c.Resolve = func(segue.NodeID) (string, bool) { return "", false }
	}

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	c.Protocols = slices.Clone(c.Protocols)
	c.Trace = c.Trace.withDefaults()

	return c
}
