package consensus

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

var errCut = errors.New("raft is stopping")

// A link is raft's view of the network: peers are addressed by their ids. It
// counts its connections, because raft does not wait for those that it has
// accepted.
type link struct {
	self     raft.ServerAddress
	listener net.Listener
	dial     func(id segue.NodeID, timeout time.Duration) (net.Conn, error)

	stopped chan struct{} // closed by cut
	closed  chan struct{} // closed by Close
	idle    chan struct{} // closed after cut, when raft has let go of all connections

	mu       sync.Mutex // guards the fields below
	conns    map[*conn]struct{}
	accepted int
}

var _ raft.StreamLayer = (*link)(nil)

func newLink(self segue.NodeID, listener net.Listener,
	dial func(id segue.NodeID, timeout time.Duration) (net.Conn, error),
) *link {
	return &link{
		self: address(self), listener: listener, dial: dial,
		stopped: make(chan struct{}), closed: make(chan struct{}), idle: make(chan struct{}),
		conns: map[*conn]struct{}{},
	}
}

// Dial is called by raft.
func (l *link) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	id, err := segue.ParseNodeID(string(to))
	if err != nil {
		return nil, err
	}

	raw, err := l.dial(id, timeout)
	if err != nil {
		return nil, fmt.Errorf("connect to node %s: %w", id, err)
	}

	return l.add(&conn{Conn: raw, link: l})
}

// Accept is called by raft, in a loop that ends after Close.
func (l *link) Accept() (net.Conn, error) {
	for {
		raw, err := l.listener.Accept()
		if err == nil {
			if c, err := l.add(&conn{Conn: raw, link: l, inbound: true}); err == nil {
				return c, nil
			}

			continue
		}

		select {
		case <-l.stopped:
			<-l.closed // raft would try again and again until then

			return nil, net.ErrClosed
		default:
			return nil, err //nolint:wrapcheck // raft describes it
		}
	}
}

// Close is called by raft when it stops.
func (l *link) Close() error {
	l.cut()
	close(l.closed) // raft calls it once

	return nil
}

// Addr is called by raft to learn its own address.
func (l *link) Addr() net.Addr { return peerAddr(l.self) }

// cut ends the node's contact to its peers for good.
func (l *link) cut() {
	l.mu.Lock()

	select {
	case <-l.stopped:
		l.mu.Unlock()

		return
	default:
		close(l.stopped)
	}

	open := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}

	if len(open) == 0 {
		close(l.idle)
	}
	l.mu.Unlock()

	_ = l.listener.Close() //nolint:errcheck // nobody can act on it any more

	for _, c := range open {
		_ = c.Conn.Close() //nolint:errcheck // raft still holds it and closes it too
	}
}

func (l *link) add(c *conn) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	select {
	case <-l.stopped:
		return nil, errors.Join(errCut, c.Conn.Close())
	default:
	}

	if c.inbound {
		if l.accepted == maxAccepted {
			return nil, errors.Join(fmt.Errorf("%d connections are open already", maxAccepted), c.Conn.Close())
		}

		l.accepted++
	}

	l.conns[c] = struct{}{}

	return c, nil
}

func (l *link) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if _, ok := l.conns[c]; !ok {
		return
	}

	delete(l.conns, c)

	if c.inbound {
		l.accepted--
	}

	select {
	case <-l.stopped:
		if len(l.conns) == 0 {
			close(l.idle)
		}
	default:
	}
}

// A conn is a connection that raft holds.
type conn struct {
	net.Conn

	link    *link
	inbound bool
}

// Write bounds the answers to peers; raft bounds its own requests.
func (c *conn) Write(b []byte) (int, error) {
	if c.inbound {
		if err := c.SetWriteDeadline(time.Now().Add(ioTimeout)); err != nil {
			return 0, err //nolint:wrapcheck // of the connection
		}
	}

	return c.Conn.Write(b) //nolint:wrapcheck // of the connection
}

// Close is called by raft when it does not use the connection any more.
func (c *conn) Close() error {
	c.link.remove(c)

	return c.Conn.Close() //nolint:wrapcheck // of the connection
}

// peerAddr is a node id in the form of an address.
type peerAddr raft.ServerAddress

// Network returns "segue".
func (peerAddr) Network() string { return "segue" }

// String returns the node id.
func (a peerAddr) String() string { return string(a) }
