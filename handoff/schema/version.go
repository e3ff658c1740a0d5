package schema

import (
	"encoding/hex"
	"fmt"
)

// A Version numbers the shapes of one kind: 1, 2, 3 and so on, never reused.
// A new one is due for every change of wire shape or of meaning. It has
// nothing to do with the number of a release. Zero means "no version".
type Version uint32

// MaxVersions is the largest number of versions that one kind can carry steps
// for, its head included. It bounds what a manifest of a peer may hold.
const MaxVersions = 1024

// A Fingerprint identifies the wire shape of one version: the first 8 bytes of
// a SHA-256 over [Shape.String]. Two releases that show different fingerprints
// for one version have diverged histories. The zero value means "unknown".
type Fingerprint [8]byte

// ParseFingerprint reads the form that [Fingerprint.String] writes.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	if len(s) != hex.EncodedLen(len(f)) {
		return Fingerprint{}, fmt.Errorf("fingerprint %q has %d characters, want %d hex digits", s, len(s), hex.EncodedLen(len(f)))
	}

	if _, err := hex.Decode(f[:], []byte(s)); err != nil {
		return Fingerprint{}, fmt.Errorf("fingerprint %q: %w", s, err)
	}

	return f, nil
}

// IsZero reports whether f is unknown.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// String returns 16 lower-case hex digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// MarshalText writes [Fingerprint.String].
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what [Fingerprint.MarshalText] wrote.
func (f *Fingerprint) UnmarshalText(b []byte) error {
	v, err := ParseFingerprint(string(b))
	if err != nil {
		return err
	}

	*f = v

	return nil
}

// A Direction says which way a step is taken.
type Direction uint8

// The directions.
const (
	// Up leads to the next version, as in an upgrade.
	Up Direction = iota + 1
	// Down leads to the version before, as in a rollback.
	Down
)

// String returns "up" or "down", and "none" for the zero value.
func (d Direction) String() string {
	switch d {
	case Up:
		return "up"
	case Down:
		return "down"
	}

	return "none"
}
