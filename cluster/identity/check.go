package identity

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/segue-cluster/segue"
)

// The refusals that a caller may tell apart. None of them goes away by trying
// again. Each has a method Reason() string, for counters.
var (
	// ErrCookieMismatch is returned for a peer with another cookie. Give both
	// nodes the same cookie file.
	ErrCookieMismatch error = &reasonError{"cookie_mismatch", "cookie mismatch"}

	// ErrWrongNode is returned when another node answers at the address of the
	// one that was dialled. Look the address up again.
	ErrWrongNode error = &reasonError{"wrong_node", "wrong node"}

	errNotNode error = &reasonError{"not_a_node", "the peer is not a Segue node"}
)

// reasonError is an error with a name for counters.
type reasonError struct{ reason, text string }

// Error returns the text.
func (e *reasonError) Error() string { return e.text }

// Reason returns the name.
func (e *reasonError) Reason() string { return e.reason }

// check returns the node that cert names if one of the accepted authorities
// signed it.
func (i *Identity) check(cert *x509.Certificate) (segue.NodeID, error) {
	n, err := nameOf(cert)
	if err != nil {
		return segue.NodeID{}, err
	}

	// Both come before the signature, which is wrong in these cases too, since
	// the name of the cluster is part of its keys. Lying here only changes the
	// words of the refusal.
	if n.cluster != i.keys.cluster {
		return segue.NodeID{}, fmt.Errorf("%w: the peer is of cluster %q, this node of %q",
			segue.ErrWrongCluster, n.cluster, i.keys.cluster)
	}

	_, err = cert.Verify(x509.VerifyOptions{
		Roots:       i.roots,
		CurrentTime: checkTime(),
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return segue.NodeID{}, i.mismatch(cert, err)
	}

	return n.node, nil
}

func (i *Identity) mismatch(cert *x509.Certificate, err error) error {
	if !errors.As(err, new(x509.UnknownAuthorityError)) {
		return fmt.Errorf("the peer's certificate: %w", err)
	}

	theirs := "another key"
	if id := cert.Issuer.CommonName; isKeyID(id) { // unproven, so never shown as it came
		theirs = "key " + id
	}

	return fmt.Errorf("%w: the peer's cookie gives %s, this node accepts %s; give both the same cookie file",
		ErrCookieMismatch, theirs, strings.Join(i.accepted, ", "))
}

func isKeyID(s string) bool {
	b, err := hex.DecodeString(s)

	return err == nil && len(b) == idBytes
}
