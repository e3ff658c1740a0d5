package identity_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const proto = "segue-test/1"

var (
	nodeA = segue.NodeID{0xa, 15: 1}
	nodeB = segue.NodeID{0xb, 15: 1}
)

func TestNodesOfOneCluster(t *testing.T) {
	cookie := mustParse(t, identity.GenerateCookie())
	// Derived apart, as on two machines.
	a := newIdentity(t, mustDerive(t, cookie, "demo"), nodeA)
	b := newIdentity(t, mustDerive(t, cookie, "demo"), nodeB)

	for _, dialled := range []segue.NodeID{nodeA, {}} {
		server, client := connect(t, a.Server("segue-other/1", proto), b.Client(dialled, proto))
		if server.err != nil || client.err != nil {
			t.Fatalf("dialling %s: server %v, client %v", dialled, server.err, client.err)
		}

		if got, err := a.Peer(server.state); err != nil || got != nodeB {
			t.Errorf("the server's Peer = %s, %v, want %s", got, err, nodeB)
		}

		if got, err := b.Peer(client.state); err != nil || got != nodeA {
			t.Errorf("the client's Peer = %s, %v, want %s", got, err, nodeA)
		}

		for side, s := range map[string]tls.ConnectionState{"server": server.state, "client": client.state} {
			if s.NegotiatedProtocol != proto || s.Version != tls.VersionTLS13 || s.DidResume {
				t.Errorf("%s: protocol %q, version %s, resumed %t, want %q, TLS 1.3, false",
					side, s.NegotiatedProtocol, tls.VersionName(s.Version), s.DidResume, proto)
			}
		}
	}
}

// Both sides of every refusal: the one that refuses says why, the other one
// learns that it was refused.
func TestRefusals(t *testing.T) {
	cookie, otherCookie := mustParse(t, identity.GenerateCookie()), mustParse(t, identity.GenerateCookie())
	keys, otherKeys := mustDerive(t, cookie, "demo"), mustDerive(t, otherCookie, "demo")
	a, b := newIdentity(t, keys, nodeA), newIdentity(t, keys, nodeB)
	stranger := newIdentity(t, otherKeys, nodeB)
	elsewhere := newIdentity(t, mustDerive(t, cookie, "production"), nodeB)

	// A client that trusts everybody, so that the server has to refuse.
	trusting := func(c *tls.Config) *tls.Config {
		c.VerifyConnection = nil

		return c
	}
	// A server that takes everybody, so that the client has to refuse.
	open := func(c *tls.Config) *tls.Config {
		c.ClientAuth, c.VerifyConnection = tls.NoClientCert, nil

		return c
	}
	with := func(c *tls.Config, change func(*tls.Config)) *tls.Config {
		change(c)

		return c
	}

	for _, c := range []struct {
		name           string
		server, client *tls.Config
		is             error  // matched by the side that refuses, if set
		refuser, other string // in the errors of the server and the client, or the reverse
		clientRefuses  bool
	}{
		{
			name:   "wrong cookie, the server refuses",
			server: a.Server(proto), client: trusting(stranger.Client(nodeA, proto)),
			is:      identity.ErrCookieMismatch,
			refuser: "cookie mismatch: the peer's cookie gives key " + otherKeys.ID() + ", this node accepts " + keys.ID(),
			other:   "tls: bad certificate",
		},
		{
			name:   "wrong cookie, the client refuses",
			server: a.Server(proto), client: stranger.Client(nodeA, proto),
			is: identity.ErrCookieMismatch, refuser: "cookie mismatch", other: "tls: bad certificate", clientRefuses: true,
		},
		{
			name:   "other cluster, the server refuses",
			server: a.Server(proto), client: trusting(elsewhere.Client(nodeA, proto)),
			is: segue.ErrWrongCluster, refuser: `the peer is of cluster "production", this node of "demo"`, other: "tls: bad certificate",
		},
		{
			name:   "other cluster, the client refuses",
			server: a.Server(proto), client: elsewhere.Client(nodeA, proto),
			is: segue.ErrWrongCluster, refuser: `the peer is of cluster "demo", this node of "production"`, other: "tls: bad certificate", clientRefuses: true,
		},
		{
			name:   "wrong node",
			server: a.Server(proto), client: b.Client(nodeB, proto),
			is: identity.ErrWrongNode, refuser: "dialled node " + nodeB.String() + " but reached node " + nodeA.String(), other: "tls: bad certificate",
			clientRefuses: true,
		},
		{
			name:   "no certificate",
			server: a.Server(proto), client: with(b.Client(nodeA, proto), func(c *tls.Config) { c.Certificates = nil }),
			refuser: "tls: client didn't provide a certificate", other: "tls: certificate required",
		},
		{
			name:   "client of TLS 1.2",
			server: a.Server(proto), client: with(b.Client(nodeA, proto), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }),
			refuser: "tls: client offered only unsupported versions", other: "tls: protocol version not supported",
		},
		{
			name:   "server of TLS 1.2",
			server: with(a.Server(proto), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }), client: b.Client(nodeA, proto),
			refuser: "tls: protocol version not supported", other: "tls: client offered only unsupported versions", clientRefuses: true,
		},
		{
			name:   "client without ALPN",
			server: a.Server(proto), client: trusting(with(b.Client(nodeA, proto), func(c *tls.Config) { c.NextProtos = nil })),
			refuser: "no protocol (ALPN)", other: "tls: bad certificate",
		},
		{
			name:   "server without ALPN",
			server: open(with(a.Server(proto), func(c *tls.Config) { c.NextProtos = nil })), client: b.Client(nodeA, proto),
			refuser: "no protocol (ALPN)", other: "tls: bad certificate", clientRefuses: true,
		},
		{
			name:   "no common protocol",
			server: a.Server(proto), client: b.Client(nodeA, "segue-other/1"),
			refuser: "client requested unsupported application protocols", other: "tls: no application protocol",
		},
		{
			name:   "chain of two",
			server: a.Server(proto), client: with(b.Client(nodeA, proto), func(c *tls.Config) {
				c.Certificates[0].Certificate = slices.Repeat(c.Certificates[0].Certificate, 2)
			}),
			refuser: "sent 2 certificates instead of one", other: "tls: bad certificate",
		},
	} {
		server, client := connect(t, c.server, c.client)

		refuser, other := server.err, client.err
		if c.clientRefuses {
			refuser, other = other, refuser
		}

		if refuser == nil || !strings.Contains(refuser.Error(), c.refuser) {
			t.Errorf("%s: the side that refuses says %v, want %q", c.name, refuser, c.refuser)
		}

		if c.is != nil && !errors.Is(refuser, c.is) {
			t.Errorf("%s: the side that refuses says %v, want it to match %v", c.name, refuser, c.is)
		}

		if other == nil || !strings.Contains(other.Error(), c.other) {
			t.Errorf("%s: the other side says %v, want %q", c.name, other, c.other)
		}
	}
}

// While a cookie is changed, nodes with the old one and with the new one talk.
func TestAlsoAccepted(t *testing.T) {
	oldKeys := mustDerive(t, mustParse(t, identity.GenerateCookie()), "demo")
	newKeys := mustDerive(t, mustParse(t, identity.GenerateCookie()), "demo")
	third := newIdentity(t, mustDerive(t, mustParse(t, identity.GenerateCookie()), "demo"), nodeB)

	a := newIdentity(t, oldKeys, nodeA, newKeys)
	b := newIdentity(t, newKeys, nodeB, oldKeys)

	if diff := cmp.Diff([]string{newKeys.ID(), oldKeys.ID()}, b.Accepts()); diff != "" {
		t.Errorf("Accepts() (-want +got):\n%s", diff)
	}

	if server, client := connect(t, a.Server(proto), b.Client(nodeA, proto)); server.err != nil || client.err != nil {
		t.Errorf("old and new key: server %v, client %v, want success", server.err, client.err)
	}

	if _, client := connect(t, a.Server(proto), third.Client(nodeA, proto)); !errors.Is(client.err, identity.ErrCookieMismatch) {
		t.Errorf("third key: client %v, want %v", client.err, identity.ErrCookieMismatch)
	}
}

func TestNewIdentityRefusals(t *testing.T) {
	cookie := mustParse(t, identity.GenerateCookie())
	keys := mustDerive(t, cookie, "demo")

	if _, err := keys.NewIdentity(segue.NodeID{}); err == nil {
		t.Error("NewIdentity of the zero node succeeded, want an error")
	}

	if _, err := keys.NewIdentity(nodeA, mustDerive(t, cookie, "other")); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("NewIdentity with keys of another cluster = %v, want an error that names it", err)
	}
}

// Peer is also a check: a state that no configuration of ours let through is
// refused.
func TestPeerRefusesForeignState(t *testing.T) {
	a := newIdentity(t, mustDerive(t, mustParse(t, identity.GenerateCookie()), "demo"), nodeA)

	for want, s := range map[string]tls.ConnectionState{
		"TLS 1.2":        {Version: tls.VersionTLS12, NegotiatedProtocol: proto},
		"ALPN":           {Version: tls.VersionTLS13},
		"0 certificates": {Version: tls.VersionTLS13, NegotiatedProtocol: proto},
	} {
		if _, err := a.Peer(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Peer = %v, want an error with %q", err, want)
		}
	}
}

func newIdentity(t *testing.T, k *identity.Keys, node segue.NodeID, also ...*identity.Keys) *identity.Identity {
	t.Helper()

	i, err := k.NewIdentity(node, also...)
	if err != nil {
		t.Fatal(err)
	}

	return i
}

type side struct {
	state tls.ConnectionState
	err   error
}

// connect makes a connection over loopback, on which each side sends the other
// one byte. In TLS 1.3 a client learns only then what the server thinks of its
// certificate.
func connect(t *testing.T, server, client *tls.Config) (s, c side) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	done := make(chan side, 1)

	go func() {
		conn, err := l.Accept()
		if err != nil {
			done <- side{err: err}

			return
		}

		done <- exchange(ctx, conn, tls.Server(conn, server))
	}()

	conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	c = exchange(ctx, conn, tls.Client(conn, client))

	return <-done, c
}

func exchange(ctx context.Context, raw net.Conn, conn *tls.Conn) side {
	defer conn.Close()

	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return side{err: err}
		}
	}

	err := conn.HandshakeContext(ctx)
	if err == nil {
		_, err = conn.Write([]byte{1})
	}

	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}

	state := conn.ConnectionState()

	// A connection that is closed with unread bytes is reset, and the other side
	// might lose the alert that tells it why.
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		_, _ = io.Copy(io.Discard, tcp)
	}

	return side{state: state, err: err}
}
