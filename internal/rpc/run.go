package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// Run reads and writes the connection until ctx ends, the peer closes it or it
// fails, then closes it, and returns after the last goroutine has ended. When
// ctx ends, no more is read, and what is queued is still written, for at most
// Config.FlushTimeout.
//
// It returns nil if ctx ended or the peer closed the connection between two
// frames. Run is called once.
func (c *Conn) Run(ctx context.Context) error {
	serve, cancel := context.WithCancelCause(context.WithoutCancel(ctx))

	var wg sync.WaitGroup

	wg.Go(c.write)
	wg.Go(func() { c.watch(ctx) })

	err := c.read(serve)

	select {
	case <-c.stopped: // the error is of our own making
		<-c.done // the rest is written, or could not be
	default:
		c.fail(err)
	}

	err = c.cause()
	cancel(err)
	wg.Wait()

	if errors.Is(err, errStopped) || errors.Is(err, errPeer) {
		return nil
	}

	c.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "rpc connection failed",
		slog.String("peer", c.nc.RemoteAddr().String()), slog.Any("error", err))

	return fmt.Errorf("rpc: %w", err)
}

// cause returns why the connection ended.
func (c *Conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.err
}

// watch stops the connection when ctx ends, and closes it in any case.
func (c *Conn) watch(ctx context.Context) {
	defer c.nc.Close() //nolint:errcheck // nothing is lost: what was to be written is written

	select {
	case <-c.done:
		return
	case <-ctx.Done():
	}

	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()

	close(c.stopped)

	if err := c.nc.SetReadDeadline(time.Unix(1, 0)); err != nil {
		c.fail(errStopped)

		return
	}

	flush := time.NewTimer(c.cfg.FlushTimeout)
	defer flush.Stop()

	signal(c.wake)

	select {
	case <-c.done:
	case <-flush.C:
		c.fail(errStopped)
	}
}

// write sends what is queued until the connection ends.
func (c *Conn) write() {
	var batch []byte

	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}

		// Let those who are about to queue something do so: fewer and larger
		// writes cost much less.
		runtime.Gosched()

		c.mu.Lock()

		if cap(batch) > keepBuffer {
			batch = nil
		}

		batch = c.out.take(batch)
		stopping := c.stopping

		if c.space != nil {
			close(c.space)
			c.space = nil
		}

		c.release()
		c.mu.Unlock()

		if len(batch) > 0 {
			if err := c.flush(batch); err != nil {
				c.fail(err)

				return
			}
		}

		if stopping {
			c.fail(errStopped)

			return
		}
	}
}

func (c *Conn) flush(batch []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.cfg.WriteTimeout)); err != nil {
		return fmt.Errorf("write: %w", err)
	}

	if _, err := c.nc.Write(batch); err != nil {
		return fmt.Errorf("write: %w", err)
	}

	return nil
}

// release lets the reader go on if it waits for room. The caller holds c.mu.
func (c *Conn) release() {
	if c.held && c.serving < c.cfg.MaxServing && c.out.size() < c.cfg.MaxQueued {
		c.held = false

		signal(c.room)
	}
}

// read takes frames until the connection ends, and returns why.
func (c *Conn) read(ctx context.Context) error {
	r := wire.NewReader(c.nc)

	for {
		t, payload, err := r.Next()

		switch {
		case errors.Is(err, io.EOF) && wire.ClassOf(err) == 0:
			return errPeer
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case len(payload) < idSize:
			return fmt.Errorf("read: a %v without a request id", t)
		}

		id, body := binary.BigEndian.Uint64(payload), payload[idSize:]

		switch {
		case isRequest(t):
			if !c.admit(id) {
				return errStopped
			}

			c.handle(ctx, id, t, body)
		case isReply(t):
			c.complete(id, t, body, nil)
		case t == wire.Refuse:
			c.complete(id, 0, nil, readRefusal(body))
		default:
			return fmt.Errorf("read: a %v has no place among requests and replies", t)
		}
	}
}

// admit waits until the peer's request id may be served. It returns false if
// the connection ended before that.
func (c *Conn) admit(id uint64) bool {
	for {
		c.mu.Lock()

		if c.serving < c.cfg.MaxServing && c.out.size() < c.cfg.MaxQueued {
			if id != 0 {
				c.serving++
			}

			c.mu.Unlock()

			return true
		}

		c.held = true
		c.mu.Unlock()

		select {
		case <-c.room:
		case <-c.stopped:
			return false
		case <-c.done:
			return false
		}
	}
}

func (c *Conn) handle(ctx context.Context, id uint64, t wire.FrameType, body []byte) {
	if id == 0 {
		if c.cfg.Handler != nil {
			c.cfg.Handler(ctx, t, body, func(wire.FrameType, []byte) {})
		}

		return
	}

	if c.cfg.Handler == nil {
		c.reply(id, wire.Refuse, refusal(segue.ErrUnsupported.Code(), "this end of the connection serves no requests"))

		return
	}

	var replied atomic.Bool

	c.cfg.Handler(ctx, t, body, func(rt wire.FrameType, body []byte) {
		if replied.Swap(true) {
			return
		}

		switch {
		case !isReply(rt):
			c.reply(id, wire.Refuse, refusal(segue.ErrInternal.Code(), rt.String()+" is not a type of replies"))
		case idSize+len(body) > rt.MaxPayload():
			c.reply(id, wire.Refuse, refusal(segue.ErrTooLarge.Code(),
				fmt.Sprintf("the body of a %v has %d bytes, at most %d are allowed", rt, len(body), rt.MaxPayload()-idSize)))
		default:
			c.reply(id, rt, body)
		}
	})
}

// reply queues the reply to the peer's request id, which is served then.
func (c *Conn) reply(id uint64, t wire.FrameType, body []byte) {
	c.mu.Lock()

	c.serving--
	c.release()

	if c.err != nil {
		c.mu.Unlock()

		return
	}

	overflow := c.out.size() > c.cfg.MaxReplies
	if !overflow {
		c.push(t, id, body, nil)
	}

	c.mu.Unlock()

	if overflow {
		c.fail(ErrUnread)
	}
}

// refused is the body of a REFUSE. It is wire.
type refused struct {
	Code   segue.Code `msgpack:"code"`
	Detail string     `msgpack:"detail"`
}

func refusal(code segue.Code, detail string) []byte {
	b, err := wire.Marshal(&refused{Code: code, Detail: detail})
	if err != nil {
		panic("rpc: " + err.Error()) // two short strings of our own
	}

	return b
}

func readRefusal(body []byte) error {
	var r refused
	if err := wire.Unmarshal(body, &r, wire.ControlLimits()); err != nil {
		return fmt.Errorf("the peer refused the request, and its reason could not be read: %w: %w", segue.ErrInternal, err)
	}

	return segue.FromCode(r.Code, r.Detail)
}
