package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/internal/transport"
)

// What the dialler finds wrong with the acceptor.
func TestIntroductionRefusedByDialler(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)

	b := dialer(t, keys, nodeB, a.Addr(), func(c *transport.Config) {
		c.Check = func(string, transport.Intro) error { return fmt.Errorf("%w: too old", segue.ErrFenced) }
	})

	if err := b.call(t, nodeA); !errors.Is(err, segue.ErrFenced) || strings.Contains(err.Error(), "the peer refused") {
		t.Errorf("Dial = %v, want the dialler's own %v", err, segue.ErrFenced)
	}

	liar := start(t, keys, nodeA, says(func(i *transport.Intro) { i.Node = nodeB }))
	if err := dialer(t, keys, nodeB, liar.Addr()).call(t, nodeA); !errors.Is(err, segue.ErrBadRequest) {
		t.Errorf("Dial of a node that gives another id = %v, want %v", err, segue.ErrBadRequest)
	}
}

func TestOwnIntroductionIsChecked(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)

	for name, change := range map[string]func(*transport.Intro){
		"names no node":     func(i *transport.Intro) { i.Node = segue.NodeID{} },
		"node name has 161": func(i *transport.Intro) { i.Name = strings.Repeat("n", 161) },
		"build has 257":     func(i *transport.Intro) { i.Build = strings.Repeat("b", 257) },
		"range 4 to 3":      func(i *transport.Intro) { i.ProtoMin = 4 },
	} {
		err := dialer(t, keys, nodeB, a.Addr(), says(change)).call(t, nodeA)
		if err == nil || !strings.Contains(err.Error(), "own introduction") || !strings.Contains(err.Error(), name) {
			t.Errorf("Dial = %v, want an error about the own introduction with %q", err, name)
		}
	}
}

func TestDialFailures(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)
	b := dialer(t, keys, nodeB, a.Addr())

	if err := b.call(t, nodeB); !errors.Is(err, identity.ErrWrongNode) ||
		!strings.Contains(err.Error(), "dialled node "+nodeB.String()+" but reached node "+nodeA.String()) {
		t.Errorf("Dial of another node = %v, want %v", err, identity.ErrWrongNode)
	}

	if err := b.call(t, segue.NodeID{}); !errors.Is(err, segue.ErrBadRequest) {
		t.Errorf("Dial of no node = %v, want %v", err, segue.ErrBadRequest)
	}

	if _, err := b.Dial(t.Context(), nodeA, transport.Handoff); !errors.Is(err, segue.ErrUnsupported) {
		t.Errorf("Dial for a protocol that is not served = %v, want %v", err, segue.ErrUnsupported)
	}

	lost := build(t, configOf(t, keys, nodeB))
	if err := lost.call(t, nodeA); !errors.Is(err, segue.ErrRetry) || !strings.Contains(err.Error(), "no address") {
		t.Errorf("Dial without an address = %v, want %v", err, segue.ErrRetry)
	}

	a.stop()

	if err := b.call(t, nodeA); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial of a port that is closed = %v, want %v", err, syscall.ECONNREFUSED)
	}
}

// A peer that takes the connection and then says nothing.
func TestDialDoesNotWaitForEver(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	taken := make(chan net.Conn, 10)

	var wg sync.WaitGroup

	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}

			taken <- c
		}
	})

	defer func() {
		_ = l.Close()

		wg.Wait()
		close(taken)

		for c := range taken {
			_ = c.Close()
		}
	}()

	keys := cluster(t)
	hasty := dialer(t, keys, nodeB, l.Addr(), func(c *transport.Config) { c.HandshakeTimeout = 50 * time.Millisecond })

	if err := hasty.call(t, nodeA); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("Dial of a silent peer = %v, want %v within the limit", err, context.DeadlineExceeded)
	}

	patient := dialer(t, keys, nodeB, l.Addr())
	why := errors.New("the caller gave up")

	ctx, cancel := context.WithCancelCause(t.Context())

	wg.Go(func() {
		first := <-taken // of the hasty one
		second := <-taken

		cancel(why)

		_, _ = first.Close(), second.Close()
	})

	if _, err := patient.Dial(ctx, nodeA, transport.RPC); !errors.Is(err, why) {
		t.Errorf("Dial whose context ends = %v, want its cause", err)
	}
}
