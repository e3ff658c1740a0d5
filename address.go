package segue

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of the parts of an [Address], in bytes.
const (
	MaxKindLen = 63
	MaxKeyLen  = 512
)

// An Address names a process: one keyed instance of a kind. Its text form is
// "kind/key"; the key may itself contain slashes.
type Address struct {
	// Kind matches [a-z][a-z0-9_-]{0,62}.
	Kind string
	// Key is 1 to 512 bytes of valid UTF-8 without NUL, compared by bytes.
	Key string
}

// ParseAddress splits s at its first slash and validates both parts.
func ParseAddress(s string) (Address, error) {
	kind, key, found := strings.Cut(s, "/")
	if !found {
		return Address{}, fmt.Errorf("address %q has no slash: it is written kind/key", s)
	}

	a := Address{Kind: kind, Key: key}
	if err := a.Validate(); err != nil {
		return Address{}, err
	}

	return a, nil
}

// Validate reports every problem of a at once.
func (a Address) Validate() error {
	return errors.Join(ValidateKind(a.Kind), validateKey(a.Key))
}

// ValidateKind reports whether s may name a kind.
func ValidateKind(s string) error {
	if s == "" || len(s) > MaxKindLen {
		return fmt.Errorf("kind %q has %d bytes, want 1 to %d", s, len(s), MaxKindLen)
	}

	for i := range len(s) {
		c := s[i]

		lower := c >= 'a' && c <= 'z'
		if !lower && (i == 0 || c != '_' && c != '-' && (c < '0' || c > '9')) {
			return fmt.Errorf("kind %q does not match [a-z][a-z0-9_-]*: byte %d is %q", s, i, c)
		}
	}

	return nil
}

func validateKey(s string) error {
	switch {
	case s == "" || len(s) > MaxKeyLen:
		return fmt.Errorf("key has %d bytes, want 1 to %d", len(s), MaxKeyLen)
	case !utf8.ValidString(s):
		return fmt.Errorf("key %q is not valid UTF-8", s)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("key %q contains a NUL byte", s)
	}

	return nil
}

// String returns "kind/key".
func (a Address) String() string { return a.Kind + "/" + a.Key }

// ShardOf returns the shard of a in a cluster of the given number of shards:
// the first 8 bytes, big-endian, of SHA-256(kind || 0x00 || key), modulo
// shards. The function is part of a cluster's identity and never changes. It
// panics if shards is 0.
func ShardOf(a Address, shards uint32) ShardID {
	var buf [MaxKindLen + 1 + MaxKeyLen]byte

	b := append(buf[:0], a.Kind...)
	b = append(b, 0)
	b = append(b, a.Key...)
	sum := sha256.Sum256(b)

	return ShardID(binary.BigEndian.Uint64(sum[:8]) % uint64(shards)) //nolint:gosec // the remainder is below a uint32
}
