package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/segue-cluster/segue/internal/memnet"
)

// pair connects 10.0.0.1 (client) to 10.0.0.2 (server).
func pair(t *testing.T, n *memnet.Network) (client, server net.Conn) {
	t.Helper()

	l, err := n.Host("10.0.0.2").Listen(":0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { l.Close() })

	client, err = n.Host("10.0.0.1").Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { client.Close(); server.Close() })

	return client, server
}

func TestConnConforms(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = pair(t, memnet.New())

		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

func TestStreamEndsAfterItsData(t *testing.T) {
	client, server := pair(t, memnet.New())

	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}

	client.Close()

	got, err := io.ReadAll(server)
	if err != nil || string(got) != "hello" {
		t.Errorf("ReadAll() = %q, %v, want hello", got, err)
	}

	if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write() to a closed peer = %v, want EPIPE", err)
	}
}

func TestDialFails(t *testing.T) {
	n := memnet.New()
	h := n.Host("10.0.0.1")

	for addr, want := range map[string]error{
		"10.0.0.1:9": syscall.ECONNREFUSED,
		"10.0.0.9:9": syscall.EHOSTUNREACH,
	} {
		_, err := h.Dial(t.Context(), addr)

		var op *net.OpError
		if !errors.As(err, &op) || !errors.Is(err, want) {
			t.Errorf("Dial(%s) = %v, want *net.OpError around %v", addr, err, want)
		}
	}

	if _, err := h.Dial(t.Context(), "example.com:9"); err == nil {
		t.Error("Dial of a name succeeded, want an error")
	}
}

func TestListenOnAUsedPortFails(t *testing.T) {
	h := memnet.New().Host("10.0.0.1")

	for range 2 { // closing frees the port
		l, err := h.Listen("10.0.0.1:7946")
		if err != nil {
			t.Fatal(err)
		}

		p, err := h.ListenPacket("0.0.0.0:7946")
		if err != nil {
			t.Fatal(err)
		}

		if _, err := h.Listen(":7946"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen() = %v, want EADDRINUSE", err)
		}

		if _, err := h.ListenPacket(":7946"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("ListenPacket() = %v, want EADDRINUSE", err)
		}

		l.Close()
		p.Close()
	}

	if _, err := h.Listen("10.0.0.2:7946"); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("Listen(address of another host) = %v, want EADDRNOTAVAIL", err)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	n := memnet.New()

	l, err := n.Host("10.0.0.2").Listen(":1")
	if err != nil {
		t.Fatal(err)
	}

	var first net.Conn

	for i := range memnet.Backlog {
		c, err := n.Host("10.0.0.1").Dial(t.Context(), "10.0.0.2:1")
		if err != nil {
			t.Fatalf("Dial() %d: %v", i, err)
		}

		if first == nil {
			first = c
		}
	}

	if _, err := n.Host("10.0.0.1").Dial(t.Context(), "10.0.0.2:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial() over the backlog = %v, want ECONNREFUSED", err)
	}

	l.Close()

	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read() of a connection that was never accepted = %v, want ECONNRESET", err)
	}
}

// A cut holds everything back; Heal delivers what is in flight.
func TestCutAndHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		client, server := pair(t, n)
		n.Cut(a, b)

		if _, err := client.Write([]byte("in flight")); err != nil {
			t.Fatal(err)
		}

		client.Close()

		buf := make([]byte, 64)
		server.SetReadDeadline(time.Now().Add(time.Minute))

		if _, err := server.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read() across a cut = %v, want a timeout", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		if _, err := b.Dial(ctx, "10.0.0.1:1"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Dial() across a cut = %v, want a timeout", err)
		}

		go func() {
			time.Sleep(time.Minute)
			n.HealAll()
		}()

		server.SetReadDeadline(time.Time{})

		if k, err := server.Read(buf); string(buf[:k]) != "in flight" {
			t.Errorf("Read() after Heal = %q, %v", buf[:k], err)
		}

		if _, err := server.Read(buf); !errors.Is(err, io.EOF) {
			t.Errorf("Read() after the data = %v, want EOF", err)
		}
	})
}

func TestDialGoesOnAfterHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")

		l, err := b.Listen(":1")
		if err != nil {
			t.Fatal(err)
		}

		n.CutOneWay(b, a)

		go func() {
			time.Sleep(time.Second)
			n.Heal(a, b)
		}()

		start := time.Now()

		c, err := a.Dial(t.Context(), l.Addr().String())
		if err != nil || time.Since(start) != time.Second {
			t.Errorf("Dial() = %v after %v, want success after 1s", err, time.Since(start))
		}

		c.Close()
		l.Close()
	})
}

func TestCutOneWay(t *testing.T) {
	n := memnet.New()
	client, server := pair(t, n)
	n.CutOneWay(n.Host("10.0.0.2"), n.Host("10.0.0.1"))

	buf := make([]byte, 1)

	client.Write([]byte("x"))

	if _, err := server.Read(buf); err != nil {
		t.Errorf("Read() with the flow = %v", err)
	}

	server.Write([]byte("y"))
	client.SetReadDeadline(time.Now().Add(time.Millisecond))

	if _, err := client.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read() against the cut = %v, want a timeout", err)
	}
}

func TestPartition(t *testing.T) {
	n := memnet.New()
	a, b, c := n.Host("10.0.0.1"), n.Host("10.0.0.2"), n.Host("10.0.0.3")

	got := map[string]bool{}

	n.Partition(a, b)

	for _, pairing := range [][2]*memnet.Host{{a, b}, {a, c}, {c, b}} {
		to, err := pairing[1].ListenPacket(":1")
		if err != nil {
			t.Fatal(err)
		}

		from, err := pairing[0].ListenPacket(":2")
		if err != nil {
			t.Fatal(err)
		}

		from.WriteTo([]byte("x"), to.LocalAddr())
		to.SetReadDeadline(time.Now().Add(time.Millisecond))

		_, _, err = to.ReadFrom(make([]byte, 1))
		got[pairing[0].IP()+pairing[1].IP()] = err == nil

		to.Close()
		from.Close()
	}

	for k, want := range map[string]bool{"10.0.0.110.0.0.2": true, "10.0.0.110.0.0.3": false, "10.0.0.310.0.0.2": false} {
		if got[k] != want {
			t.Errorf("packet %s arrived = %t, want %t", k, got[k], want)
		}
	}
}

func TestCrashResetsPeers(t *testing.T) {
	n := memnet.New()
	client, server := pair(t, n)

	pc, err := n.Host("10.0.0.2").ListenPacket(":5")
	if err != nil {
		t.Fatal(err)
	}

	client.Write([]byte("unread"))
	server.Write([]byte("unread"))
	n.Host("10.0.0.2").Crash()

	if _, err := client.Read(make([]byte, 9)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("peer's Read() after a crash = %v, want ECONNRESET", err)
	}

	if _, err := server.Read(make([]byte, 9)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("own Read() after a crash = %v, want net.ErrClosed", err)
	}

	if _, _, err := pc.ReadFrom(make([]byte, 9)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("own ReadFrom() after a crash = %v, want net.ErrClosed", err)
	}

	if _, err := n.Host("10.0.0.1").Dial(t.Context(), server.LocalAddr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial() after a crash = %v, want ECONNREFUSED", err)
	}
}

func TestPackets(t *testing.T) {
	n := memnet.New()

	a, err := n.Host("10.0.0.1").ListenPacket(":1")
	if err != nil {
		t.Fatal(err)
	}

	b, err := n.Host("10.0.0.2").ListenPacket(":2")
	if err != nil {
		t.Fatal(err)
	}

	count := func() (packets int) {
		t.Helper()
		b.SetReadDeadline(time.Now().Add(time.Millisecond))

		for {
			if _, from, err := b.ReadFrom(make([]byte, 9)); err != nil {
				return packets
			} else if from.String() != "10.0.0.1:1" {
				t.Errorf("packet from %v, want 10.0.0.1:1", from)
			}

			packets++
		}
	}
	send := func(packets int) {
		t.Helper()

		for range packets {
			if k, err := a.WriteTo([]byte("abc"), b.LocalAddr()); k != 3 || err != nil {
				t.Fatalf("WriteTo() = %d, %v", k, err)
			}
		}
	}

	send(memnet.PacketQueue + 10)

	if got := count(); got != memnet.PacketQueue {
		t.Errorf("%d packets arrived, want the queue's limit %d", got, memnet.PacketQueue)
	}

	n.Drop(0.5)
	send(200)

	if got := count(); got < 60 || got > 140 {
		t.Errorf("%d of 200 packets arrived at a loss of one half", got)
	}

	if _, err := a.WriteTo(make([]byte, memnet.MaxPacket+1), b.LocalAddr()); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("WriteTo(too long) = %v, want EMSGSIZE", err)
	}
}
