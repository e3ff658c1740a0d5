package transport_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/segue-cluster/segue/internal/transport"
)

// Strangers that keep silent are many more than there are places. A node whose
// address is known gets through at once; they are ended, the oldest first.
func TestManyStrangersDoNotStopANode(t *testing.T) {
	const strangers, places = 200, 64

	keys := cluster(t)
	a := start(t, keys, nodeA, func(c *transport.Config) { c.HandshakeTimeout = soon })
	b := dialer(t, keys, nodeB, a.Addr(), func(c *transport.Config) { c.HandshakeTimeout = soon })

	if err := b.call(t, nodeA); err != nil {
		t.Fatal(err)
	}

	conns := make([]net.Conn, strangers)
	for i := range conns {
		conns[i] = rawDial(t, a)
	}

	for range 20 {
		if err := b.call(t, nodeA); err != nil {
			t.Fatalf("a node among %d strangers: %v", strangers, err)
		}
	}

	if got := a.Stats().Strangers; got > places {
		t.Errorf("%d strangers are attended to, want at most %d", got, places)
	}

	// Every node took the place of one more, and left it free.
	for range strangers - places + 1 {
		if got := a.refused(t); got.reason != transport.Crowded {
			t.Errorf("a stranger was refused as %q (%v), want %q", got.reason, got.err, transport.Crowded)
		}
	}

	if _, err := conns[0].Read(make([]byte, 1)); err == nil {
		t.Error("the oldest stranger is still there")
	}

	newest := conns[strangers-1]
	if err := newest.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}

	if _, err := newest.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("the newest stranger was ended: %v", err)
	}
}

// From an address that no node came from, 50 strangers are let in at once and
// 10 per second; nodes share that with them until one gets through.
func TestRateLimit(t *testing.T) {
	const strangers, burst = 200, 50

	t.Parallel()

	keys := cluster(t)
	a := start(t, keys, nodeA, func(c *transport.Config) { c.HandshakeTimeout = soon })
	began := time.Now()

	for range strangers {
		if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", a.Addr().String()); err == nil { // else reset at once
			t.Cleanup(func() { _ = c.Close() })
		}
	}

	more := int(10*time.Since(began).Seconds()) + 1 // let in while this went on
	for range strangers - burst - more {
		if got := a.refused(t); got.reason != transport.RateLimited {
			t.Errorf("a stranger was refused as %q (%v), want %q", got.reason, got.err, transport.RateLimited)
		}
	}

	b := dialer(t, keys, nodeB, a.Addr())

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()

	for deadline := time.Now().Add(soon); ; <-tick.C {
		err := b.call(t, nodeA)
		if err == nil {
			break
		}

		if time.Now().After(deadline) {
			t.Fatalf("a node from the address of strangers: %v", err)
		}
	}

	// Now the address is known: it is not limited any more.
	for range 60 {
		if err := b.call(t, nodeA); err != nil {
			t.Fatalf("a node whose address is known: %v", err)
		}
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error) //nolint:errorlint // a net.Conn returns it as it is

	return ok && ne.Timeout()
}

// Nodes come and go while the port is closed under them.
func TestManyDiallersAndAStop(t *testing.T) {
	const diallers, calls = 8, 15

	keys := cluster(t)

	a := build(t, configOf(t, keys, nodeA), func(c *transport.Config) { c.Protocols = []string{transport.RPC, transport.Raft} })
	if err := a.Handle(transport.RPC, echo); err != nil {
		t.Fatal(err)
	}

	l, err := a.Listen(transport.Raft)
	if err != nil {
		t.Fatal(err)
	}

	a.run(t)

	b := dialer(t, keys, nodeB, a.Addr())

	var wg sync.WaitGroup
	defer wg.Wait()

	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}

			wg.Go(func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			})
		}
	})

	half := make(chan struct{}, diallers)

	for i := range diallers {
		proto := []string{transport.RPC, transport.Raft}[i%2]

		wg.Go(func() {
			for n := range calls {
				c, err := b.Dial(t.Context(), nodeA, proto)

				switch {
				case err == nil:
					if err := ping(c); err != nil && n < calls/2 {
						t.Errorf("call %d of %s: %v", n, proto, err)
					}

					_ = c.Close()
				case n < calls/2:
					t.Errorf("dial %d of %s: %v", n, proto, err)
				}

				if n == calls/2-1 {
					half <- struct{}{}
				}
			}
		})
	}

	for range diallers {
		receive(t, half, "half of the calls")
	}

	a.stop()

	if got := a.Stats(); got != (transport.Stats{}) {
		t.Errorf("Stats() after Run = %+v, want nothing", got)
	}
}
