package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/segue-cluster/segue"
)

// MaxMetaLen is the longest encoded [Meta], in bytes. Every node carries the
// meta of every other one in packets of 1,400 bytes.
const MaxMetaLen = 200

// metaVersion is the first byte of an encoded Meta. A later version may only
// add fields at the end: this release reads the fields that it knows. Wire.
const metaVersion = 1

// metaFixedLen is the length of the fields before the two strings. Wire.
const metaFixedLen = 1 + 16 + 8 + 2 + 2 + 1 + 2 + 8 + 2

// Flags are the yes-or-no facts that a node tells about itself.
type Flags uint16

// The flags. Wire: do not reorder, add at the end.
const (
	// FlagVirgin is set while the node belongs to no formed cluster.
	FlagVirgin Flags = 1 << iota
	// FlagDraining is set while the node takes no new shards.
	FlagDraining
	// FlagVoter is set while the node votes in raft.
	FlagVoter
	// FlagLeader is set while the node believes that it leads. A hint.
	FlagLeader
	// FlagStopping is set once the node was told to stop.
	FlagStopping
	// FlagLeaving is set by this package when the node is about to leave
	// gossip; a node never sets it itself.
	FlagLeaving
)

// Has reports whether all flags of x are set in f.
func (f Flags) Has(x Flags) bool { return f&x == x }

// String lists the names of the set flags, separated by commas.
func (f Flags) String() string {
	var names []string

	for i, name := range []string{"virgin", "draining", "voter", "leader", "stopping", "leaving"} {
		if f.Has(1 << i) {
			names = append(names, name)
		}
	}

	return strings.Join(names, ",")
}

// Meta is what a node tells all others about itself. It is a hint: nothing
// that matters may be decided by it without asking the node.
type Meta struct {
	// Node is the id of the node. Required.
	Node segue.NodeID
	// Cluster is the start of the cluster's id; zero while it is unknown. Two
	// nodes that know different ones ignore each other.
	Cluster [8]byte
	// DataHost is the host of the data port, 1 to 96 printable ASCII
	// characters; empty stands for the host that the node gossips from.
	DataHost string
	// DataPort is the TCP port of raft, calls and handoffs; 0 is none.
	DataPort uint16
	// Release is the semver of the node's binary, 1 to 64 printable ASCII
	// characters. Required.
	Release string
	// ProtoMin and ProtoMax are the protocol versions that the node speaks.
	ProtoMin, ProtoMax uint16
	// Expect is the number of nodes to wait for before a first formation;
	// 0 is no opinion.
	Expect uint8
	// Flags are the facts that come and go.
	Flags Flags
	// BootHash names the boot of the kernel that the node runs on, zero if
	// unknown. Nodes with the same one may look at each other's locks.
	BootHash [8]byte
}

// Limits of the strings of a [Meta], in bytes.
const (
	maxHostLen    = 96
	maxReleaseLen = 64
)

// Validate reports every problem of m at once.
func (m Meta) Validate() error {
	var errs []error
	if m.Node.IsZero() {
		errs = append(errs, errors.New("meta: node id is required"))
	}

	if m.Release == "" {
		errs = append(errs, errors.New("meta: release is required"))
	}

	if m.ProtoMin > m.ProtoMax {
		errs = append(errs, fmt.Errorf("meta: lowest protocol version %d is above the highest, %d", m.ProtoMin, m.ProtoMax))
	}

	for _, f := range [...]struct {
		what, s string
		limit   int
	}{{"data host", m.DataHost, maxHostLen}, {"release", m.Release, maxReleaseLen}} {
		if len(f.s) > f.limit {
			errs = append(errs, fmt.Errorf("meta: %s %q has %d bytes, at most %d are allowed", f.what, f.s, len(f.s), f.limit))
		}

		if !printable(f.s) {
			errs = append(errs, fmt.Errorf("meta: %s %q holds a space or a character outside of ASCII", f.what, f.s))
		}
	}

	if l := m.size(); l > MaxMetaLen {
		errs = append(errs, fmt.Errorf("meta: %d bytes, at most %d are allowed: shorten the data host (%d bytes) or the release (%d bytes)",
			l, MaxMetaLen, len(m.DataHost), len(m.Release)))
	}

	return errors.Join(errs...)
}

func (m Meta) size() int { return metaFixedLen + 1 + len(m.DataHost) + 1 + len(m.Release) }

// Encode returns the wire form of m, which is at most [MaxMetaLen] bytes long,
// or what [Meta.Validate] says.
func (m Meta) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}

	b := make([]byte, 0, MaxMetaLen)
	b = append(b, metaVersion)
	b = append(b, m.Node[:]...)
	b = append(b, m.Cluster[:]...)
	b = binary.BigEndian.AppendUint16(b, m.ProtoMin)
	b = binary.BigEndian.AppendUint16(b, m.ProtoMax)
	b = append(b, m.Expect)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Flags))
	b = append(b, m.BootHash[:]...)
	b = binary.BigEndian.AppendUint16(b, m.DataPort)

	for _, s := range [...]string{m.DataHost, m.Release} {
		b = append(b, byte(len(s))) //nolint:gosec // Validate bounds the length by maxHostLen and maxReleaseLen
		b = append(b, s...)
	}

	return b, nil
}

// DecodeMeta reads what [Meta.Encode] wrote. It refuses what Validate refuses
// and, in the version of this release, bytes after the last field; a later
// version may have more.
func DecodeMeta(b []byte) (Meta, error) {
	switch {
	case len(b) < metaFixedLen:
		return Meta{}, fmt.Errorf("meta has %d bytes, want at least %d", len(b), metaFixedLen)
	case b[0] < metaVersion:
		return Meta{}, fmt.Errorf("meta has version %d, want %d or later", b[0], metaVersion)
	}

	m := Meta{
		Node: segue.NodeID(b[1:17]), Cluster: [8]byte(b[17:25]),
		ProtoMin: binary.BigEndian.Uint16(b[25:]), ProtoMax: binary.BigEndian.Uint16(b[27:]),
		Expect: b[29], Flags: Flags(binary.BigEndian.Uint16(b[30:])),
		BootHash: [8]byte(b[32:40]), DataPort: binary.BigEndian.Uint16(b[40:]),
	}
	rest := b[metaFixedLen:]

	for _, s := range [...]*string{&m.DataHost, &m.Release} {
		if len(rest) == 0 || len(rest) < 1+int(rest[0]) {
			return Meta{}, errors.New("meta ends inside a string")
		}

		*s, rest = string(rest[1:1+int(rest[0])]), rest[1+int(rest[0]):]
	}

	if b[0] == metaVersion && len(rest) > 0 {
		return Meta{}, fmt.Errorf("meta of version %d has %d bytes too many", metaVersion, len(rest))
	}

	if err := m.Validate(); err != nil {
		return Meta{}, err
	}

	return m, nil
}

// printable reports whether s can be shown and put into an address as it is.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}

	return true
}
