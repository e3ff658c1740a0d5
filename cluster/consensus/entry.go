package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/hashicorp/raft"
)

// Layout of a stored entry, format 1. All numbers are big-endian. This is a
// format on disk: do not change it, add a new one.
//
//	offset size
//	0      1    format
//	1      1    type
//	2      8    index
//	10     8    term
//	18     8    time of the append in Unix nanoseconds, 0 if unknown
//	26     4    length of the data, n
//	30     n    data
//	30+n   4    length of the extensions, m
//	34+n   m    extensions
//	34+n+m 4    CRC32C of all bytes before
const (
	entryFormat   = 1
	entryOverhead = 38

	// Far above [MaxProposal]: raft's own entries, and those of a later release
	// with a higher limit, must fit.
	maxEntryPart = 64 << 20
)

var errChecksum = errors.New("the checksum does not match")

func checksum(parts ...[]byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)

	var sum uint32
	for _, p := range parts {
		sum = crc32.Update(sum, table, p)
	}

	return sum
}

// seal returns b followed by the checksum of prefix and b. It may append in
// place.
func seal(prefix, b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, checksum(prefix, b))
}

// unseal checks and cuts off what seal appended.
func unseal(prefix, b []byte) ([]byte, error) {
	n := len(b) - 4
	if n < 0 {
		return nil, fmt.Errorf("%d bytes are too few", len(b))
	}

	if binary.BigEndian.Uint32(b[n:]) != checksum(prefix, b[:n]) {
		return nil, errChecksum
	}

	return b[:n], nil
}

func encodeEntry(l *raft.Log) ([]byte, error) {
	if len(l.Data) > maxEntryPart || len(l.Extensions) > maxEntryPart {
		return nil, fmt.Errorf("log entry %d has %d bytes of data and %d of extensions, want at most %d each",
			l.Index, len(l.Data), len(l.Extensions), maxEntryPart)
	}

	var at int64
	if !l.AppendedAt.IsZero() {
		at = l.AppendedAt.UnixNano()
	}

	b := make([]byte, 0, entryOverhead+len(l.Data)+len(l.Extensions))
	b = append(b, entryFormat, byte(l.Type))
	b = binary.BigEndian.AppendUint64(b, l.Index)
	b = binary.BigEndian.AppendUint64(b, l.Term)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = appendPart(b, l.Data)
	b = appendPart(b, l.Extensions)

	return seal(nil, b), nil
}

// appendPart appends a byte string with a length of four bytes in front.
func appendPart(b, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data))) //nolint:gosec // at most maxEntryPart

	return append(b, data...)
}

// decodeEntry reads what encodeEntry wrote for the entry of that index. It
// copies.
func decodeEntry(b []byte, index uint64, l *raft.Log) error {
	b, err := unseal(nil, b)
	if err != nil {
		return err
	}

	if len(b) < entryOverhead-4 {
		return fmt.Errorf("%d bytes are too few", len(b))
	}

	if b[0] != entryFormat {
		return fmt.Errorf("format %d is unknown, this release reads %d", b[0], entryFormat)
	}

	l.Type = raft.LogType(b[1])
	l.Index = binary.BigEndian.Uint64(b[2:])
	l.Term = binary.BigEndian.Uint64(b[10:])

	l.AppendedAt = time.Time{}
	if at := binary.BigEndian.Uint64(b[18:]); at != 0 {
		l.AppendedAt = time.Unix(0, int64(at)) //nolint:gosec // two's complement both ways
	}

	if l.Index != index {
		return fmt.Errorf("it says that it is entry %d", l.Index)
	}

	rest := b[26:]
	if l.Data, rest, err = part(rest); err != nil {
		return err
	}

	if l.Extensions, rest, err = part(rest); err != nil {
		return err
	}

	if len(rest) > 0 {
		return fmt.Errorf("%d bytes are left over", len(rest))
	}

	return nil
}

// part copies what appendPart has appended.
func part(b []byte) (data, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("it ends early")
	}

	n := uint64(binary.BigEndian.Uint32(b))
	b = b[4:]

	if n > uint64(len(b)) || n > math.MaxInt32 {
		return nil, nil, errors.New("it ends early")
	}

	if n > 0 {
		data = append(data, b[:n]...)
	}

	return data, b[n:], nil
}
