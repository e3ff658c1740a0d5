package memnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Limits of a packet socket.
const (
	// PacketQueue is the number of packets that wait to be read; more are dropped.
	PacketQueue = 256
	// MaxPacket is the size of the largest packet, in bytes.
	MaxPacket = 65507
)

// A PacketConn is a packet socket of a [Host]. It implements [net.PacketConn].
type PacketConn struct {
	host  *Host
	local netip.AddrPort

	mu     sync.Mutex // guards the fields below
	wake   sync.Cond  // on mu
	queue  []packet
	read   deadline
	closed bool
}

type packet struct {
	from netip.AddrPort
	data []byte
}

func newPacketConn(h *Host, local netip.AddrPort) *PacketConn {
	p := &PacketConn{host: h, local: local}
	p.wake.L = &p.mu
	p.read.wake = &p.wake

	return p
}

// ReadFrom waits for a packet. What does not fit into b is lost.
func (p *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for {
		switch {
		case p.closed:
			return 0, nil, opError("read", "udp", p.local, netip.AddrPort{}, net.ErrClosed)
		case p.read.expired:
			return 0, nil, opError("read", "udp", p.local, netip.AddrPort{}, os.ErrDeadlineExceeded)
		case len(p.queue) > 0:
			pk := p.queue[0]
			p.queue = p.queue[1:]

			return copy(b, pk.data), net.UDPAddrFromAddrPort(pk.from), nil
		}

		p.wake.Wait()
	}
}

// WriteTo sends b to addr. It never waits; like a real one, it does not tell
// whether the packet arrives.
func (p *PacketConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	to, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return 0, opError("write", "udp", p.local, netip.AddrPort{}, errors.New("not an IP address: "+addr.String()))
	}

	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()

	switch {
	case closed:
		return 0, opError("write", "udp", p.local, to, net.ErrClosed)
	case len(b) > MaxPacket:
		return 0, opError("write", "udp", p.local, to, syscall.EMSGSIZE)
	}

	if !p.host.net.lost(direction{p.local.Addr(), to.Addr().Unmap()}) {
		if peer := p.host.net.packetConn(to); peer != nil {
			peer.deliver(packet{from: p.local, data: append([]byte(nil), b...)})
		}
	}

	return len(b), nil
}

func (p *PacketConn) deliver(pk packet) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if !p.closed && len(p.queue) < PacketQueue {
		p.queue = append(p.queue, pk)
		p.wake.Signal()
	}
}

// Close releases the port; a ReadFrom that waits returns [net.ErrClosed].
func (p *PacketConn) Close() error {
	if !p.shut() {
		return opError("close", "udp", p.local, netip.AddrPort{}, net.ErrClosed)
	}

	return nil
}

// shut reports whether it was the first to close.
func (p *PacketConn) shut() bool {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.queue = nil
	p.read.setLocked(time.Time{})
	p.wake.Broadcast()
	p.mu.Unlock()

	p.host.net.mu.Lock()
	defer p.host.net.mu.Unlock()

	if p.host.packets[p.local.Port()] == p {
		delete(p.host.packets, p.local.Port())
	}

	return first
}

// LocalAddr returns the address of the socket, a *[net.UDPAddr].
func (p *PacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

// SetDeadline is SetReadDeadline: a write never waits.
func (p *PacketConn) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline ends the wait of ReadFrom at t.
func (p *PacketConn) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.closed {
		return opError("set", "udp", p.local, netip.AddrPort{}, net.ErrClosed)
	}

	p.read.setLocked(t)

	return nil
}

// SetWriteDeadline does nothing: a write never waits.
func (p *PacketConn) SetWriteDeadline(time.Time) error { return nil }
