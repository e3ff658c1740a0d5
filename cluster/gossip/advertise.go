package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// lookupTimeout limits one look-up of a name.
const lookupTimeout = 3 * time.Second

// anywhere is an address of RFC 5737 that no machine has: the route to it is
// the default route. No packet is sent there.
func anywhere() netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 9) }

// advertised finds the address under which others reach this node.
func (g *Gossip) advertised(ctx context.Context) (netip.AddrPort, error) {
	bound := g.sockets.addr

	if g.cfg.Advertise != "" {
		host, port, err := splitAdvertise(g.cfg.Advertise)
		if err != nil {
			return netip.AddrPort{}, err // Validate refused it
		}

		if port == 0 {
			port = bound.Port()
		}

		addrs, err := g.lookup(ctx, host, port)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("advertised address: %w", err)
		}

		i := max(0, slices.IndexFunc(addrs, func(a netip.AddrPort) bool { return reachable(bound, a.Addr()) }))
		if addrs[i].Addr().IsUnspecified() {
			return netip.AddrPort{}, fmt.Errorf("advertised address %q: nobody can reach the wildcard address", g.cfg.Advertise)
		}

		return addrs[i], nil
	}

	if !bound.Addr().IsUnspecified() {
		return bound, nil
	}

	limited, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()

	seeds, _ := g.resolveAll(limited) // a name may appear later
	for _, to := range append(seeds, anywhere()) {
		if ip, err := sourceOf(ctx, to.String()); err == nil && reachable(bound, ip) {
			return netip.AddrPortFrom(ip, bound.Port()), nil
		}
	}

	ip, err := ownAddr()
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s is the wildcard address and this machine has no route: %w: set the address to advertise", g.cfg.Bind, err)
	}

	return netip.AddrPortFrom(ip, bound.Port()), nil
}

// reachable reports whether a socket bound to an address can serve ip: one of
// IPv6 serves both families.
func reachable(bound netip.AddrPort, ip netip.Addr) bool { return bound.Addr().Is6() || ip.Is4() }

// sourceOf returns the address of this machine from which to is reached. It
// connects a UDP socket, which sends nothing.
func sourceOf(ctx context.Context, to string) (netip.Addr, error) {
	var d net.Dialer

	conn, err := d.DialContext(ctx, "udp", to)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("route to %s: %w", to, err)
	}

	local, err := netip.ParseAddrPort(conn.LocalAddr().String())

	return local.Addr().Unmap().WithZone(""), errors.Join(err, conn.Close())
}

// ownAddr returns an address of this machine: a private one, or else a global
// one, or else loopback.
func ownAddr() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list the machine's addresses: %w", err)
	}

	var best netip.Addr

	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}

		if ip := prefix.Addr().Unmap(); !best.IsValid() || rank(ip) > rank(best) {
			best = ip
		}
	}

	if !best.IsValid() {
		return netip.Addr{}, errors.New("the machine has no address")
	}

	return best, nil
}

func rank(ip netip.Addr) int {
	switch {
	case ip.IsLoopback():
		return 0
	case !ip.IsPrivate():
		return 1
	case ip.Is6():
		return 2
	}

	return 3
}

// resolve returns the addresses that "host:port" stands for, at least one.
func (g *Gossip) resolve(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	host, port, err := splitHostPort(addr)
	if err != nil {
		return nil, err
	}

	return g.lookup(ctx, host, port)
}

func (g *Gossip) lookup(ctx context.Context, host string, port uint16) ([]netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip.Unmap().WithZone(""), port)}, nil
	}

	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()

	ips, err := g.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}

	if len(ips) == 0 {
		return nil, fmt.Errorf("look up %s: it has no address", host)
	}

	addrs := make([]netip.AddrPort, 0, len(ips))
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap().WithZone(""), port))
	}

	return addrs, nil
}
