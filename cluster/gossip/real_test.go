package gossip_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/segue-cluster/segue/cluster/gossip"
)

// loopback is the configuration of node i on loopback.
func loopback(i int, seeds ...string) gossip.Config {
	cfg := config(i)
	cfg.Bind, cfg.Seeds, cfg.Timing = "127.0.0.1:0", seeds, gossip.FastTiming()

	return cfg
}

// stopAll stops every node and checks that nothing is left of them.
func stopAll(t *testing.T, c *cluster, before goleak.Option) {
	t.Helper()

	for _, n := range c.nodes {
		n.stop(gossip.ErrNoLeave)
	}

	for _, n := range c.nodes {
		if err := <-n.done; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
	}

	deadline := time.Now().Add(gossip.FastTiming().Linger())
	for goleak.Find(before) != nil && time.Now().Before(deadline) { // Find itself waits a little
		continue
	}

	goleak.VerifyNone(t, before)
}

func TestLoopback(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := &cluster{t: t}
	first := c.start(loopback(1))

	for i := range 2 {
		c.start(loopback(i+2, first.Addr().String()))
	}

	for _, n := range c.nodes {
		n.statuses(t, 10*time.Second, alive(3))
	}

	m := c.nodes[1].Meta()
	m.Flags = gossip.FlagVoter

	if err := c.nodes[1].UpdateMeta(m); err != nil {
		t.Fatal(err)
	}

	first.await(t, 10*time.Second, "the new meta", func([]gossip.Member) bool {
		got, ok := first.Lookup(nodeID(2))

		return ok && got.Meta == m && got.GossipAddr == c.nodes[1].Addr()
	})

	c.nodes[1].stop(nil)
	c.nodes[2].stop(gossip.ErrNoLeave)
	first.statuses(t, 20*time.Second, map[int]gossip.Status{1: gossip.StatusAlive, 2: gossip.StatusLeft, 3: gossip.StatusFailed})
	stopAll(t, c, before)
}

func TestWrongCookieIsRefused(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := &cluster{t: t}
	member := loopback(1)
	member.KeyID = "key-one"
	first := c.start(member)

	stranger := loopback(2, first.Addr().String())
	stranger.Key, stranger.KeyID = key(2), "key-two"
	n := c.start(stranger)

	until(t, "the mismatch", func() bool {
		return errors.Is(n.JoinState().Err, gossip.ErrCookieMismatch) && first.Stats().Cookie > 0 &&
			strings.Contains(first.log.String(), "cookie mismatch")
	})

	for _, want := range []string{first.Addr().String(), "this node's gives key key-two", "give both the same cookie file"} {
		if got := n.JoinState().Err.Error(); !strings.Contains(got, want) {
			t.Errorf("JoinState().Err = %q, want %q in it", got, want)
		}
	}

	if got := first.log.String(); !strings.Contains(got, "own_key=key-one") {
		t.Errorf("the log of the member does not name its key:\n%s", got)
	}

	for _, n := range c.nodes {
		if members := n.Members(); len(members) != 1 {
			t.Errorf("members = %s, want only the node itself", show(members))
		}
	}

	stopAll(t, c, before)
}

// A port scanner, an HTTP client and random bytes change nothing.
func TestStrangersAreRefused(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := &cluster{t: t}
	first := c.start(loopback(1))
	addr := first.Addr().String()

	var d net.Dialer

	// Run has to accept before connections can be refused.
	c.start(loopback(2, addr))
	first.statuses(t, 10*time.Second, alive(2))

	for _, hello := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"\xf4\x0asegue/shopGET / HTTP/1.1\r\n\r\n",   // the right label, no encryption
		"\xf4\x0asegue/shop\x0a\x00\x00\x00\x20abcd", // a frame that ends early
		"\xf4\x0asegue/shop\x0a\xff\xff\xff\xff",     // a frame of 4 GiB
	} {
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}

		conn.SetDeadline(time.Now().Add(10 * time.Second))
		conn.Write([]byte(hello))

		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.CloseWrite()
		}

		if answer, err := io.ReadAll(conn); strings.Contains(string(answer), "shop_1.0.0") || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q was answered with %q, %v", hello, answer, err)
		}

		conn.Close()
	}

	udp, err := d.DialContext(t.Context(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}

	for _, b := range []string{"\xf4", "\xf4\x0asegue/shop", "\xf4\x0asegue/shop" + strings.Repeat("\x01", 80), "x"} {
		udp.Write([]byte(b))
	}

	udp.Close()
	until(t, "the counters", func() bool {
		s := first.Stats()

		return s.Plain >= 2 && s.Label == 0 && s.Garbage >= 2 && s.Cookie >= 1
	})

	// Streams that send nothing fill the places, for StreamTimeout.
	var silent []net.Conn

	for range gossip.MaxStreams + 20 {
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}

		silent = append(silent, conn)
	}

	until(t, "refused streams", func() bool { return first.Stats().StreamsRefused > 0 })

	for _, conn := range silent {
		conn.Close()
	}

	c.start(loopback(3, addr))
	first.statuses(t, 20*time.Second, alive(3))
	stopAll(t, c, before)
}

// until polls what has no notification.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()

	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()

	for deadline := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10s: %s", what)
		}
	}
}

func TestPortConflict(t *testing.T) {
	first, err := gossip.New(loopback(1))
	if err != nil {
		t.Fatal(err)
	}

	cfg := loopback(2)
	cfg.Bind = first.Addr().String()

	if _, err := gossip.New(cfg); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), cfg.Bind) ||
		!strings.Contains(err.Error(), "another process has this port") {
		t.Errorf("New() on a used port = %v, want EADDRINUSE with the address", err)
	}

	if err := first.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}

	// Only the packet socket is in conflict.
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(cfg.Bind)))
	if err != nil {
		t.Fatal(err)
	}

	if _, err := gossip.New(cfg); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "UDP") {
		t.Errorf("New() on a used UDP port = %v, want EADDRINUSE for UDP", err)
	}

	udp.Close()

	second, err := gossip.New(cfg)
	if err != nil {
		t.Fatalf("New() on the freed port = %v, want nil", err)
	}

	second.Close()
}

func TestRunStartsOnce(t *testing.T) {
	cfg := loopback(1)
	cfg.Advertise = "no-such-host.invalid:1"
	cfg.Resolver = &names{}

	g, err := gossip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}

	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no-such-host.invalid") {
		t.Errorf("Run() = %v, want the name that does not resolve", err)
	}

	if err := g.Run(t.Context()); err == nil {
		t.Error("second Run() succeeded, want an error")
	}

	if err := g.Close(); err == nil {
		t.Error("Close() after Run succeeded, want an error")
	}

	again, err := gossip.New(loopback(1)) // the port is free again
	if err != nil {
		t.Fatal(err)
	}

	again.Close()
}

func TestAdvertise(t *testing.T) {
	dns := &names{}
	dns.ips.Store(&[]netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")})

	for _, tt := range []struct {
		bind, advertise string
		seeds           []string
		want            string // without the port that was bound
	}{
		{"127.0.0.1:0", "", nil, "127.0.0.1"},
		{"127.0.0.1:0", "203.0.113.7:99", nil, "203.0.113.7:99"},
		{"127.0.0.1:0", "203.0.113.7", nil, "203.0.113.7"},
		{"127.0.0.1:0", "2001:db8::7", nil, "2001:db8::7"},
		{"127.0.0.1:0", "seeds.example.com", nil, "127.0.0.1"},
		{"0.0.0.0:0", "", []string{"seeds.example.com:9", "127.0.0.1:9"}, "127.0.0.1"},
	} {
		cfg := loopback(1, tt.seeds...)
		cfg.Bind, cfg.Advertise, cfg.Resolver = tt.bind, tt.advertise, dns
		c := &cluster{t: t}
		n := c.start(cfg)

		want, err := netip.ParseAddrPort(tt.want)
		if err != nil {
			want = netip.AddrPortFrom(netip.MustParseAddr(tt.want), n.Addr().Port())
		}

		n.await(t, 10*time.Second, "the node itself", func(members []gossip.Member) bool { return len(members) == 1 })

		if got := n.Members()[0].GossipAddr; got != want {
			t.Errorf("bind %s, advertise %q: advertised %s, want %s", tt.bind, tt.advertise, got, want)
		}

		n.stop(nil)
		<-n.done
	}
}
