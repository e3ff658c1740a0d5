package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/segue-cluster/segue"
)

// The alerts of RFC 8446 by which a peer tells what it does not like.
const (
	badCertificate      = 42
	protocolVersion     = 70
	certificateRequired = 116
	noApplication       = 120
)

// explain adds what an operator can do to an error by which the peer ended the
// handshake. Other errors stay as they are.
func explain(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return err
	}

	// The type of the alert is not exported.
	switch op.Err.Error() {
	case tls.AlertError(badCertificate).Error():
		err = fmt.Errorf("the peer refused this node's certificate: cookie mismatch, "+
			"another cluster name, or not the node that it dialled; its log tells: %w", err)
	case tls.AlertError(certificateRequired).Error():
		err = fmt.Errorf("the peer got no certificate: %w", err)
	case tls.AlertError(noApplication).Error():
		err = fmt.Errorf("%w: the peer does not serve the protocol: %w", segue.ErrUnsupported, err)
	case tls.AlertError(protocolVersion).Error():
		err = fmt.Errorf("the peer does not speak TLS 1.3: %w", err)
	}

	return because(PeerRefused, err)
}
