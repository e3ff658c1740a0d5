package handoff

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// maxQueued bounds the bytes that wait for one stream. A stream that cannot get
// rid of them is lost.
const maxQueued = 64 << 20

var (
	errSilent = errors.New("the peer was silent for too long")
	errFull   = errors.New("the peer does not read")
	errClosed = errors.New("the stream was closed")
)

// stream is one side of the FIFO stream of a session. Frames may be queued
// before it is connected.
type stream struct {
	source *session      // at the source; nil at the target
	ready  chan struct{} // something is queued, or it was closed

	mu     sync.Mutex // guards the fields below
	queue  []Frame
	raw    []byte // goes before the queue
	queued int    // bytes, roughly
	err    error  // why it is over
}

func newStream(source *session) *stream {
	return &stream{source: source, ready: make(chan struct{}, 1)}
}

// send queues a frame. It never blocks; on a stream that is over it does
// nothing.
func (s *stream) send(f Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.err != nil {
		return
	}

	s.queue = append(s.queue, f)
	s.queued += len(f.Record.Bytes) + len(f.Request.Body.Bytes) + len(f.Reply.Body.Bytes) + 128

	if s.queued > maxQueued {
		s.err = errFull
	}

	s.notify()
}

// sendRaw queues encoded frames ahead of those that wait.
func (s *stream) sendRaw(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.raw = append(s.raw, b...)
	s.notify()
}

// fail ends the stream.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.err == nil {
		s.err = err
		s.queue, s.raw = nil, nil
	}

	s.notify()
}

func (s *stream) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.err
}

func (s *stream) notify() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// takeHellos removes the leading greetings of the queue and returns their
// shards.
func (s *stream) takeHellos() []segue.ShardID {
	s.mu.Lock()
	defer s.mu.Unlock()

	var (
		shards []segue.ShardID
		rest   []Frame
	)

	for _, f := range s.queue {
		if f.Kind == FrameHello || f.Kind == FrameWelcome {
			shards = append(shards, f.Shard)
		} else {
			rest = append(rest, f)
		}
	}

	s.queue = rest

	return shards
}

// take returns what waits, and why there will be no more.
func (s *stream) take(spare []Frame) (raw []byte, frames []Frame, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	raw, frames = s.raw, s.queue
	s.raw, s.queue, s.queued = nil, spare[:0], 0

	return raw, frames, s.err
}

// write sends what is queued until the stream is over or ctx is done, and a
// ping when nothing was sent for a while. It ends the connection.
func (s *stream) write(ctx context.Context, conn net.Conn, silence time.Duration) {
	defer conn.Close() //nolint:errcheck // nothing can be done about it

	ping := time.NewTicker(silence / 4)
	defer ping.Stop()

	var (
		buf    []byte
		frames []Frame
		idle   bool
	)

	for {
		select {
		case <-s.ready:
		case <-ping.C:
			if !idle {
				idle = true // sent something since the last tick

				continue
			}

			s.sendRaw(pingFrame())
		case <-ctx.Done():
			s.fail(context.Cause(ctx))

			return
		}

		raw, list, err := s.take(frames)
		if err != nil {
			return
		}

		buf = append(buf[:0], raw...)

		if buf, err = appendAll(buf, list); err == nil {
			err = writeAll(conn, buf, silence)
		}

		if err != nil {
			s.fail(fmt.Errorf("write: %w", err))

			return
		}

		idle = false
		clear(list)
		frames = list

		if cap(buf) > 1<<20 {
			buf = nil
		}
	}
}

func appendAll(buf []byte, list []Frame) ([]byte, error) {
	var err error

	for i := range list {
		if buf, err = appendFrame(buf, &list[i]); err != nil {
			return buf, err
		}
	}

	return buf, nil
}

func writeAll(conn net.Conn, b []byte, silence time.Duration) error {
	if len(b) == 0 {
		return nil
	}

	// A peer that reads nothing for that long is as good as silent.
	if err := conn.SetWriteDeadline(time.Now().Add(5 * silence)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}

	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("connection: %w", err)
	}

	return nil
}

func pingFrame() []byte {
	b, err := wire.AppendFrame(nil, wire.Ping, nil)
	if err != nil {
		panic(err) // a constant
	}

	return b
}

// patient reads from a connection and lets it be silent for a while only.
type patient struct {
	conn    net.Conn
	silence time.Duration
	set     time.Time // when the deadline was set last
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if now := time.Now(); now.Sub(p.set) > p.silence/8 {
		p.set = now
		if err := p.conn.SetReadDeadline(now.Add(p.silence)); err != nil {
			return 0, fmt.Errorf("set deadline: %w", err)
		}
	}

	n, err := p.conn.Read(b)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		err = errSilent
	}

	return n, err
}
