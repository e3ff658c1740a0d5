package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// idSize is the size of the request id that payloads begin with, in bytes.
const idSize = 8

// A Conn is one end of a connection. Its methods may be called from several
// goroutines.
type Conn struct {
	nc  net.Conn
	cfg Config

	done    chan struct{} // closed when no more requests can be made
	stopped chan struct{} // closed when Run is told to stop
	wake    chan struct{} // capacity 1: there is something to write
	room    chan struct{} // capacity 1: the reader may go on
	calls   sync.Pool     // of *call

	mu       sync.Mutex // guards the fields below
	err      error      // why the connection ended; done is closed then
	stopping bool       // stopped is closed
	pending  map[uint64]*call
	last     uint64 // id of the last request
	out      queue
	space    chan struct{} // closed when out was taken; nil if nobody waits
	serving  int           // requests of the peer without a reply
	held     bool          // the reader waits for room
}

// A call is a request that waits for its reply.
type call struct {
	id uint64
	// result has room for the one result, which whoever removes the call from
	// Conn.pending sends.
	result chan result
	// queued: the frame is in Conn.out, at place of its asks, and nothing of it
	// was written.
	queued bool
	place  int
}

type result struct {
	typ  wire.FrameType
	body []byte
	err  error
}

// NewConn returns one end of the connection c. It starts nothing: c is used
// once [Conn.Run] is called, which also closes it.
func NewConn(c net.Conn, cfg Config) (*Conn, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}

	return &Conn{
		nc: c, cfg: cfg.withDefaults(), done: make(chan struct{}), stopped: make(chan struct{}),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), pending: make(map[uint64]*call),
	}, nil
}

// Done is closed when the connection has ended, or has begun to end: no more
// requests can be made.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Do sends a request, of type CALL or REQUEST, and waits for its reply. The
// body is copied before Do waits for the reply; the reply belongs to the
// caller.
//
// The outcome is known if Do returns a reply, or an error that the peer gave
// instead of one. Otherwise the error matches [segue.ErrRetry] if the request
// was certainly not sent, and [segue.ErrOutcomeUnknown] if it may have been,
// whether ctx ended or the connection did; it also matches the cause of ctx. A
// request that can never be sent is [segue.ErrBadRequest] or
// [segue.ErrTooLarge].
func (c *Conn) Do(ctx context.Context, t wire.FrameType, body []byte) (rt wire.FrameType, reply []byte, err error) {
	if err := checkRequest(t, body); err != nil {
		return 0, nil, err
	}

	k, ok := c.calls.Get().(*call)
	if !ok {
		k = &call{result: make(chan result, 1)}
	}

	if err := c.send(ctx, t, body, k); err != nil {
		c.calls.Put(k)

		return 0, nil, notSent(err)
	}

	var r result

	select {
	case r = <-k.result:
	case <-ctx.Done():
		if r, ok = c.abandon(ctx, k); !ok {
			return 0, nil, r.err // the queue still refers to k
		}
	}

	c.calls.Put(k)

	return r.typ, r.body, r.err
}

// Send sends a request, of type CALL or REQUEST, that asks for no reply. It
// returns once the request is queued; whether it arrives is not known. The
// errors are those of [Conn.Do].
func (c *Conn) Send(ctx context.Context, t wire.FrameType, body []byte) error {
	if err := checkRequest(t, body); err != nil {
		return err
	}

	if err := c.send(ctx, t, body, nil); err != nil {
		return notSent(err)
	}

	return nil
}

func checkRequest(t wire.FrameType, body []byte) error {
	switch {
	case !isRequest(t):
		return fmt.Errorf("%v is not a type of requests: %w", t, segue.ErrBadRequest)
	case idSize+len(body) > t.MaxPayload():
		return fmt.Errorf("the body of a %v has %d bytes, at most %d are allowed: %w",
			t, len(body), t.MaxPayload()-idSize, segue.ErrTooLarge)
	}

	return nil
}

func isRequest(t wire.FrameType) bool { return t == wire.Call || t == wire.Request }

func isReply(t wire.FrameType) bool {
	return t == wire.Reply || t == wire.Redirect || t == wire.Answer
}

func notSent(cause error) error { return fmt.Errorf("%w, nothing was sent: %w", segue.ErrRetry, cause) }

func maybeSent(cause error) error {
	return fmt.Errorf("%w, the request may have been sent: %w", segue.ErrOutcomeUnknown, cause)
}

// send queues a request, and registers k for its reply unless k is nil. An
// error means that nothing was queued.
func (c *Conn) send(ctx context.Context, t wire.FrameType, body []byte, k *call) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	size := wire.FrameSize(t, idSize+len(body))

	for {
		c.mu.Lock()

		if err := c.closed(); err != nil {
			c.mu.Unlock()

			return err
		}

		if c.out.size() == 0 || c.out.size()+size <= c.cfg.MaxQueued {
			break
		}

		if c.space == nil {
			c.space = make(chan struct{})
		}

		space := c.space
		c.mu.Unlock()

		select {
		case <-space:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.done:
		}
	}

	defer c.mu.Unlock()

	var id uint64

	if k != nil {
		c.last++
		id = c.last
		k.id, k.queued = id, true
		c.pending[id] = k
	}

	c.push(t, id, body, k)

	return nil
}

// closed returns why no requests can be made, or nil. The caller holds c.mu.
func (c *Conn) closed() error {
	switch {
	case c.err != nil:
		return c.err
	case c.stopping:
		return errStopped
	}

	return nil
}

// ErrUnread is why a connection ended whose peer does not read its replies:
// more than Config.MaxReplies bytes were waiting.
var ErrUnread = errors.New("the peer does not read its replies")

var (
	errStopped = errors.New("the connection was stopped")
	errPeer    = errors.New("the peer closed the connection")
)

// push queues a frame that is within its limit. The caller holds c.mu.
func (c *Conn) push(t wire.FrameType, id uint64, body []byte, k *call) {
	var prefix [idSize]byte

	binary.BigEndian.PutUint64(prefix[:], id)
	c.out.push(t, prefix[:], body, k)
	signal(c.wake)
}

// abandon gives up a request whose ctx has ended. It returns false if k may not
// be used again.
func (c *Conn) abandon(ctx context.Context, k *call) (result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if c.pending[k.id] != k {
		return <-k.result, true // already there
	}

	delete(c.pending, k.id)

	if k.queued {
		c.out.drop(k)

		return result{err: notSent(context.Cause(ctx))}, false
	}

	return result{err: maybeSent(context.Cause(ctx))}, true
}

// complete gives the request id its result. Requests that were given up are
// passed over.
func (c *Conn) complete(id uint64, t wire.FrameType, body []byte, err error) {
	c.mu.Lock()

	k, ok := c.pending[id]
	if ok = ok && !k.queued; ok { // a reply to what was not sent is none
		delete(c.pending, id)
	}

	c.mu.Unlock()

	if !ok {
		return
	}

	r := result{typ: t, err: err}
	if err == nil {
		r.body = append(make([]byte, 0, len(body)), body...)
	}

	k.result <- r
}

// fail ends the connection for all who use it. The first cause counts; what
// goes wrong after Run was told to stop does not.
func (c *Conn) fail(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if c.err != nil {
		return
	}

	if c.stopping {
		cause = errStopped
	}

	c.err = cause
	close(c.done)

	for id, k := range c.pending {
		delete(c.pending, id)

		if k.queued {
			k.result <- result{err: notSent(cause)}
		} else {
			k.result <- result{err: maybeSent(cause)}
		}
	}

	c.out = queue{}
}

// signal wakes the one goroutine that waits on a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
