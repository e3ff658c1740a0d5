package consensus_test

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/segue-cluster/segue"
)

// A network connects nodes by pipes in memory. A link that is cut breaks its
// connections and admits no new ones.
type network struct {
	mu        sync.Mutex // guards the fields below
	listeners map[segue.NodeID]*pipeListener
	cut       map[[2]segue.NodeID]bool
	pipes     map[[2]segue.NodeID][]net.Conn
}

func newNetwork() *network {
	return &network{
		listeners: map[segue.NodeID]*pipeListener{},
		cut:       map[[2]segue.NodeID]bool{},
		pipes:     map[[2]segue.NodeID][]net.Conn{},
	}
}

func between(a, b segue.NodeID) [2]segue.NodeID {
	if a.String() > b.String() {
		a, b = b, a
	}

	return [2]segue.NodeID{a, b}
}

// listen makes the node reachable.
func (n *network) listen(id segue.NodeID) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()

	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[id] = l

	return l
}

// dialer returns what the node connects to others with.
func (n *network) dialer(from segue.NodeID) func(ctx context.Context, to segue.NodeID) (net.Conn, error) {
	return func(ctx context.Context, to segue.NodeID) (net.Conn, error) {
		n.mu.Lock()
		l, ok := n.listeners[to]
		cut := n.cut[between(from, to)]
		n.mu.Unlock()

		if !ok || cut {
			return nil, errors.New("no route")
		}

		near, far := net.Pipe()

		select {
		case l.conns <- far:
		case <-l.closed:
			return nil, errors.Join(errors.New("refused"), near.Close(), far.Close())
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), near.Close(), far.Close())
		}

		n.mu.Lock()
		defer n.mu.Unlock()

		if n.cut[between(from, to)] { // meanwhile
			return nil, errors.Join(errors.New("no route"), near.Close(), far.Close())
		}

		n.pipes[between(from, to)] = append(n.pipes[between(from, to)], near, far)

		return near, nil
	}
}

// isolate cuts the node off from all others.
func (n *network) isolate(id segue.NodeID) { n.set(id, true) }

// heal undoes isolate.
func (n *network) heal(id segue.NodeID) { n.set(id, false) }

func (n *network) set(id segue.NodeID, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()

	for other := range n.listeners {
		pair := between(id, other)
		n.cut[pair] = cut

		for _, c := range n.pipes[pair] {
			c.Close()
		}

		delete(n.pipes, pair)
	}
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })

	return nil
}

func (*pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// tcpDialer connects to the nodes of a map that does not change any more.
func tcpDialer(addrs map[segue.NodeID]string) func(ctx context.Context, to segue.NodeID) (net.Conn, error) {
	return func(ctx context.Context, to segue.NodeID) (net.Conn, error) {
		var d net.Dialer

		return d.DialContext(ctx, "tcp", addrs[to])
	}
}
