package transport

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	failuresPerSecond = 10
	failureBurst      = 50

	trustedFactor = 20               // more for an address from which a node came
	trustedFor    = 10 * time.Minute // since the last one

	maxAddresses = 4096 // that are remembered
	lookedAt     = 16   // of them to find one to forget
)

// A limiter bounds how often strangers from one address may fail: a token
// bucket for each. A connection takes a token when it is accepted and returns it
// when it turns out to be a node's.
type limiter struct {
	mu      sync.Mutex // guards the fields below
	buckets map[netip.Prefix]*bucket
}

type bucket struct {
	tokens  float64
	filled  time.Time // when tokens was right
	trusted time.Time // until when
}

func newLimiter() *limiter { return &limiter{buckets: make(map[netip.Prefix]*bucket)} }

// take reports whether one more stranger from addr may try.
func (l *limiter) take(addr netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	b := l.buckets[addr]
	if b == nil {
		l.forget(now)

		b = &bucket{tokens: failureBurst, filled: now}
		l.buckets[addr] = b
	}

	b.fill(now)

	if b.tokens < 1 {
		return false
	}

	b.tokens--

	return true
}

// trust returns the token of a stranger from addr who turned out to be a node.
func (l *limiter) trust(addr netip.Prefix, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()

	b := l.buckets[addr]
	if b == nil {
		b = &bucket{tokens: failureBurst, filled: now}
		l.buckets[addr] = b
	}

	b.fill(now)

	if !now.Before(b.trusted) {
		b.tokens += failureBurst * (trustedFactor - 1) // the rest of the larger bucket
	}

	b.trusted = now.Add(trustedFor)
	b.tokens = min(b.tokens+1, b.size(now))
}

// forget makes room for one more address. It looks at a few of them, which the
// order of a map makes different each time, and drops those that are as good as
// new; or else one, rather not of a node.
func (l *limiter) forget(now time.Time) {
	if len(l.buckets) < maxAddresses {
		return
	}

	var victim netip.Prefix

	seen, found := 0, false

	for addr, b := range l.buckets {
		b.fill(now)

		stranger := !now.Before(b.trusted)
		if stranger && b.tokens >= failureBurst {
			delete(l.buckets, addr)

			continue
		}

		if !found || stranger {
			victim, found = addr, true
		}

		if seen++; seen == lookedAt {
			break
		}
	}

	if len(l.buckets) >= maxAddresses {
		delete(l.buckets, victim)
	}
}

func (b *bucket) fill(now time.Time) {
	size := b.size(now)
	b.tokens = min(b.tokens+now.Sub(b.filled).Seconds()*failuresPerSecond*size/failureBurst, size)
	b.filled = now
}

func (b *bucket) size(now time.Time) float64 {
	if now.Before(b.trusted) {
		return failureBurst * trustedFactor
	}

	return failureBurst
}

// addressOf returns what the limiter counts: an IPv4 address, or the /64 of an
// IPv6 address, which one subscriber has to himself.
func addressOf(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}

	ip := tcp.AddrPort().Addr().Unmap().WithZone("")

	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}

	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}

	return p
}
