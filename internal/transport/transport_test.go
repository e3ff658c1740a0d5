package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/internal/transport"
)

func TestDialAndHandle(t *testing.T) {
	keys := cluster(t)
	served := make(chan *transport.Conn, 1)

	a := build(t, configOf(t, keys, nodeA))
	if err := a.Handle(transport.RPC, func(ctx context.Context, c *transport.Conn) {
		served <- c

		echo(ctx, c)
	}); err != nil {
		t.Fatal(err)
	}

	a.run(t)

	b := dialer(t, keys, nodeB, a.Addr(), func(c *transport.Config) {
		c.Intro = func() transport.Intro {
			i := introOf(nodeB)
			i.ProtoMin, i.ProtoMax = 2, 9

			return i
		}
	})

	c, err := b.Dial(t.Context(), nodeA, transport.RPC)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	if err := ping(c); err != nil {
		t.Errorf("a call: %v", err)
	}

	if diff := cmp.Diff(introOf(nodeA), c.Peer()); diff != "" {
		t.Errorf("what the dialler knows of its peer (-want +got):\n%s", diff)
	}

	s := receive(t, served, "connection")
	if got := s.Peer(); got.Node != nodeB || got.ProtoMax != 9 {
		t.Errorf("what the acceptor knows of its peer = %+v, want node %s", got, nodeB)
	}

	for side, c := range map[string]*transport.Conn{"dialler": c, "acceptor": s} {
		if c.Protocol() != transport.RPC || c.Version() != 3 {
			t.Errorf("%s: protocol %q version %d, want %q version 3", side, c.Protocol(), c.Version(), transport.RPC)
		}
	}

	if got, want := a.Stats(), (transport.Stats{Conns: 1}); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}

	if err := c.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}

	if got := receive(t, a.closed, "closed connection"); got != transport.RPC {
		t.Errorf("Trace.Closed(%q), want %q", got, transport.RPC)
	}

	if got := a.Stats(); got != (transport.Stats{}) {
		t.Errorf("Stats() after the end = %+v, want nothing", got)
	}
}

// Seeds are dialled before it is known who is there.
func TestDialAddr(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)
	b := dialer(t, keys, nodeB, a.Addr())

	c, err := b.DialAddr(t.Context(), a.Addr().String(), transport.RPC)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	if got := c.Peer().Node; got != nodeA {
		t.Errorf("reached node %s, want %s", got, nodeA)
	}

	own, err := a.DialAddr(t.Context(), a.Addr().String(), transport.RPC)
	if err != nil {
		t.Fatalf("a node that dials itself: %v", err)
	}
	defer own.Close()

	if got := own.Peer().Node; got != nodeA {
		t.Errorf("reached node %s, want itself", got)
	}
}

// The introduction must not swallow what follows it, whoever speaks first.
func TestFirstBytesBelongToTheProtocol(t *testing.T) {
	keys := cluster(t)
	text := strings.Repeat("first words ", 10_000)
	got := make(chan string, 1)

	a := build(t, configOf(t, keys, nodeA))
	if err := a.Handle(transport.RPC, func(_ context.Context, c *transport.Conn) {
		var wg sync.WaitGroup

		wg.Go(func() { _, _ = io.WriteString(c, text) })

		read := make([]byte, len(text))
		_, _ = io.ReadFull(c, read)
		got <- string(read)

		wg.Wait()
	}); err != nil {
		t.Fatal(err)
	}

	a.run(t)

	c, err := dialer(t, keys, nodeB, a.Addr()).Dial(t.Context(), nodeA, transport.RPC)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	var wg sync.WaitGroup
	defer wg.Wait()

	wg.Go(func() { _, _ = io.WriteString(c, text) })

	read := make([]byte, len(text))
	if _, err := io.ReadFull(c, read); err != nil || string(read) != text {
		t.Errorf("the dialler read %d bytes that begin with %.20q (%v), want %.20q", len(read), read, err, text)
	}

	if server := receive(t, got, "text at the acceptor"); server != text {
		t.Errorf("the acceptor read %.20q, want %.20q", server, text)
	}
}

func TestProtocolsShareThePort(t *testing.T) {
	keys := cluster(t)
	names := []string{transport.Raft, transport.RPC, transport.Handoff}

	a := build(t, configOf(t, keys, nodeA), func(c *transport.Config) { c.Protocols = names })

	raft, err := a.Listen(transport.Raft)
	if err != nil {
		t.Fatal(err)
	}

	for _, p := range names[1:] {
		if err := a.Handle(p, func(_ context.Context, c *transport.Conn) { _, _ = io.WriteString(c, p) }); err != nil {
			t.Fatal(err)
		}
	}

	a.run(t)

	b := dialer(t, keys, nodeB, a.Addr())

	for _, p := range names[1:] {
		c, err := b.Dial(t.Context(), nodeA, p)
		if err != nil {
			t.Fatalf("dial %s: %v", p, err)
		}

		got, err := io.ReadAll(c)
		if err != nil || string(got) != p {
			t.Errorf("the service of %s said %q, %v", p, got, err)
		}

		_ = c.Close()
	}

	c, err := b.Dial(t.Context(), nodeA, transport.Raft)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	s, err := raft.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	conn, ok := s.(*transport.Conn)
	if !ok || conn.Peer().Node != nodeB || conn.Protocol() != transport.Raft {
		t.Errorf("Accept() = %T, want a *Conn of node %s for %s", s, nodeB, transport.Raft)
	}

	if raft.Addr().String() != a.Addr().String() {
		t.Errorf("Addr() of the listener = %v, want %v", raft.Addr(), a.Addr())
	}
}

// Run ends everything that it accepted, also what waits in a read.
func TestRunEndsEverything(t *testing.T) {
	keys := cluster(t)
	ended := make(chan error, 1)

	a := build(t, configOf(t, keys, nodeA), func(c *transport.Config) {
		c.Protocols = []string{transport.RPC, transport.Raft}
	})
	if err := a.Handle(transport.RPC, func(ctx context.Context, c *transport.Conn) {
		_, err := io.ReadFull(c, make([]byte, 1))
		<-ctx.Done()

		ended <- err
	}); err != nil {
		t.Fatal(err)
	}

	l, err := a.Listen(transport.Raft)
	if err != nil {
		t.Fatal(err)
	}

	a.run(t)

	b := dialer(t, keys, nodeB, a.Addr())

	var conns []*transport.Conn

	for _, p := range []string{transport.RPC, transport.Raft, transport.Raft} {
		c, err := b.Dial(t.Context(), nodeA, p)
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { _ = c.Close() })

		conns = append(conns, c)
	}

	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}

	stranger := rawDial(t, a)

	a.stop()

	if err := receive(t, ended, "end of the handler"); err == nil {
		t.Error("the handler read a byte that nobody sent")
	}

	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept() after Run = %v, want %v", err, net.ErrClosed)
	}

	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("an accepted connection is open after Run")
	}

	if _, err := stranger.Read(make([]byte, 1)); err == nil {
		t.Error("the connection of a stranger is open after Run")
	}

	for i, c := range conns {
		if err := ping(c); err == nil {
			t.Errorf("connection %d is open after Run", i)
		}
	}

	if got := a.Stats(); got != (transport.Stats{}) {
		t.Errorf("Stats() after Run = %+v, want nothing", got)
	}

	if err := b.call(t, nodeA); err == nil {
		t.Error("Dial after Run succeeded, want an error")
	}
}

func TestCloseWithoutRun(t *testing.T) {
	a := build(t, configOf(t, cluster(t), nodeA))

	l, err := a.Listen(transport.RPC)
	if err != nil {
		t.Fatal(err)
	}

	addr := a.Addr().String()

	for range 2 {
		if err := a.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}

	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept() after Close = %v, want %v", err, net.ErrClosed)
	}

	if err := a.Run(t.Context()); err == nil {
		t.Error("Run after Close = nil, want an error")
	}

	again := build(t, configOf(t, cluster(t), nodeA), func(c *transport.Config) { c.Bind = addr })
	if got := again.Addr().String(); got != addr {
		t.Errorf("Addr() = %s, want the address that was closed, %s", got, addr)
	}
}

func TestCloseEndsRun(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)

	if err := dialer(t, keys, nodeB, a.Addr()).call(t, nodeA); err != nil { // it runs
		t.Fatal(err)
	}

	if err := a.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}

	a.stop()
}

func TestTraceOfDials(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)

	var (
		dialled []string
		failed  []transport.Reason
	)

	b := dialer(t, keys, nodeB, a.Addr(), func(c *transport.Config) {
		c.Trace.Dialled = func(proto string, peer transport.Intro, took time.Duration) {
			dialled = append(dialled, proto+" "+peer.Name)

			if took <= 0 || took > soon {
				t.Errorf("Dialled took %v", took)
			}
		}
		c.Trace.DialFailed = func(_ string, reason transport.Reason, _ error) { failed = append(failed, reason) }
	})

	if err := b.call(t, nodeA); err != nil {
		t.Fatal(err)
	}

	if err := b.call(t, nodeB); err == nil {
		t.Error("dialling B at the address of A succeeded")
	}

	if diff := cmp.Diff([]string{transport.RPC + " " + introOf(nodeA).Name}, dialled); diff != "" {
		t.Errorf("Dialled (-want +got):\n%s", diff)
	}

	if diff := cmp.Diff([]transport.Reason{"wrong_node"}, failed); diff != "" {
		t.Errorf("DialFailed (-want +got):\n%s", diff)
	}
}
