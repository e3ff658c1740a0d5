package transport

import (
	"fmt"
	"net"
	"sync"

	"github.com/segue-cluster/segue"
)

// listener is the view of one protocol as a net.Listener.
type listener struct {
	addr   net.Addr
	places chan struct{} // one element per connection that was not accepted yet
	queue  chan *Conn    // has room for each who has a place
	once   sync.Once
	closed chan struct{}
}

func newListener(addr net.Addr, backlog int) *listener {
	return &listener{
		addr:   addr,
		places: make(chan struct{}, backlog),
		queue:  make(chan *Conn, backlog),
		closed: make(chan struct{}),
	}
}

// Accept returns the next established connection, always a *[Conn]. After Close
// its error is net.ErrClosed.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, l.closedError()
	default:
	}

	select {
	case c := <-l.queue:
		<-l.places

		return c, nil
	case <-l.closed:
		return nil, l.closedError()
	}
}

// Close ends the listener and the connections that nobody accepted. Those to
// come are refused.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	l.drain()

	return nil
}

// Addr returns the address of the port.
func (l *listener) Addr() net.Addr { return l.addr }

// reserve takes a place in the queue.
func (l *listener) reserve() error {
	select {
	case <-l.closed:
		return fmt.Errorf("%w: it does not serve the protocol any more", segue.ErrStopping)
	default:
	}

	select {
	case l.places <- struct{}{}:
		return nil
	default:
		return fmt.Errorf("%w: %d connections of the protocol wait", segue.ErrRetry, cap(l.places))
	}
}

func (l *listener) cancel() { <-l.places }

// push hands over a connection whose place was reserved.
func (l *listener) push(c *Conn) {
	l.queue <- c

	select {
	case <-l.closed: // perhaps after Close emptied the queue
		l.drain()
	default:
	}
}

func (l *listener) drain() {
	for {
		select {
		case c := <-l.queue:
			c.abort()
			<-l.places
		default:
			return
		}
	}
}

func (l *listener) closedError() error {
	return &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
}
