package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"golang.org/x/crypto/argon2"
)

// MaxClusterName is the length in bytes of the longest name of a cluster.
const MaxClusterName = 63

// The derivation. Wire: nodes of every release must arrive at the same keys.
const (
	saltLabel  = "segue/cookie/v1\x00"
	gossipInfo = "segue/v1/gossip-aes256"
	caInfo     = "segue/v1/ca-ed25519-seed"
	idInfo     = "segue/v1/key-id"

	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4

	keyBytes = 32
	idBytes  = 6
)

var clusterName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]|\.[A-Za-z0-9])*$`)

// ValidateCluster checks the name of a cluster: 1 to 63 ASCII letters, digits,
// "_", "-" and single dots. It begins with a letter or digit, and so does what
// follows a dot. Names are part of certificates.
func ValidateCluster(name string) error {
	switch {
	case len(name) > MaxClusterName:
		return fmt.Errorf("cluster name %q has %d bytes, at most %d are allowed", name, len(name), MaxClusterName)
	case !clusterName.MatchString(name):
		return fmt.Errorf("cluster name %q must be letters, digits, _, - and single dots, "+
			"and begin with a letter or digit", name)
	}

	return nil
}

// Keys are all that a cookie stands for in one cluster. They are immutable, and
// format as their key id.
type Keys struct {
	cluster string
	id      string
	gossip  []byte
	caKey   ed25519.PrivateKey
	ca      *x509.Certificate
}

// Derive computes the keys of the cluster of that name; see the package comment
// for the derivation. For a cookie that a person chose it takes about half a
// second and 64 MiB of memory, so derive once and keep the result.
func Derive(cookie Cookie, cluster string) (*Keys, error) {
	if err := ValidateCluster(cluster); err != nil {
		return nil, err
	}

	if cookie.IsZero() {
		return nil, errors.New("the cookie is empty")
	}

	salt := sha256.Sum256([]byte(saltLabel + cluster))

	root := []byte(cookie.secret)
	if !cookie.machine {
		root = argon2.IDKey(root, salt[:], argonTime, argonMemory, argonThreads, keyBytes)
	}

	prk, err := hkdf.Extract(sha256.New, root, salt[:])
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}

	gossip, err1 := hkdf.Expand(sha256.New, prk, gossipInfo, keyBytes)
	seed, err2 := hkdf.Expand(sha256.New, prk, caInfo, ed25519.SeedSize)
	id, err3 := hkdf.Expand(sha256.New, prk, idInfo, idBytes)

	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}

	k := &Keys{cluster: cluster, id: hex.EncodeToString(id), gossip: gossip, caKey: ed25519.NewKeyFromSeed(seed)}
	if k.ca, err = newCA(k.id, k.caKey); err != nil {
		return nil, err
	}

	return k, nil
}

// GossipKey returns a copy of the AES-256 key of the gossip traffic, 32 bytes.
func (k *Keys) GossipKey() []byte { return append([]byte(nil), k.gossip...) }

// ID returns the key id, 12 hexadecimal digits. It is public and tells cookies
// apart: in logs, in status pages, during a rotation.
func (k *Keys) ID() string { return k.id }

// Cluster returns the name of the cluster that the keys are for.
func (k *Keys) Cluster() string { return k.cluster }

// String returns "keys <id>".
func (k *Keys) String() string { return "keys " + k.id }

// Format writes [Keys.String], whatever the verb.
func (k *Keys) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(k.String())) //nolint:errcheck // a Formatter has nobody to tell
}

// LogValue returns the key id.
func (k *Keys) LogValue() slog.Value { return slog.StringValue(k.id) }
