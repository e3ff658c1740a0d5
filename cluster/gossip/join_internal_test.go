package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/segue-cluster/segue/internal/memnet"
)

func TestMissingPicksAFew(t *testing.T) {
	tb := newTable("self", [8]byte{})
	now := time.Now()

	live, failed, left := testPeer(t, 1, 0), testPeer(t, 2, 0), testPeer(t, 3, FlagLeaving)
	live.addr = netip.MustParseAddrPort("10.0.0.1:1")
	failed.addr = netip.MustParseAddrPort("10.0.0.2:1")
	left.addr = netip.MustParseAddrPort("10.0.0.3:1")

	for _, p := range []peer{live, failed, left} {
		tb.seen(p, now)
	}

	tb.lost(failed.name, now)
	tb.lost(left.name, now)

	self := netip.MustParseAddrPort("203.0.113.1:1")
	g := &Gossip{table: tb, sockets: &sockets{addr: netip.MustParseAddrPort("10.0.0.9:1")}}
	seed := netip.MustParseAddrPort("10.0.0.4:1")

	got := g.missing([]netip.AddrPort{seed, seed, live.addr, self, g.sockets.addr}, self)
	slices.SortFunc(got, netip.AddrPort.Compare)

	if want := []netip.AddrPort{failed.addr, seed}; !slices.Equal(got, want) {
		t.Errorf("missing() = %v, want the failed member and the seed %v", got, want)
	}

	var many []netip.AddrPort
	for i := range 200 {
		many = append(many, netip.AddrPortFrom(seed.Addr(), uint16(i+1)))
	}

	if got := g.missing(many, self); len(got) != maxContacts {
		t.Errorf("missing(200) = %d addresses, want %d", len(got), maxContacts)
	}
}

func TestExplain(t *testing.T) {
	addr := netip.MustParseAddrPort("10.0.0.1:7946")

	for text, want := range map[string]string{
		"failed to join 10.0.0.1:7946: No installed keys?":                                         "10.0.0.1:7946: No installed keys?",
		"failed to join 10.0.0.1:7946: EOF":                                                        "10.0.0.1:7946 hung up: it has another cluster name, or is not a Segue node",
		"write tcp: connection reset by peer":                                                      "10.0.0.1:7946 hung up: it has another cluster name, or is not a Segue node",
		"no installed keys could decrypt the message":                                              "cookie mismatch: 10.0.0.1:7946 has another cookie",
		"failed to join 10.0.0.1:7946: encryption is configured but remote state is not encrypted": "10.0.0.1:7946 answers without encryption: it is no gossip port of Segue",
	} {
		if got := explain(addr, fmt.Errorf("1 error occurred: %w", errors.New(text))); got.Error() != want {
			t.Errorf("explain(%q) = %q, want %q", text, got, want)
		}
	}
}

// The same reason is worth one warning, however often it comes.
func TestReasonIsWarnedOfOnce(t *testing.T) {
	g := &Gossip{table: newTable("self", [8]byte{})}

	for i, tt := range []struct {
		text string
		want slog.Level
	}{
		{"a", slog.LevelWarn},
		{"a", slog.LevelDebug},
		{"b", slog.LevelWarn},
		{"a", slog.LevelWarn},
	} {
		if got := g.levelOf(errors.New(tt.text)); got != tt.want {
			t.Errorf("levelOf(%q), call %d, = %v, want %v", tt.text, i+1, got, tt.want)
		}
	}

	close(g.table.met)

	if got := g.levelOf(errors.New("c")); got != slog.LevelDebug {
		t.Errorf("levelOf() after others were met = %v, want debug", got)
	}
}

func TestJitterAddsATenth(t *testing.T) {
	for range 100 {
		if got := jitter(time.Second); got < time.Second || got > 1100*time.Millisecond {
			t.Errorf("jitter(1s) = %v, want 1s to 1.1s", got)
		}
	}
}

// What a stream may carry is bounded, also for a peer that has the key.
func TestStreamIsBounded(t *testing.T) {
	n := memnet.New()

	s, err := listen(n.Host("10.0.0.1"), "10.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	tr := newTransport(t.Context(), n.Host("10.0.0.1"), s, s.addr, &chatter{counts: &counters{}})

	peerSide, err := n.Host("10.0.0.2").Listen(":1")
	if err != nil {
		t.Fatal(err)
	}

	conn, err := tr.DialTimeout("10.0.0.2:1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	sender, err := peerSide.Accept()
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan error, 1)

	go func() {
		_, err := sender.Write(make([]byte, MaxStreamBytes+1))
		done <- err
	}()

	var read int

	for buf := make([]byte, 64<<10); err == nil; {
		var k int

		k, err = conn.Read(buf)
		read += k
	}

	if !errors.Is(err, errStreamTooLong) || read != MaxStreamBytes {
		t.Errorf("read %d bytes, then %v, want %d and the limit", read, err, MaxStreamBytes)
	}

	if err := tr.Shutdown(); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}

	sender.Close()
	<-done

	if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() after Shutdown = %v, want net.ErrClosed", err)
	}

	if _, err := tr.DialTimeout("10.0.0.2:1", time.Minute); err == nil {
		t.Error("DialTimeout() after Shutdown succeeded")
	}

	if _, err := tr.WriteTo([]byte("x"), "10.0.0.2:1"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("WriteTo() after Shutdown = %v, want net.ErrClosed", err)
	}
}

func TestLookupOfAName(t *testing.T) {
	g := &Gossip{cfg: Config{Resolver: empty{}}}

	if _, err := g.resolve(t.Context(), "nowhere:1"); err == nil {
		t.Error("resolve(name without addresses) succeeded")
	}

	if got, err := g.resolve(t.Context(), "[::ffff:10.0.0.1]:1"); err != nil || got[0].String() != "10.0.0.1:1" {
		t.Errorf("resolve(mapped address) = %v, %v, want 10.0.0.1:1", got, err)
	}
}

func TestOwnAddr(t *testing.T) {
	ip, err := ownAddr()
	if err != nil || !ip.IsValid() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() {
		t.Errorf("ownAddr() = %v, %v, want an address of this machine", ip, err)
	}

	order := []string{"127.0.0.1", "203.0.113.1", "fd00::1", "10.0.0.1"}
	for i := 1; i < len(order); i++ {
		if a, b := netip.MustParseAddr(order[i-1]), netip.MustParseAddr(order[i]); rank(a) >= rank(b) {
			t.Errorf("rank(%s) >= rank(%s), want less", a, b)
		}
	}
}

type empty struct{}

func (empty) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return nil, nil }
