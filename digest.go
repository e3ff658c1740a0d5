package segue

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// A Digest identifies a multiset of records: the sum modulo 2^256 of their
// SHA-256 hashes, as a big-endian number. Sums do not depend on the order, so
// two ends of a handoff may count in their own order and compare. It guards
// against mistakes, not against a peer that wants to cheat.
type Digest [32]byte

// Add returns d + o modulo 2^256.
func (d Digest) Add(o Digest) Digest {
	var (
		sum   Digest
		carry uint64
	)

	for i := 24; i >= 0; i -= 8 {
		var s uint64

		s, carry = bits.Add64(binary.BigEndian.Uint64(d[i:]), binary.BigEndian.Uint64(o[i:]), carry)
		binary.BigEndian.PutUint64(sum[i:], s)
	}

	return sum
}

// String returns d in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }
