package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// Limits of the transport.
const (
	// MaxStreams is the number of streams that strangers and peers may have
	// open at the same time; more are closed at once.
	MaxStreams = 64

	packetQueue   = 128
	packetBuffer  = 64 << 10
	minErrorPause = 5 * time.Millisecond
	maxErrorPause = time.Second
)

// A transport carries memberlist's packets and streams over the sockets. After
// Shutdown nothing passes any more, in either direction, and every connection
// that it opened or accepted is closed.
type transport struct {
	sockets   *sockets
	advertise netip.AddrPort
	dial      func(addr string, timeout time.Duration) (net.Conn, error)
	chat      *chatter

	packetCh chan *memberlist.Packet
	streamCh chan net.Conn
	done     chan struct{}

	mu      sync.Mutex // guards the fields below
	streams map[*stream]struct{}
	inbound int
	muted   bool // dials no more
	closed  bool
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

// newTransport returns a transport that dials until ctx ends.
func newTransport(ctx context.Context, network Network, s *sockets, advertise netip.AddrPort, chat *chatter) *transport {
	t := &transport{
		sockets: s, advertise: advertise, chat: chat,
		packetCh: make(chan *memberlist.Packet, packetQueue), streamCh: make(chan net.Conn),
		done: make(chan struct{}), streams: map[*stream]struct{}{},
	}
	t.dial = func(addr string, timeout time.Duration) (net.Conn, error) {
		limited, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()

		return network.Dial(limited, addr)
	}

	return t
}

// FinalAdvertiseAddr returns the address that was found before the start.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.advertise.Addr().AsSlice(), int(t.advertise.Port()), nil
}

// PacketCh is where memberlist takes packets from.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packetCh }

// StreamCh is where memberlist takes accepted streams from.
func (t *transport) StreamCh() <-chan net.Conn { return t.streamCh }

// WriteTo sends a packet.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return time.Time{}, fmt.Errorf("send a packet: %w", err)
	}

	_, err = t.sockets.packets.WriteTo(b, net.UDPAddrFromAddrPort(to))

	return time.Now(), err // as it is: memberlist inspects *net.OpError
}

// WriteToAddress sends a packet.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return t.WriteTo(b, a.Addr)
}

// DialTimeout opens a stream. The stream has the deadline from the start,
// since memberlist writes a header before it sets its own.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	until := time.Now().Add(timeout)

	conn, err := t.dial(addr, timeout)
	if err != nil {
		return nil, err
	}

	s := &stream{Conn: conn, transport: t, left: MaxStreamBytes}
	if !t.track(s) {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}

	if err := conn.SetDeadline(until); err != nil {
		return nil, errors.Join(fmt.Errorf("set a deadline: %w", err), s.Close())
	}

	return s, nil
}

// DialAddressTimeout opens a stream.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(a.Addr, timeout)
}

// hangUp closes the streams that this node dialled, and refuses new ones.
func (t *transport) hangUp() {
	t.mu.Lock()
	t.muted = true
	t.mu.Unlock()

	for _, s := range t.list(func(s *stream) bool { return !s.accepted }) {
		_ = s.Close() //nolint:errcheck // nothing can be done about it, and the peer sees it anyway
	}
}

// Shutdown closes the sockets and all streams.
func (t *transport) Shutdown() error {
	t.mu.Lock()

	if t.closed {
		t.mu.Unlock()

		return nil
	}

	t.closed = true
	t.mu.Unlock()
	close(t.done)

	err := t.sockets.close()

	for _, s := range t.list(func(*stream) bool { return true }) {
		err = errors.Join(err, s.Close())
	}

	return err
}

// readPackets runs until Shutdown.
func (t *transport) readPackets() {
	buf := make([]byte, packetBuffer)
	pause := minErrorPause

	for {
		n, from, err := t.sockets.packets.ReadFrom(buf)
		if err != nil {
			if !t.wait("read a packet", err, &pause) {
				return
			}

			continue
		}

		pause = minErrorPause

		if n == 0 {
			continue
		}

		packet := &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: time.Now()}

		select {
		case t.packetCh <- packet:
		case <-t.done:
			return
		}
	}
}

// accept runs until Shutdown.
func (t *transport) accept() {
	pause := minErrorPause

	for {
		conn, err := t.sockets.streams.Accept()
		if err != nil {
			if !t.wait("accept a stream", err, &pause) {
				return
			}

			continue
		}

		pause = minErrorPause

		s := &stream{Conn: conn, transport: t, left: MaxStreamBytes, accepted: true}
		if !t.track(s) {
			t.chat.counts.streamsRefused.Add(1)

			_ = conn.Close() //nolint:errcheck // a stranger's connection: nothing depends on it

			continue
		}

		select {
		case t.streamCh <- s:
		case <-t.done:
			return // Shutdown closes s
		}
	}
}

// wait pauses after an error, longer each time, and reports whether to go on.
func (t *transport) wait(what string, err error, pause *time.Duration) bool {
	select {
	case <-t.done:
		return false
	default:
		t.chat.queue(line{level: slog.LevelWarn, text: what + ": " + err.Error()})
	}

	timer := time.NewTimer(*pause)
	defer timer.Stop()

	*pause = min(2**pause, maxErrorPause)

	select {
	case <-t.done:
		return false
	case <-timer.C:
		return true
	}
}

// track remembers s so that Shutdown closes it. It refuses a stream too many
// and any stream after Shutdown, and one that was dialled after hangUp.
func (t *transport) track(s *stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	switch {
	case t.closed, t.muted && !s.accepted:
		return false
	case s.accepted && t.inbound >= MaxStreams:
		return false
	case s.accepted:
		t.inbound++
	}

	t.streams[s] = struct{}{}

	return true
}

func (t *transport) untrack(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if _, ok := t.streams[s]; !ok {
		return
	}

	delete(t.streams, s)

	if s.accepted {
		t.inbound--
	}
}

func (t *transport) list(want func(*stream) bool) []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()

	var streams []*stream

	for s := range t.streams {
		if want(s) {
			streams = append(streams, s)
		}
	}

	return streams
}
