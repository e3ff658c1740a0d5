package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segue-cluster/segue"
)

// Dial connects to a node at the address that [Config].Resolve knows, for a
// protocol. It takes at most [Config].HandshakeTimeout. Only that node is
// accepted at the other end.
//
// Nothing of the protocol was sent when it returns an error. The error matches
// the segue condition by which the peer refused; segue.ErrRetry if no address
// is known; what the Identity says if the peer is not the right one;
// syscall.ECONNREFUSED if nothing listens there; the cause of ctx if that
// ended. It may be called before, during and after Run.
func (t *Transport) Dial(ctx context.Context, node segue.NodeID, proto string) (*Conn, error) {
	if node.IsZero() {
		return nil, fmt.Errorf("dial: %w: the node id is zero", segue.ErrBadRequest)
	}

	addr, ok := t.cfg.Resolve(node)
	if !ok {
		err := fmt.Errorf("dial node %s: %w: no address of it is known", node, segue.ErrRetry)
		t.cfg.Trace.DialFailed(proto, Unresolved, err)

		return nil, err
	}

	c, err := t.dial(ctx, node, addr, proto)
	if err != nil {
		return nil, fmt.Errorf("dial node %s at %s for %s: %w", node, addr, proto, err)
	}

	return c, nil
}

// DialAddr connects to whichever node of the cluster answers at addr,
// "host:port", for a protocol: [Conn.Peer] says who it is, which may be this
// node itself. It is Dial otherwise.
func (t *Transport) DialAddr(ctx context.Context, addr, proto string) (*Conn, error) {
	c, err := t.dial(ctx, segue.NodeID{}, addr, proto)
	if err != nil {
		return nil, fmt.Errorf("dial %s for %s: %w", addr, proto, err)
	}

	return c, nil
}

func (t *Transport) dial(ctx context.Context, node segue.NodeID, addr, proto string) (*Conn, error) {
	began := time.Now()

	limited, cancel := context.WithTimeout(ctx, t.cfg.HandshakeTimeout)
	defer cancel()

	c, err := t.connect(limited, node, addr, proto)
	if err != nil {
		switch {
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case limited.Err() != nil:
			err = because(Timeout, fmt.Errorf("no answer within %v: %w", t.cfg.HandshakeTimeout, limited.Err()))
		}

		t.cfg.Trace.DialFailed(proto, reasonOf(err), err)

		return nil, err
	}

	t.cfg.Trace.Dialled(proto, c.peer, time.Since(began))

	return c, nil
}

func (t *Transport) connect(ctx context.Context, node segue.NodeID, addr, proto string) (*Conn, error) {
	dialed, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, because(Gone, err)
	}

	raw, ok := dialed.(*net.TCPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is not a TCP address", addr), dialed.Close())
	}

	// Reads and writes end with ctx, and only then.
	stop := context.AfterFunc(ctx, func() {
		_ = raw.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // fails only on a closed connection
	})

	c, err := t.introduce(ctx, raw, node, proto)
	if err != nil || !stop() {
		stop()

		if err == nil {
			err = context.Cause(ctx)
		}

		_ = raw.Close() //nolint:errcheck // err says more

		return nil, err
	}

	return c, nil
}

// introduce is the dialler's half of what welcome does.
func (t *Transport) introduce(ctx context.Context, raw *net.TCPConn, node segue.NodeID, proto string) (*Conn, error) {
	if err := tune(raw); err != nil {
		return nil, because(Gone, err)
	}

	conn := tls.Client(raw, t.cfg.Identity.Client(node, proto))
	if err := conn.HandshakeContext(ctx); err != nil {
		err = explain(err)
		linger(raw, err)

		return nil, fmt.Errorf("handshake: %w", err)
	}

	certified, err := t.cfg.Identity.Peer(conn.ConnectionState())
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}

	own := t.cfg.Intro()
	if err := writeIntro(conn, own); err != nil {
		return nil, err
	}

	peer, err := readIntro(conn)
	if err != nil {
		return nil, explain(err)
	}

	if err = agree(own, peer, certified); err == nil {
		err = t.cfg.Check(proto, peer)
	}

	if err != nil {
		return nil, because(Reason(segue.CodeOf(err)), err)
	}

	return newConn(conn, proto, own, peer), nil
}
