package transport_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon bounds every wait of the tests. It is reached only when one fails.
const soon = 10 * time.Second

var (
	nodeA    = segue.NodeID{0xa, 15: 1}
	nodeB    = segue.NodeID{0xb, 15: 1}
	clusterX = [16]byte{1}
	clusterY = [16]byte{2}
)

// A refusal is what Trace.Refused was told.
type refusal struct {
	reason transport.Reason
	err    error
}

// A peer is a node under test.
type peer struct {
	*transport.Transport

	refusals chan refusal
	closed   chan string // protocols of closed connections
	stop     func()      // ends Run and waits for it
}

// An option changes the configuration of a peer.
type option func(*transport.Config)

// cluster makes the keys of a new cookie.
func cluster(tb testing.TB) *identity.Keys {
	tb.Helper()

	cookie, err := identity.ParseCookie(identity.GenerateCookie(), identity.RequireStrong)
	if err != nil {
		tb.Fatal(err)
	}

	keys, err := identity.Derive(cookie, "demo")
	if err != nil {
		tb.Fatal(err)
	}

	return keys
}

func identityOf(tb testing.TB, keys *identity.Keys, node segue.NodeID) *identity.Identity {
	tb.Helper()

	id, err := keys.NewIdentity(node)
	if err != nil {
		tb.Fatal(err)
	}

	return id
}

func introOf(node segue.NodeID) transport.Intro {
	return transport.Intro{
		ClusterID: clusterX, Generation: 1, Node: node, Name: fmt.Sprintf("app_1.0.%d@host", node[0]), Start: 77,
		ProtoMin: 1, ProtoMax: 3, Build: "0.1.0", Ext: map[string][]byte{"later": {1, 2}},
	}
}

// configOf is a node that serves calls.
func configOf(tb testing.TB, keys *identity.Keys, node segue.NodeID) transport.Config {
	tb.Helper()

	return transport.Config{
		Bind:      "127.0.0.1:0",
		Identity:  identityOf(tb, keys, node),
		Protocols: []string{transport.RPC},
		Intro:     func() transport.Intro { return introOf(node) },
	}
}

// build makes a peer that is not run.
func build(tb testing.TB, cfg transport.Config, options ...option) *peer {
	tb.Helper()

	p := &peer{refusals: make(chan refusal, 1000), closed: make(chan string, 1000)}
	cfg.Trace.Refused = func(reason transport.Reason, _ net.Addr, err error) { p.refusals <- refusal{reason, err} }
	cfg.Trace.Closed = func(proto string, _ transport.Intro) { p.closed <- proto }

	for _, o := range options {
		o(&cfg)
	}

	var err error
	if p.Transport, err = transport.New(cfg); err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() { _ = p.Close() })

	return p
}

// run runs p until the test ends.
func (p *peer) run(tb testing.TB) {
	tb.Helper()

	ctx, cancel := context.WithCancel(tb.Context())

	var wg sync.WaitGroup

	wg.Go(func() {
		if err := p.Run(ctx); err != nil {
			tb.Errorf("Run = %v, want nil", err)
		}
	})

	p.stop = func() {
		cancel()
		wg.Wait()
	}
	tb.Cleanup(p.stop)
}

// start makes a peer that echoes what a call sends, and runs it.
func start(tb testing.TB, keys *identity.Keys, node segue.NodeID, options ...option) *peer {
	tb.Helper()

	p := build(tb, configOf(tb, keys, node), options...)
	if err := p.Handle(transport.RPC, echo); err != nil {
		tb.Fatal(err)
	}

	p.run(tb)

	return p
}

func echo(_ context.Context, c *transport.Conn) { _, _ = io.Copy(c, c) }

// dialer makes a peer that only dials. Every node is at addr.
func dialer(tb testing.TB, keys *identity.Keys, node segue.NodeID, addr net.Addr, options ...option) *peer {
	tb.Helper()

	to := func(c *transport.Config) {
		c.Resolve = func(segue.NodeID) (string, bool) { return addr.String(), true }
	}

	return build(tb, configOf(tb, keys, node), append([]option{to}, options...)...)
}

// call dials node and checks that it answers.
func (p *peer) call(t *testing.T, node segue.NodeID) error {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()

	c, err := p.Dial(ctx, node, transport.RPC)
	if err != nil {
		return err
	}

	defer c.Close()

	return ping(c)
}

// ping checks that the other side of c echoes.
func ping(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
		return err
	}

	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}

	got := make([]byte, 4)
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}

	if string(got) != "ping" {
		return fmt.Errorf("the echo of ping is %q", got)
	}

	return nil
}

// refused returns the next refusal.
func (p *peer) refused(t *testing.T) refusal {
	t.Helper()

	return receive(t, p.refusals, "a refusal")
}

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()

	select {
	case v := <-from:
		return v
	case <-time.After(soon):
		t.Fatalf("no %s within %v", what, soon)
	}

	panic("unreachable")
}

// rawDial connects to p without TLS.
func rawDial(t *testing.T, p *peer) net.Conn {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()

	c, err := new(net.Dialer).DialContext(ctx, "tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = c.Close() })

	if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}

	return c
}
