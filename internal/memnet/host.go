package memnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// firstEphemeral is the first port that is given to a socket without one.
const firstEphemeral = 32768

// A Host is one machine of a [Network]. It takes the place of the operating
// system's sockets in the code under test.
type Host struct {
	net  *Network
	addr netip.Addr

	// The network's lock guards the fields below.
	nextPort  uint16
	listeners map[uint16]*Listener
	packets   map[uint16]*PacketConn
}

// IP returns the address of the host.
func (h *Host) IP() string { return h.addr.String() }

// portLocked returns a port that neither a listener nor a packet socket has.
func (h *Host) portLocked() uint16 {
	for {
		port := h.nextPort
		if h.nextPort++; h.nextPort == 0 {
			h.nextPort = firstEphemeral
		}

		_, listens := h.listeners[port]
		if _, packets := h.packets[port]; !listens && !packets {
			return port
		}
	}
}

// Listen opens a stream listener on addr ("ip:port" or ":port"). Port 0 takes a
// free one.
func (h *Host) Listen(addr string) (net.Listener, error) {
	ap, err := h.parse(addr)
	if err != nil {
		return nil, err
	}

	h.net.mu.Lock()
	defer h.net.mu.Unlock()

	port, err := h.bindLocked(ap, func(port uint16) bool { return h.listeners[port] != nil })
	if err != nil {
		return nil, opError("listen", "tcp", netip.AddrPort{}, ap, err)
	}

	l := &Listener{
		host: h, addr: netip.AddrPortFrom(h.addr, port),
		backlog: make(chan *Conn, Backlog), done: make(chan struct{}),
	}
	h.listeners[port] = l
	h.net.notifyLocked()

	return l, nil
}

// ListenPacket opens a packet socket on addr ("ip:port" or ":port"). Port 0
// takes a free one.
func (h *Host) ListenPacket(addr string) (net.PacketConn, error) {
	ap, err := h.parse(addr)
	if err != nil {
		return nil, err
	}

	h.net.mu.Lock()
	defer h.net.mu.Unlock()

	port, err := h.bindLocked(ap, func(port uint16) bool { return h.packets[port] != nil })
	if err != nil {
		return nil, opError("listen", "udp", netip.AddrPort{}, ap, err)
	}

	p := newPacketConn(h, netip.AddrPortFrom(h.addr, port))
	h.packets[port] = p

	return p, nil
}

func (h *Host) bindLocked(ap netip.AddrPort, used func(port uint16) bool) (uint16, error) {
	switch {
	case ap.Addr() != h.addr:
		return 0, syscall.EADDRNOTAVAIL
	case ap.Port() == 0:
		return h.portLocked(), nil
	case used(ap.Port()):
		return 0, syscall.EADDRINUSE
	}

	return ap.Port(), nil
}

// Dial connects to a listener at addr ("ip:port"). It hangs while the network
// is cut, until ctx ends.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	to, err := h.parse(addr)
	if err != nil {
		return nil, err
	}

	for {
		conn, changed, err := h.net.connect(h, to)

		switch {
		case err != nil:
			return nil, opError("dial", "tcp", netip.AddrPort{}, to, err)
		case conn != nil:
			return conn, nil
		}

		select {
		case <-changed:
		case <-ctx.Done():
			err := ctx.Err()
			if errors.Is(err, context.DeadlineExceeded) {
				err = os.ErrDeadlineExceeded
			}

			return nil, opError("dial", "tcp", netip.AddrPort{}, to, err)
		}
	}
}

// Crash closes every socket of the host, as a kernel does when the process that
// owns them dies: peers read a reset, dials are refused. The host can be used
// again at once.
func (h *Host) Crash() {
	h.net.mu.Lock()

	var closers []func()

	for _, l := range h.listeners {
		closers = append(closers, func() { l.shut() })
	}

	for _, p := range h.packets {
		closers = append(closers, func() { p.shut() })
	}

	for c := range h.net.conns {
		if c.local.Addr() == h.addr {
			closers = append(closers, c.abort)
		}
	}

	h.net.mu.Unlock()

	for _, closer := range closers {
		closer()
	}
}

// opError builds the error that package net would return.
func opError(op, network string, source, addr netip.AddrPort, err error) error {
	e := &net.OpError{Op: op, Net: network, Err: err}
	if source.IsValid() {
		e.Source = netAddr(network, source)
	}

	if addr.IsValid() {
		e.Addr = netAddr(network, addr)
	}

	return e
}

func netAddr(network string, ap netip.AddrPort) net.Addr {
	if network == "udp" {
		return net.UDPAddrFromAddrPort(ap)
	}

	return net.TCPAddrFromAddrPort(ap)
}
