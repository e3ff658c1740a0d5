package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/segue-cluster/segue"
)

// An Identity is what one start of a node shows to its peers, and how it judges
// what they show. It is immutable and may be used by several goroutines. It
// formats as its node id.
type Identity struct {
	keys     *Keys
	node     segue.NodeID
	cert     tls.Certificate
	roots    *x509.CertPool
	accepted []string // key ids, the own first
}

// NewIdentity makes an identity for one start of node, signed by k. Peers must
// show a certificate signed by k or by one of also: while the cookie of a
// cluster is changed, nodes accept the other one too. All keys must be of the
// same cluster.
func (k *Keys) NewIdentity(node segue.NodeID, also ...*Keys) (*Identity, error) {
	if node.IsZero() {
		return nil, errors.New("identity: the node id is zero")
	}

	cert, err := newLeaf(k, node)
	if err != nil {
		return nil, err
	}

	i := &Identity{keys: k, node: node, cert: cert, roots: x509.NewCertPool()}
	for _, accept := range append([]*Keys{k}, also...) {
		if accept.cluster != k.cluster {
			return nil, fmt.Errorf("identity: accepted keys %s are of cluster %q, the node's own of %q",
				accept.id, accept.cluster, k.cluster)
		}

		i.roots.AddCert(accept.ca)
		i.accepted = append(i.accepted, accept.id)
	}

	return i, nil
}

// Node returns the id of the node.
func (i *Identity) Node() segue.NodeID { return i.node }

// Accepts returns the ids of the keys that peers may have, the own first.
func (i *Identity) Accepts() []string { return slices.Clone(i.accepted) }

// Server returns a configuration for accepting connections of any node of the
// cluster that asks for one of the protocols by ALPN.
func (i *Identity) Server(protos ...string) *tls.Config {
	c := i.config(protos)
	c.ClientAuth = tls.RequireAnyClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := i.Peer(s)

		return err
	}

	return c
}

// Client returns a configuration for a connection to peer, for proto. A zero
// peer stands for any node of the cluster: ask [Identity.Peer] which one it is.
func (i *Identity) Client(peer segue.NodeID, proto string) *tls.Config {
	c := i.config([]string{proto})
	c.InsecureSkipVerify = true // the standard check is by host name; VerifyConnection does ours
	c.VerifyConnection = func(s tls.ConnectionState) error {
		reached, err := i.Peer(s)
		if err != nil {
			return err
		}

		if !peer.IsZero() && reached != peer {
			return fmt.Errorf("%w: dialled node %s but reached node %s", ErrWrongNode, peer, reached)
		}

		return nil
	}

	return c
}

// Peer returns the node at the other end of a connection, after it has checked
// everything that a handshake checks: version, protocol, chain and name.
func (i *Identity) Peer(s tls.ConnectionState) (segue.NodeID, error) {
	if s.Version < tls.VersionTLS13 {
		return segue.NodeID{}, fmt.Errorf("the peer speaks %s, TLS 1.3 is needed", tls.VersionName(s.Version))
	}

	if s.NegotiatedProtocol == "" {
		return segue.NodeID{}, fmt.Errorf("%w: it chose no protocol (ALPN)", errNotNode)
	}

	if len(s.PeerCertificates) != 1 {
		return segue.NodeID{}, fmt.Errorf("%w: it sent %d certificates instead of one", errNotNode, len(s.PeerCertificates))
	}

	return i.check(s.PeerCertificates[0])
}

// String returns "identity of node <id>".
func (i *Identity) String() string { return "identity of node " + i.node.String() }

// Format writes [Identity.String], whatever the verb.
func (i *Identity) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(i.String())) //nolint:errcheck // a Formatter has nobody to tell
}

// LogValue returns the node id.
func (i *Identity) LogValue() slog.Value { return slog.StringValue(i.node.String()) }

func (i *Identity) config(protos []string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		NextProtos:   protos,
		Certificates: []tls.Certificate{i.cert},
		Time:         func() time.Time { return checkTime() },
		// A resumed session would be judged by the keys of the time it began.
		SessionTicketsDisabled: true,
	}
}
