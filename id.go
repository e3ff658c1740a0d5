package segue

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A NodeID names a node for all time: a random UUID (RFC 9562, version 4) that
// is minted together with the raft log it belongs to. It is never reused. The
// zero NodeID means "no node".
type NodeID [16]byte

// NewNodeID returns a random node id.
func NewNodeID() NodeID {
	var id NodeID
	_, _ = rand.Read(id[:])   // crypto/rand.Read never fails: it ends the program instead
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562

	return id
}

// ParseNodeID reads the form that [NodeID.String] writes.
func ParseNodeID(s string) (NodeID, error) {
	var id NodeID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return NodeID{}, fmt.Errorf("node id %q is not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", s)
	}

	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return NodeID{}, fmt.Errorf("node id %q: %w", s, err)
	}

	return id, nil
}

// IsZero reports whether id names no node.
func (id NodeID) IsZero() bool { return id == NodeID{} }

// String returns the lower-case UUID form, or "-" for the zero id.
func (id NodeID) String() string {
	if id.IsZero() {
		return "-"
	}

	h := hex.EncodeToString(id[:])

	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// MarshalText writes [NodeID.String]; the zero id is the empty text.
func (id NodeID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}

	return []byte(id.String()), nil
}

// UnmarshalText reads what [NodeID.MarshalText] wrote.
func (id *NodeID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = NodeID{}

		return nil
	}

	v, err := ParseNodeID(string(b))
	if err != nil {
		return err
	}

	*id = v

	return nil
}

// An Incarnation is one start of a node: the raft index of the entry by which
// that start joined. Two starts of one node are different nodes in every rule
// of the protocol. Zero means "not joined".
type Incarnation uint64

// A ShardID numbers a hash bucket of processes, the unit of ownership. Shards
// are numbered from 0 to the cluster's shard count minus 1, which is fixed at
// its formation.
type ShardID uint32

// An Epoch numbers the ownerships of one shard. It is the raft index of the
// entry that changed the owner or ended a session.
//
// Invariant: the epoch of a shard only grows, and for one epoch there is at
// most one owner.
type Epoch uint64

// A SessionID numbers the handoff sessions of one shard. Zero means "no
// session".
//
// Invariant: the session ids of a shard only grow.
type SessionID uint64

// A Revision numbers the rollouts of a cluster, in the order in which raft
// accepted them. Release numbers are only labels: an undo is a new revision.
type Revision uint64

// A Token is the fencing token of work done for a shard. Every reply carries
// one. A store outside of Segue that remembers the highest token it has seen
// per shard, and refuses smaller ones, is safe from writes of a past owner.
type Token struct {
	// Generation rises only when a cluster is formed anew or forced.
	Generation uint64
	// Epoch of the ownership under which the work was done.
	Epoch Epoch
	// Session is the handoff session that released the work, 0 if none did.
	Session SessionID
}

// Compare returns -1, 0 or +1 for t older than, equal to or newer than o.
// Fields are compared in the order of their declaration.
func (t Token) Compare(o Token) int {
	for _, d := range [3][2]uint64{
		{t.Generation, o.Generation},
		{uint64(t.Epoch), uint64(o.Epoch)},
		{uint64(t.Session), uint64(o.Session)},
	} {
		switch {
		case d[0] < d[1]:
			return -1
		case d[0] > d[1]:
			return +1
		}
	}

	return 0
}

// String returns "generation.epoch.session" in decimal.
func (t Token) String() string {
	b := strconv.AppendUint(nil, t.Generation, 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(t.Epoch), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(t.Session), 10)

	return string(b)
}

// ParseToken reads what [Token.String] wrote.
func ParseToken(s string) (Token, error) {
	var fields [3]uint64

	parts := strings.Split(s, ".")
	if len(parts) != len(fields) {
		return Token{}, fmt.Errorf("token %q is not of the form generation.epoch.session", s)
	}

	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return Token{}, fmt.Errorf("token %q: %w", s, errors.Unwrap(err))
		}

		fields[i] = v
	}

	return Token{Generation: fields[0], Epoch: Epoch(fields[1]), Session: SessionID(fields[2])}, nil
}
