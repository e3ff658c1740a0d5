package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
)

const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second

	// How long, and for how much, a refused peer is listened to, so that it
	// gets to read why.
	lingerTime  = 200 * time.Millisecond
	lingerBytes = 64 << 10
)

// accept takes connections until the port is closed, and starts a goroutine in
// wg for each.
func (t *Transport) accept(ctx context.Context, wg *sync.WaitGroup) {
	pause := minAcceptPause

	for {
		raw, err := t.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}

		if err != nil { // out of file descriptors, for example
			t.reports.acceptFailed(ctx, err)

			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}

			pause = min(2*pause, maxAcceptPause)

			continue
		}

		pause = minAcceptPause
		began := time.Now()

		if !t.limiter.take(addressOf(raw.RemoteAddr()), began) {
			abort(raw)
			t.refused(ctx, raw.RemoteAddr(), because(RateLimited, errors.New("too many failures from this address")))

			continue
		}

		s := t.strangers.add(raw)
		if s == nil {
			abort(raw)

			return
		}

		wg.Go(func() { t.attend(ctx, s, raw, began) })
	}
}

// attend makes a node out of a stranger and serves it.
func (t *Transport) attend(ctx context.Context, s *stranger, raw *net.TCPConn, began time.Time) {
	c, serve, err := t.welcome(ctx, raw, began.Add(t.cfg.HandshakeTimeout))

	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}

	welcome := t.strangers.remove(s)
	if err != nil || !welcome || !t.establish(c) {
		if t.strangers.wasEvicted(s) {
			err = because(Crowded, errors.New("it was the oldest of too many strangers"))
		} else if err == nil {
			err = because(Cancelled, errors.New("this node stops"))
		}

		abort(raw)

		if c != nil {
			c.abort()
			serve.cancel()
		}

		t.refused(ctx, raw.RemoteAddr(), err)

		return
	}

	t.limiter.trust(addressOf(raw.RemoteAddr()), time.Now())
	t.cfg.Trace.Accepted(c.proto, c.peer, time.Since(began))
	serve.run(ctx, c)
}

// welcome makes the handshake and the introduction. A connection that it
// returns has been admitted, and has its place with the service.
func (t *Transport) welcome(ctx context.Context, raw *net.TCPConn, deadline time.Time) (*Conn, service, error) {
	err := errors.Join(tune(raw), raw.SetDeadline(deadline))
	if err != nil {
		return nil, service{}, because(Gone, err)
	}

	conn := tls.Server(raw, t.cfg.Identity.Server(t.cfg.Protocols...))
	if err := conn.HandshakeContext(ctx); err != nil {
		err = explain(err)
		linger(raw, err)

		return nil, service{}, fmt.Errorf("handshake: %w", err)
	}

	node, err := t.cfg.Identity.Peer(conn.ConnectionState())
	if err != nil {
		return nil, service{}, fmt.Errorf("handshake: %w", err)
	}

	peer, err := readIntro(conn)
	if err != nil {
		err = explain(err)

		if reasonOf(err) == BadIntro && writeRefusal(conn, fmt.Errorf("%w: %w", segue.ErrBadRequest, err)) == nil {
			linger(raw, err)
		}

		return nil, service{}, fmt.Errorf("node %s: %w", node, err)
	}

	own := t.cfg.Intro()
	c := newConn(conn, conn.ConnectionState().NegotiatedProtocol, own, peer)

	serve, err := t.judge(c, own, node)
	if err == nil {
		if err = writeIntro(conn, own); err == nil {
			return c, serve, nil
		}

		c.released()
		serve.cancel()

		return nil, service{}, fmt.Errorf("node %s: %w", node, err)
	}

	if writeRefusal(conn, err) == nil {
		linger(raw, err)
	}

	err = because(Reason(segue.CodeOf(err)), err)

	return nil, service{}, fmt.Errorf("node %s (%s): %w", node, peer.Name, err)
}

// judge decides about a peer that has introduced itself.
func (t *Transport) judge(c *Conn, own Intro, certified segue.NodeID) (service, error) {
	if err := agree(own, c.peer, certified); err != nil {
		return service{}, err
	}

	if err := t.cfg.Check(c.proto, c.peer); err != nil {
		return service{}, err
	}

	t.mu.Lock()
	serve, ok := t.services[c.proto]
	t.mu.Unlock()

	if !ok {
		return service{}, fmt.Errorf("%w: nothing serves %q", segue.ErrUnsupported, c.proto)
	}

	if err := t.admit(c); err != nil {
		return service{}, err
	}

	if err := serve.reserve(); err != nil {
		c.released()

		return service{}, err
	}

	return serve, nil
}

func (s service) reserve() error {
	if s.listener == nil {
		return nil
	}

	return s.listener.reserve()
}

func (s service) cancel() {
	if s.listener != nil {
		s.listener.cancel()
	}
}

func (s service) run(ctx context.Context, c *Conn) {
	if s.listener != nil {
		s.listener.push(c)

		return
	}

	defer c.Close() //nolint:errcheck // the handler has seen what matters

	s.handler(ctx, c)
}

// refused counts and reports a connection that came to nothing.
func (t *Transport) refused(ctx context.Context, remote net.Addr, err error) {
	reason := reasonOf(err)
	t.cfg.Trace.Refused(reason, remote, err)
	t.reports.refused(ctx, reason, remote, err)
}

// linger lets a peer read why it was refused: a connection that is closed with
// unread bytes is reset, and what was under way to the peer is lost. It does
// nothing for a peer that is not there to read.
func linger(raw *net.TCPConn, err error) {
	switch reasonOf(err) {
	case Timeout, Gone, NotTLS, PeerRefused, Cancelled:
		return
	case RateLimited, Crowded, Handshake, BadIntro, Unresolved:
	}

	if raw.CloseWrite() != nil || raw.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}

	_, _ = io.CopyN(io.Discard, raw, lingerBytes) //nolint:errcheck // the end, whatever the reason
}
