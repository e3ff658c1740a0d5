package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Limits of streams.
const (
	// StreamBuffer is the number of bytes that one direction of a connection
	// holds; a write waits for room.
	StreamBuffer = 64 << 10
	// Backlog is the number of connections that wait to be accepted; more are
	// refused.
	Backlog = 128
)

// A Listener accepts the connections that are dialled to its address. It
// implements [net.Listener].
type Listener struct {
	host    *Host
	addr    netip.AddrPort
	backlog chan *Conn
	done    chan struct{}
	once    sync.Once
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, opError("accept", "tcp", netip.AddrPort{}, l.addr, net.ErrClosed)
	default:
	}

	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.done:
		return nil, opError("accept", "tcp", netip.AddrPort{}, l.addr, net.ErrClosed)
	}
}

// Close stops the listener and resets the connections that were not accepted.
func (l *Listener) Close() error {
	if !l.shut() {
		return opError("close", "tcp", netip.AddrPort{}, l.addr, net.ErrClosed)
	}

	return nil
}

// shut reports whether it was the first to close.
func (l *Listener) shut() (first bool) {
	l.once.Do(func() {
		first = true

		l.host.net.mu.Lock()

		if l.host.listeners[l.addr.Port()] == l {
			delete(l.host.listeners, l.addr.Port())
		}

		l.host.net.mu.Unlock()
		close(l.done) // from here on, connect finds no listener, so the backlog only shrinks

		for {
			select {
			case c := <-l.backlog:
				c.abort()
			default:
				return
			}
		}
	})

	return first
}

// Addr returns the address of the listener, a *[net.TCPAddr].
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// A Conn is one end of a connection. It implements [net.Conn].
type Conn struct {
	net           *Network
	local, remote netip.AddrPort
	in, out       *pipe
}

// newConns returns the dialling and the accepting end of a connection.
func newConns(n *Network, dialer, listener netip.AddrPort) (near, far *Conn) {
	there, back := newPipe(), newPipe()

	near = &Conn{net: n, local: dialer, remote: listener, in: back, out: there}
	far = &Conn{net: n, local: listener, remote: dialer, in: there, out: back}

	return near, far
}

// Read reads what arrived, and waits if nothing did.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = opError("read", "tcp", c.local, c.remote, err)
	}

	return n, err
}

// Write writes all of b, and waits for room.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	if err != nil {
		err = opError("write", "tcp", c.local, c.remote, err)
	}

	return n, err
}

// Close ends both directions: the peer reads what is in flight and then EOF.
func (c *Conn) Close() error {
	c.net.forget(c)

	first := c.in.closeReader()
	c.out.closeWriter(nil)

	if !first {
		return opError("close", "tcp", c.local, c.remote, net.ErrClosed)
	}

	return nil
}

// abort ends both directions: the peer loses what is in flight and reads a
// reset.
func (c *Conn) abort() {
	c.net.forget(c)
	c.in.closeReader()
	c.out.closeWriter(syscall.ECONNRESET)
}

// LocalAddr returns the address of this end, a *[net.TCPAddr].
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr returns the address of the other end, a *[net.TCPAddr].
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline ends the waits of Read and Write at t.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline ends the wait of Read at t.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if !c.in.setReadDeadline(t) {
		return opError("set", "tcp", c.local, c.remote, net.ErrClosed)
	}

	return nil
}

// SetWriteDeadline ends the wait of Write at t.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if !c.out.setWriteDeadline(t) {
		return opError("set", "tcp", c.local, c.remote, net.ErrClosed)
	}

	return nil
}
