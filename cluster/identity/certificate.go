package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
)

const (
	organization = "Segue"
	scheme       = "segue"
	nodePath     = "/node/"
)

// Certificates hold for ever and are checked at one time for ever.
func notBefore() time.Time { return time.Unix(0, 0).UTC() }
func notAfter() time.Time  { return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC) }
func checkTime() time.Time { return time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC) }

// newCA returns the certificate of the authority with that key. Wire: it is
// byte-identical on every node, so nothing in it is left to defaults that may
// change with the toolchain.
func newCA(id string, key ed25519.PrivateKey) (*x509.Certificate, error) {
	public := publicKey(key)
	digest := sha256.Sum256(public)

	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{Organization: []string{organization}, CommonName: id},
		NotBefore:             notBefore(),
		NotAfter:              notAfter(),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          digest[:20],
		SignatureAlgorithm:    x509.PureEd25519,
	}

	return sign(template, template, public, key)
}

// newLeaf returns a certificate for node with a key of its own.
func newLeaf(k *Keys, node segue.NodeID) (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("node certificate: %w", err)
	}

	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("node certificate: %w", err)
	}

	template := &x509.Certificate{
		SerialNumber:       serial.Add(serial, big.NewInt(1)), // 0 is not allowed
		Subject:            pkix.Name{Organization: []string{organization}, CommonName: node.String()},
		NotBefore:          notBefore(),
		NotAfter:           notAfter(),
		KeyUsage:           x509.KeyUsageDigitalSignature,
		ExtKeyUsage:        []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:               []*url.URL{{Scheme: scheme, Host: k.cluster, Path: nodePath + node.String()}},
		SignatureAlgorithm: x509.PureEd25519,
	}

	leaf, err := sign(template, k.ca, public, k.caKey)
	if err != nil {
		return tls.Certificate{}, err
	}

	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: private, Leaf: leaf}, nil
}

func sign(template, parent *x509.Certificate, public ed25519.PublicKey, key ed25519.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}

	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}

	return cert, nil
}

func publicKey(key ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(key[ed25519.SeedSize:]) // as crypto/ed25519 documents its keys
}

// name is what a certificate says of its holder.
type name struct {
	cluster string
	node    segue.NodeID
}

// nameOf reads the one URI of a certificate. Whether the certificate may say so
// is not checked here.
func nameOf(cert *x509.Certificate) (name, error) {
	names := len(cert.URIs) + len(cert.DNSNames) + len(cert.IPAddresses) + len(cert.EmailAddresses)
	if names != 1 || len(cert.URIs) != 1 {
		return name{}, fmt.Errorf("%w: its certificate has %d names instead of one URI", errNotNode, names)
	}

	u := cert.URIs[0]
	foreign := fmt.Errorf("%w: its certificate does not name one", errNotNode)

	text, ok := strings.CutPrefix(u.Path, nodePath)
	if !ok || ValidateCluster(u.Host) != nil {
		return name{}, foreign
	}

	node, err := segue.ParseNodeID(text)
	if err != nil || node.IsZero() {
		return name{}, foreign
	}

	// Only the form that newLeaf writes, so that one node has one name.
	if u.String() != scheme+"://"+u.Host+nodePath+node.String() {
		return name{}, foreign
	}

	return name{cluster: u.Host, node: node}, nil
}
