package transport_test

import (
	"strings"
	"testing"

	"github.com/segue-cluster/segue/internal/transport"
)

func TestNewRefusals(t *testing.T) {
	_, err := transport.New(transport.Config{
		Bind: "nowhere", Protocols: []string{"", "a", "a"}, HandshakeTimeout: -1, MaxUnauthenticated: -1, MaxConns: -1,
	})
	for _, want := range []string{
		`bind "nowhere" is not host:port`, "identity is required", "intro is required", `protocol "" has 0 bytes`,
		`protocol "a" is listed twice`, "handshake timeout -1ns is negative", "max unauthenticated -1", "max conns -1",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error with %q", err, want)
		}
	}

	a := build(t, configOf(t, cluster(t), nodeA))
	taken := configOf(t, cluster(t), nodeB)
	taken.Bind = a.Addr().String()

	if _, err := transport.New(taken); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("New on a port that is taken = %v, want an error that says so", err)
	}
}

func TestServicesAreSetBeforeRun(t *testing.T) {
	keys := cluster(t)

	a := build(t, configOf(t, keys, nodeA), func(c *transport.Config) {
		c.Protocols = []string{transport.RPC, transport.Raft}
	})

	if err := a.Handle(transport.Handoff, echo); err == nil || !strings.Contains(err.Error(), "is not one of") {
		t.Errorf("Handle of a protocol that is not configured = %v, want an error", err)
	}

	if err := a.Handle(transport.RPC, nil); err == nil {
		t.Error("Handle(nil) succeeded, want an error")
	}

	if err := a.Handle(transport.RPC, echo); err != nil {
		t.Fatal(err)
	}

	if _, err := a.Listen(transport.RPC); err == nil || !strings.Contains(err.Error(), "served already") {
		t.Errorf("Listen to a protocol with a handler = %v, want an error", err)
	}

	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), transport.Raft) {
		t.Errorf("Run with a protocol that nothing serves = %v, want an error that names it", err)
	}

	if err := a.Run(t.Context()); err == nil {
		t.Error("the second Run succeeded, want an error")
	}

	b := start(t, keys, nodeB)
	if err := dialer(t, keys, nodeA, b.Addr()).call(t, nodeB); err != nil { // it runs
		t.Fatal(err)
	}

	if err := b.Handle(transport.RPC, echo); err == nil {
		t.Error("Handle during Run succeeded, want an error")
	}
}
