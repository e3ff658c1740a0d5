package transport_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/internal/transport"
	"github.com/segue-cluster/segue/internal/wire"
)

// says changes what a node says of itself.
func says(change func(*transport.Intro)) option {
	return func(c *transport.Config) {
		before := c.Intro
		c.Intro = func() transport.Intro {
			i := before()
			change(&i)

			return i
		}
	}
}

func nothing(*transport.Config) {}

// What both sides learn when an introduction is refused by the acceptor.
func TestIntroductionRefused(t *testing.T) {
	keys := cluster(t)

	for _, c := range []struct {
		name     string
		acceptor option
		dialler  option
		is       error
		text     string
	}{
		{
			name: "other cluster", acceptor: nothing, dialler: says(func(i *transport.Intro) { i.ClusterID = clusterY }),
			is: segue.ErrWrongCluster, text: "app_1.0.10@host has cluster id 0100",
		},
		{
			name:     "dialler too old",
			acceptor: says(func(i *transport.Intro) { i.ProtoMin = 3 }), dialler: says(func(i *transport.Intro) { i.ProtoMax = 2 }),
			is: segue.ErrUnsupported, text: "speaks versions 3 to 3",
		},
		{
			name:     "dialler too new",
			acceptor: nothing, dialler: says(func(i *transport.Intro) { i.ProtoMin, i.ProtoMax = 4, 5 }),
			is: segue.ErrUnsupported, text: "speaks 4 to 5",
		},
		{
			name: "name of another node", acceptor: nothing, dialler: says(func(i *transport.Intro) { i.Node = nodeA }),
			is: segue.ErrBadRequest, text: "node " + nodeB.String() + " introduced itself as node " + nodeA.String(),
		},
		{
			name: "check",
			acceptor: func(c *transport.Config) {
				c.Check = func(proto string, peer transport.Intro) error {
					return fmt.Errorf("%w: %s for %s", segue.ErrDuplicateName, peer.Name, proto)
				}
			},
			dialler: nothing,
			is:      segue.ErrDuplicateName, text: "app_1.0.11@host for segue-rpc/1",
		},
		{
			name: "check without a condition",
			acceptor: func(c *transport.Config) {
				c.Check = func(string, transport.Intro) error { return errors.New("\xff" + strings.Repeat("why ", 1000)) }
			},
			dialler: nothing,
			is:      segue.ErrInternal, text: "?why why",
		},
	} {
		a := start(t, keys, nodeA, c.acceptor)

		err := dialer(t, keys, nodeB, a.Addr(), c.dialler).call(t, nodeA)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "the peer refused") {
			t.Errorf("%s: Dial = %v, want the refusal of the peer, %v, with %q", c.name, err, c.is, c.text)
		}

		if len(fmt.Sprint(err)) > 2000 {
			t.Errorf("%s: the error has %d bytes, want a short one", c.name, len(fmt.Sprint(err)))
		}

		want := transport.Reason(segue.CodeOf(c.is))
		if got := a.refused(t); got.reason != want {
			t.Errorf("%s: the acceptor counts %q (%v), want %q", c.name, got.reason, got.err, want)
		}

		a.stop()
	}
}

func TestClusterIDUnknownOnOneSide(t *testing.T) {
	keys := cluster(t)
	unknown := says(func(i *transport.Intro) { i.ClusterID = [16]byte{} })

	if err := dialer(t, keys, nodeB, start(t, keys, nodeA).Addr(), unknown).call(t, nodeA); err != nil {
		t.Errorf("a dialler that does not know its cluster: %v", err)
	}

	if err := dialer(t, keys, nodeB, start(t, keys, nodeA, unknown).Addr()).call(t, nodeA); err != nil {
		t.Errorf("an acceptor that does not know its cluster: %v", err)
	}
}

func TestWrongCookie(t *testing.T) {
	a := start(t, cluster(t), nodeA)

	err := dialer(t, cluster(t), nodeB, a.Addr()).call(t, nodeA)
	if !errors.Is(err, identity.ErrCookieMismatch) {
		t.Errorf("Dial = %v, want %v", err, identity.ErrCookieMismatch)
	}

	got := a.refused(t)
	if got.reason != transport.PeerRefused || !strings.Contains(got.err.Error(), "cookie mismatch") {
		t.Errorf("the acceptor counts %q (%v), want %q and a text with cookie mismatch", got.reason, got.err, transport.PeerRefused)
	}
}

// A dialler that does not look at certificates must be refused by the acceptor,
// and told.
func TestAcceptorRefusesWrongCookie(t *testing.T) {
	a := start(t, cluster(t), nodeA)

	b := dialer(t, cluster(t), nodeB, a.Addr(), func(c *transport.Config) { c.Identity = gullible{c.Identity, nodeA} })

	err := b.call(t, nodeA)
	if err == nil || !strings.Contains(err.Error(), "the peer refused this node's certificate: cookie mismatch") {
		t.Errorf("Dial = %v, want that the peer refused the certificate", err)
	}

	if got := a.refused(t); got.reason != "cookie_mismatch" || !errors.Is(got.err, identity.ErrCookieMismatch) {
		t.Errorf("the acceptor counts %q (%v), want cookie_mismatch", got.reason, got.err)
	}
}

// gullible takes every server for the node that it wants.
type gullible struct {
	transport.Identity

	believes segue.NodeID
}

func (g gullible) Client(node segue.NodeID, proto string) *tls.Config {
	c := g.Identity.Client(node, proto)
	c.VerifyConnection = nil

	return c
}

func (g gullible) Peer(tls.ConnectionState) (segue.NodeID, error) { return g.believes, nil }

func TestMaxConns(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA, func(c *transport.Config) { c.MaxConns = 2 })
	b := dialer(t, keys, nodeB, a.Addr())

	var conns []*transport.Conn

	for range 2 {
		c, err := b.Dial(t.Context(), nodeA, transport.RPC)
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { _ = c.Close() })

		conns = append(conns, c)
	}

	if err := b.call(t, nodeA); !errors.Is(err, segue.ErrRetry) || !strings.Contains(err.Error(), "2 connections, its limit") {
		t.Errorf("Dial beyond the limit = %v, want %v", err, segue.ErrRetry)
	}

	if err := ping(conns[0]); err != nil {
		t.Errorf("a connection within the limit: %v", err)
	}

	_ = conns[0].Close()

	receive(t, a.closed, "closed connection")

	if err := b.call(t, nodeA); err != nil {
		t.Errorf("Dial after one was closed = %v, want nil", err)
	}
}

// What a stranger can do to a port, and what it is counted as. A node must get
// through after each.
func TestStrangers(t *testing.T) {
	t.Parallel()

	keys := cluster(t)
	a := start(t, keys, nodeA)
	b := dialer(t, keys, nodeB, a.Addr())
	id := identityOf(t, keys, nodeB)

	write := func(text string) func(net.Conn) {
		return func(c net.Conn) { _, _ = io.WriteString(c, text) }
	}
	handshake := func(change func(*tls.Config), then func(*tls.Conn)) func(net.Conn) {
		return func(raw net.Conn) {
			cfg := id.Client(nodeA, transport.RPC)
			change(cfg)

			c := tls.Client(raw, cfg)
			if c.HandshakeContext(t.Context()) == nil {
				then(c)
			}
		}
	}
	same := func(*tls.Config) {}

	for _, c := range []struct {
		name   string
		does   func(net.Conn)
		reason transport.Reason
	}{
		{"closes at once", func(c net.Conn) { _ = c.Close() }, transport.Gone},
		{"speaks HTTP", write("GET / HTTP/1.1\r\nHost: example\r\n\r\n"), transport.NotTLS},
		{"sends garbage", write(strings.Repeat("\x16garbage", 100)), transport.NotTLS},
		{"sends a record that is too long", write("\x16\x03\x01\xff\xff" + strings.Repeat("x", 1<<17)), transport.NotTLS},
		{"sends a message of the wrong kind", write("\x16\x03\x01\x00\x04\x02\x00\x00\x00"), transport.Handshake},
		{
			"speaks TLS 1.2",
			handshake(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, nil),
			transport.Handshake,
		},
		{
			"has no certificate",
			handshake(func(c *tls.Config) { c.Certificates = nil }, func(c *tls.Conn) { _, _ = c.Read(make([]byte, 1)) }),
			transport.Handshake,
		},
		{
			"asks for no protocol",
			handshake(func(c *tls.Config) { c.NextProtos, c.VerifyConnection = nil, nil }, func(c *tls.Conn) { _, _ = c.Read(make([]byte, 1)) }),
			"not_a_node",
		},
		{"closes in place of an introduction", handshake(same, func(c *tls.Conn) { _ = c.Close() }), transport.Gone},
		{"introduces itself with garbage", handshake(same, func(c *tls.Conn) {
			_, _ = io.WriteString(c, "good morning, this is node b speaking")
		}), transport.BadIntro},
		{"introduces itself with another frame", handshake(same, func(c *tls.Conn) { sendFrame(c, wire.Ping, []byte{0xc0}) }), transport.BadIntro},
		{"introduces itself as null", handshake(same, func(c *tls.Conn) { sendFrame(c, wire.Intro, []byte{0xc0}) }), transport.BadIntro},
		{
			"introduces itself with an unknown field",
			handshake(same, func(c *tls.Conn) { sendFrame(c, wire.Intro, []byte("\x81\xa5shoes\x2a")) }),
			transport.BadIntro,
		},
		{"introduces itself as nobody", handshake(same, func(c *tls.Conn) { sendFrame(c, wire.Intro, []byte{0x80}) }), "bad_request"},
		{"refuses", handshake(same, func(c *tls.Conn) {
			sendFrame(c, wire.Refuse, []byte("\x82\xa4code\xa6fenced\xa6detail\xa2no"))
		}), "fenced"},
	} {
		conn := rawDial(t, a)

		c.does(conn)

		got := a.refused(t)
		if got.reason != c.reason {
			t.Errorf("a stranger that %s is counted as %q (%v), want %q", c.name, got.reason, got.err, c.reason)
		}

		_ = conn.Close()

		if err := b.call(t, nodeA); err != nil {
			t.Errorf("a node after a stranger that %s: %v", c.name, err)
		}
	}
}

// Strangers that stop at any point are ended when their time is over.
func TestSlowStrangers(t *testing.T) {
	t.Parallel()

	keys := cluster(t)
	a := start(t, keys, nodeA, func(c *transport.Config) { c.HandshakeTimeout = time.Second })

	for _, text := range []string{"", "\x16", "\x16\x03\x01\x00\x80\x01"} {
		if _, err := io.WriteString(rawDial(t, a), text); err != nil {
			t.Fatal(err)
		}
	}

	for _, text := range []string{"", "SG", "SG\x01\x01\x00\x00\x00\x00\x00\x00\x00\x40"} {
		c := tls.Client(rawDial(t, a), identityOf(t, keys, nodeB).Client(nodeA, transport.RPC))
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}

		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}

	for range 6 {
		if got := a.refused(t); got.reason != transport.Timeout {
			t.Errorf("a stranger that stops is counted as %q (%v), want %q", got.reason, got.err, transport.Timeout)
		}
	}

	if got := a.Stats().Strangers; got != 0 {
		t.Errorf("%d strangers are left, want none", got)
	}
}

// An introduction that cannot be read is answered: it may come from a release
// that has another form of it.
func TestUnreadableIntroductionIsAnswered(t *testing.T) {
	keys := cluster(t)
	a := start(t, keys, nodeA)

	c := tls.Client(rawDial(t, a), identityOf(t, keys, nodeB).Client(nodeA, transport.RPC))
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}

	sendFrame(c, wire.Intro, []byte("\x81\xa5shoes\x2a"))

	typ, payload, err := wire.NewReader(c).Next()
	if err != nil || typ != wire.Refuse || !strings.Contains(string(payload), "bad_request") {
		t.Errorf("the answer is %v %q (%v), want %v with bad_request", typ, payload, err, wire.Refuse)
	}
}

func sendFrame(w io.Writer, typ wire.FrameType, payload []byte) {
	frame, err := wire.AppendFrame(nil, typ, payload)
	if err != nil {
		panic(err)
	}

	_, _ = w.Write(frame)
}
