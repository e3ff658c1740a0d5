package transport

import (
	"crypto/tls"
	"net"
	"sync"
)

// A Conn is an established connection: the handshake is over and both sides
// have introduced themselves. It is a net.Conn in all respects; Close ends it
// within 5 seconds even if the peer takes nothing.
type Conn struct {
	stream

	raw     net.Conn // under the TLS
	proto   string
	peer    Intro
	version uint32

	once        sync.Once
	release     func(*Conn) // nil for dialled connections
	established bool        // guarded by Transport.mu
}

// stream hides the embedded connection: its Close is not the one to call.
type stream interface{ net.Conn }

func newConn(t *tls.Conn, proto string, own, peer Intro) *Conn {
	return &Conn{stream: t, raw: t.NetConn(), proto: proto, peer: peer, version: min(own.ProtoMax, peer.ProtoMax)}
}

// Peer returns what the peer said of itself. Its node id is certified.
func (c *Conn) Peer() Intro { return c.peer }

// Protocol returns the protocol that the connection was made for.
func (c *Conn) Protocol() string { return c.proto }

// Version returns the highest protocol version that both sides speak.
func (c *Conn) Version() uint32 { return c.version }

// Close ends the connection. It may be called more than once and by several
// goroutines; calls of other methods return.
func (c *Conn) Close() error {
	err := c.stream.Close()
	c.released()

	return err //nolint:wrapcheck // as a net.Conn
}

// abort ends the connection without a farewell to the peer.
func (c *Conn) abort() {
	_ = c.raw.Close() //nolint:errcheck // there is nothing to do about it

	c.released()
}

func (c *Conn) released() {
	c.once.Do(func() {
		if c.release != nil {
			c.release(c)
		}
	})
}
