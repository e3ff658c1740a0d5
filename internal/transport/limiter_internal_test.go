package transport

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	addr, other := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")
	now := time.Unix(1_000_000, 0)
	l := newLimiter()

	// taken returns how many of n strangers from addr may try at once.
	taken := func(addr netip.Prefix, n int) int {
		ok := 0

		for range n {
			if l.take(addr, now) {
				ok++
			}
		}

		return ok
	}

	for _, step := range []struct {
		what  string
		after time.Duration
		addr  netip.Prefix
		want  int
		trust bool // one of the strangers turns out to be a node, first
	}{
		{what: "the burst", addr: addr, want: 50},
		{what: "another address", addr: other, want: 50},
		{what: "nothing left", addr: addr, want: 0},
		{what: "99 ms later", after: 99 * time.Millisecond, addr: addr, want: 0},
		{what: "100 ms later", after: time.Millisecond, addr: addr, want: 1},
		{what: "a second later", after: time.Second, addr: addr, want: 10},
		{what: "an hour later", after: time.Hour, addr: addr, want: 50},
		{what: "a node came", addr: addr, want: 951, trust: true},
		{what: "a second after", after: time.Second, addr: addr, want: 200},
		{what: "another node came", addr: addr, want: 1, trust: true},
		{what: "nine minutes after", after: 9 * time.Minute, addr: addr, want: 1000},
		{what: "eleven minutes after", after: 2 * time.Minute, addr: addr, want: 50},
	} {
		now = now.Add(step.after)

		if step.trust {
			l.trust(step.addr, now)
		}

		if got := taken(step.addr, 2000); got != step.want {
			t.Errorf("%s: %d strangers may try, want %d", step.what, got, step.want)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newLimiter()
	fill := func(first byte) {
		for i := range 2 * maxAddresses {
			addr := netip.AddrFrom4([4]byte{first, 0, byte(i >> 8), byte(i)})
			l.take(netip.PrefixFrom(addr, 32), now)
		}
	}

	node := netip.MustParsePrefix("192.0.2.1/32")
	l.take(node, now)
	l.trust(node, now)
	fill(10)

	if got := len(l.buckets); got != maxAddresses {
		t.Errorf("%d addresses are remembered, want %d", got, maxAddresses)
	}

	if b := l.buckets[node]; b == nil || !now.Before(b.trusted) {
		t.Errorf("the address of a node was forgotten for those of strangers")
	}

	now = now.Add(time.Minute) // all strangers are as good as new

	l.take(netip.MustParsePrefix("192.0.2.2/32"), now)

	if got := len(l.buckets); got != 2 {
		t.Errorf("%d addresses are remembered after a minute of quiet, want the node and the newest", got)
	}
}

func TestAddressOf(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.3.11":          "10.0.3.11/32",
		"::ffff:10.0.3.11":   "10.0.3.11/32",
		"2001:db8:1:2:3::4":  "2001:db8:1:2::/64",
		"fe80::1":            "fe80::/64",
		"::1":                "::/64",
		"255.255.255.255":    "255.255.255.255/32",
		"2001:db8:1:2::ffff": "2001:db8:1:2::/64",
	} {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(in), 7946))
		if got := addressOf(addr).String(); got != want {
			t.Errorf("addressOf(%s) = %s, want %s", in, got, want)
		}
	}

	zoned := &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}
	if got := addressOf(zoned).String(); got != "fe80::/64" {
		t.Errorf("addressOf(%v) = %s, want fe80::/64", zoned, got)
	}

	if got := addressOf(&net.UnixAddr{Name: "x"}); got.IsValid() {
		t.Errorf("addressOf(a unix address) = %v, want none", got)
	}
}
