package transport_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/transport"
)

func TestListenerCloses(t *testing.T) {
	keys := cluster(t)

	a := build(t, configOf(t, keys, nodeA))

	l, err := a.Listen(transport.RPC)
	if err != nil {
		t.Fatal(err)
	}

	a.run(t)

	b := dialer(t, keys, nodeB, a.Addr())

	waiting, err := b.Dial(t.Context(), nodeA, transport.RPC)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()

	if err := l.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}

	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept() after Close = %v, want %v", err, net.ErrClosed)
	}

	if err := ping(waiting); err == nil {
		t.Error("a connection that nobody accepted is open after Close")
	}

	if _, err := b.Dial(t.Context(), nodeA, transport.RPC); !errors.Is(err, segue.ErrStopping) {
		t.Errorf("Dial after the listener was closed = %v, want %v", err, segue.ErrStopping)
	}
}

func TestListenerBacklog(t *testing.T) {
	keys := cluster(t)

	a := build(t, configOf(t, keys, nodeA))

	l, err := a.Listen(transport.RPC)
	if err != nil {
		t.Fatal(err)
	}

	a.run(t)

	b := dialer(t, keys, nodeB, a.Addr())

	for range transport.DefaultBacklog {
		c, err := b.Dial(t.Context(), nodeA, transport.RPC)
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { _ = c.Close() })
	}

	_, err = b.Dial(t.Context(), nodeA, transport.RPC)
	if !errors.Is(err, segue.ErrRetry) || !strings.Contains(err.Error(), "64 connections") {
		t.Errorf("Dial beyond the backlog = %v, want %v and the limit", err, segue.ErrRetry)
	}

	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	c, err := b.Dial(t.Context(), nodeA, transport.RPC)
	if err != nil {
		t.Fatalf("Dial after one was accepted = %v, want nil", err)
	}
	defer c.Close()
}
