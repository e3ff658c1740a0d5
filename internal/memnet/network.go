package memnet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// A Network connects hosts. Make one with [New].
type Network struct {
	mu    sync.Mutex // guards the fields below
	hosts map[netip.Addr]*Host
	cuts  map[direction]bool
	loss  float64
	rng   *rand.Rand
	conns map[*Conn]struct{}
	// changed is closed and replaced when a waiting dial may go on.
	changed chan struct{}
}

// A direction is one way between two hosts.
type direction struct{ from, to netip.Addr }

// New returns an empty network without faults.
func New() *Network {
	return &Network{
		hosts:   map[netip.Addr]*Host{},
		cuts:    map[direction]bool{},
		rng:     rand.New(rand.NewPCG(1, 2)),
		conns:   map[*Conn]struct{}{},
		changed: make(chan struct{}),
	}
}

// Host returns the host with the address ip, such as "10.0.0.1", and makes it
// if it does not exist. It panics if ip is not an IP address.
func (n *Network) Host(ip string) *Host {
	addr := netip.MustParseAddr(ip).Unmap()

	n.mu.Lock()
	defer n.mu.Unlock()

	h, ok := n.hosts[addr]
	if !ok {
		h = &Host{
			net: n, addr: addr, nextPort: firstEphemeral,
			listeners: map[uint16]*Listener{}, packets: map[uint16]*PacketConn{},
		}
		n.hosts[addr] = h
	}

	return h
}

// Cut stops all traffic between a and b, both ways and silently.
func (n *Network) Cut(a, b *Host) {
	n.cutWays(direction{a.addr, b.addr}, direction{b.addr, a.addr})
}

// CutOneWay stops all traffic from one host to another, silently.
func (n *Network) CutOneWay(from, to *Host) {
	n.cutWays(direction{from.addr, to.addr})
}

// Partition cuts every pair of hosts of which exactly one is in side. Hosts
// that are made later are not cut off.
func (n *Network) Partition(side ...*Host) {
	in := map[netip.Addr]bool{}
	for _, h := range side {
		in[h.addr] = true
	}

	n.mu.Lock()

	var ways []direction

	for a := range n.hosts {
		for b := range n.hosts {
			if in[a] != in[b] {
				ways = append(ways, direction{a, b})
			}
		}
	}

	n.mu.Unlock()
	n.cutWays(ways...)
}

// Heal ends what Cut and CutOneWay did between a and b: what is in flight
// arrives, dials that hang go on.
func (n *Network) Heal(a, b *Host) {
	n.healWays(direction{a.addr, b.addr}, direction{b.addr, a.addr})
}

// HealAll ends all cuts.
func (n *Network) HealAll() {
	n.mu.Lock()

	ways := make([]direction, 0, len(n.cuts))
	for way := range n.cuts {
		ways = append(ways, way)
	}

	n.mu.Unlock()
	n.healWays(ways...)
}

// Drop makes each packet vanish with probability p, from 0 to 1. Streams are
// not affected.
func (n *Network) Drop(p float64) {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.loss = p
}

func (n *Network) cutWays(ways ...direction) {
	n.mu.Lock()
	defer n.mu.Unlock()

	for _, way := range ways {
		n.cuts[way] = true
	}

	n.updatePipesLocked()
}

func (n *Network) healWays(ways ...direction) {
	n.mu.Lock()
	defer n.mu.Unlock()

	for _, way := range ways {
		delete(n.cuts, way)
	}

	n.updatePipesLocked()
	n.notifyLocked()
}

// updatePipesLocked tells the connections which ways are cut. A pipe's lock is
// taken under the network's, never the other way round.
func (n *Network) updatePipesLocked() {
	for c := range n.conns {
		c.in.setCut(n.cuts[direction{c.remote.Addr(), c.local.Addr()}])
	}
}

// notifyLocked lets waiting dials look again.
func (n *Network) notifyLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// lost reports whether a packet on its way vanishes.
func (n *Network) lost(way direction) bool {
	n.mu.Lock()
	defer n.mu.Unlock()

	return n.cuts[way] || n.loss > 0 && n.rng.Float64() < n.loss
}

func (n *Network) packetConn(to netip.AddrPort) *PacketConn {
	n.mu.Lock()
	defer n.mu.Unlock()

	h, ok := n.hosts[to.Addr().Unmap()]
	if !ok {
		return nil
	}

	return h.packets[to.Port()]
}

// connect makes a connection if the way is free. While it is cut, it returns
// neither a connection nor an error, but a channel that is closed when it is
// worth to try again.
func (n *Network) connect(from *Host, to netip.AddrPort) (*Conn, <-chan struct{}, error) {
	n.mu.Lock()
	defer n.mu.Unlock()

	target, ok := n.hosts[to.Addr()]

	switch {
	case !ok:
		return nil, nil, syscall.EHOSTUNREACH
	case n.cuts[direction{from.addr, to.Addr()}] || n.cuts[direction{to.Addr(), from.addr}]:
		return nil, n.changed, nil
	}

	listener, ok := target.listeners[to.Port()]
	if !ok {
		return nil, nil, syscall.ECONNREFUSED
	}

	local := netip.AddrPortFrom(from.addr, from.portLocked())
	near, far := newConns(n, local, to)

	select {
	case listener.backlog <- far:
	default:
		return nil, nil, syscall.ECONNREFUSED
	}

	n.conns[near] = struct{}{}
	n.conns[far] = struct{}{}

	return near, nil, nil
}

func (n *Network) forget(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()

	delete(n.conns, c)
}

// parse reads an address of this host: "ip:port", ":port" or "0.0.0.0:port".
func (h *Host) parse(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("memnet: address %q: %w", addr, err)
	}

	if host == "" {
		host = h.addr.String()
	}

	ap, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("memnet: address %q: %w", addr, err)
	}

	ip := ap.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = h.addr
	}

	return netip.AddrPortFrom(ip, ap.Port()), nil
}
