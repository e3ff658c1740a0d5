package wire

import (
	"encoding/binary"
	"hash/crc32"
)

// Limits of the framing, in bytes unless they say otherwise. They are wire: a
// peer refuses what is over them.
const (
	// HeaderSize is the size of the header of each frame.
	HeaderSize = 16
	// MaxControl is the largest payload of a control frame.
	MaxControl = 64 << 10
	// MaxBulkFrame is the largest payload of one frame of a bulk type.
	MaxBulkFrame = 1 << 20
	// MaxRecord is the largest state of a process that is sent whole.
	MaxRecord = 8 << 20
	// MaxEnvelope is what may surround the state in a payload.
	MaxEnvelope = 64 << 10
	// MaxPayload is the largest payload that fragments may add up to.
	MaxPayload = MaxRecord + MaxEnvelope
	// MaxGroups is the number of payloads that one direction of a stream may
	// have open in fragments at the same time.
	MaxGroups = 8
)

const (
	magic0, magic1 = 'S', 'G'
	frameVersion   = 1
	flagMore       = 1 << 0 // more fragments of this payload follow
)

// header is the fixed part of a frame, big-endian: magic (2 bytes), version,
// type, flags (2), fragment group (2), length of the payload (4), CRC32C of
// the 12 bytes before it and of the payload (4).
type header struct {
	typ    FrameType
	more   bool
	group  uint16
	length int
	sum    uint32
}

// parseHeader reads the header in b, which starts at offset of the stream. All
// that can be refused without the payload is refused here.
func parseHeader(b []byte, offset int64) (header, error) {
	_ = b[HeaderSize-1]

	if b[0] != magic0 || b[1] != magic1 {
		return header{}, refuse(BadMagic, offset, "the stream does not carry Segue frames")
	}

	if b[2] != frameVersion {
		return header{}, refuse(BadVersion, offset+2, "frame version %d, want %d", b[2], frameVersion)
	}

	h := header{
		typ:    FrameType(b[3]),
		group:  binary.BigEndian.Uint16(b[6:]),
		sum:    binary.BigEndian.Uint32(b[12:]),
		length: int(binary.BigEndian.Uint32(b[8:])),
	}

	if !h.typ.Valid() {
		return header{}, refuse(BadType, offset+3, "type 0x%02x is not in the registry", b[3])
	}

	flags := binary.BigEndian.Uint16(b[4:])
	if flags&^flagMore != 0 {
		return header{}, refuse(BadFlags, offset+4, "reserved flags 0x%04x are set", flags&^flagMore)
	}

	h.more = flags&flagMore != 0

	switch {
	case h.more && h.group == 0:
		return header{}, refuse(BadFlags, offset+4, "a fragment of %v without a group", h.typ)
	case h.group != 0 && !h.typ.Bulk():
		return header{}, refuse(BadFragment, offset+6, "%v may not be sent in fragments", h.typ)
	case h.group != 0 && h.length == 0:
		return header{}, refuse(BadFragment, offset+8, "an empty fragment of %v", h.typ)
	case h.length > h.typ.MaxFrame():
		return header{}, refuse(TooLarge, offset+8, "%d bytes in a frame of %v, at most %d are allowed",
			h.length, h.typ, h.typ.MaxFrame())
	}

	return h, nil
}

// appendOne appends one frame.
func appendOne(dst []byte, t FrameType, group uint16, more bool, payload []byte) []byte {
	start := len(dst)
	dst = appendHeader(dst, t, group, more, len(payload))
	dst = append(dst, payload...)
	seal(dst[start:])

	return dst
}

// appendHeader appends a header that is not sealed yet, for n bytes of payload.
func appendHeader(dst []byte, t FrameType, group uint16, more bool, n int) []byte { //nolint:revive // more is a field of the header
	var flags uint16
	if more {
		flags = flagMore
	}

	dst = append(dst, magic0, magic1, frameVersion, byte(t))
	dst = binary.BigEndian.AppendUint16(dst, flags)
	dst = binary.BigEndian.AppendUint16(dst, group)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n)) //nolint:gosec // the caller has checked the limit

	return append(dst, 0, 0, 0, 0)
}

// seal writes the checksum into the header of a complete frame.
func seal(frame []byte) {
	binary.BigEndian.PutUint32(frame[12:], checksum(frame))
}

// checksum returns the CRC32C of a complete frame without its checksum.
func checksum(frame []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)

	return crc32.Update(crc32.Checksum(frame[:12], table), table, frame[HeaderSize:])
}
