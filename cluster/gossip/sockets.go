package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// A Network opens the sockets of a node. The nil Network of a [Config] is the
// operating system; tests pass one in memory. The address of a listener or
// packet socket is "ip:port", and its Addr prints as such.
type Network interface {
	// Listen opens a stream listener.
	Listen(addr string) (net.Listener, error)
	// ListenPacket opens a packet socket.
	ListenPacket(addr string) (net.PacketConn, error)
	// Dial connects to a listener before ctx ends.
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// system is the Network of the operating system.
type system struct{}

// Listen opens a TCP listener.
func (system) Listen(addr string) (net.Listener, error) {
	network := "tcp" + family(addr)

	a, err := net.ResolveTCPAddr(network, addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // listen wraps it
	}

	return net.ListenTCP(network, a) //nolint:wrapcheck // listen wraps it
}

// ListenPacket opens a UDP socket.
func (system) ListenPacket(addr string) (net.PacketConn, error) {
	network := "udp" + family(addr)

	a, err := net.ResolveUDPAddr(network, addr)
	if err != nil {
		return nil, err //nolint:wrapcheck // listen wraps it
	}

	return net.ListenUDP(network, a) //nolint:wrapcheck // listen wraps it
}

// Dial opens a TCP connection.
func (system) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer

	return d.DialContext(ctx, "tcp", addr) //nolint:wrapcheck // memberlist inspects *net.OpError
}

// family returns "4" for an address of IPv4: 0.0.0.0 means IPv4 alone, while
// package net would take both families.
func family(addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil && ap.Addr().Is4() {
		return "4"
	}

	return ""
}

// receiveBuffer is what the packet socket's kernel buffer should hold, in
// bytes. A kernel that allows less gives less.
const receiveBuffer = 2 << 20

// bindTries limits the search for a port that is free for streams and packets.
const bindTries = 10

// sockets are the two sockets of a node, on the same port.
type sockets struct {
	streams net.Listener
	packets net.PacketConn
	addr    netip.AddrPort
}

// listen opens both sockets on addr. Port 0 takes one that is free for both.
func listen(network Network, addr string) (*sockets, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("bind address %q: %w", addr, err)
	}

	for try := 1; ; try++ {
		s, err := listenOnce(network, host, port)

		switch {
		case err == nil:
			return s, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, err
		case port != "0":
			return nil, fmt.Errorf("%w: another process has this port, stop it or bind another one", err)
		case try == bindTries:
			return nil, fmt.Errorf("found no port that is free for TCP and UDP in %d tries: %w", bindTries, err)
		}
	}
}

func listenOnce(network Network, host, port string) (*sockets, error) {
	addr := net.JoinHostPort(host, port)

	streams, err := network.Listen(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s, TCP: %w", addr, err)
	}

	bound, err := netip.ParseAddrPort(streams.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s, TCP: %w", addr, err), streams.Close())
	}

	addr = net.JoinHostPort(host, strconv.Itoa(int(bound.Port())))

	packets, err := network.ListenPacket(addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s, UDP: %w", addr, err), streams.Close())
	}

	enlarge(packets)

	return &sockets{
		streams: streams, packets: packets,
		addr: netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port()),
	}, nil
}

// enlarge asks for a receive buffer that outlasts a pause of the process.
func enlarge(packets net.PacketConn) {
	buffered, ok := packets.(interface{ SetReadBuffer(bytes int) error })
	if !ok {
		return
	}

	for size := receiveBuffer; size > 0; size /= 2 {
		if buffered.SetReadBuffer(size) == nil {
			return
		}
	}
}

// close releases the port. It may be called twice.
func (s *sockets) close() error {
	err := errors.Join(s.streams.Close(), s.packets.Close())
	if errors.Is(err, net.ErrClosed) {
		return nil
	}

	return err
}
