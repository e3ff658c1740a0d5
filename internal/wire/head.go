package wire

import "encoding/binary"

// A kind is the family of a msgpack value.
type kind uint8

const (
	kindNil kind = iota + 1
	kindBool
	kindUint
	kindInt // codes of signed integers; the value may still be positive
	kindFloat32
	kindFloat64
	kindString
	kindBin
	kindArray
	kindMap
	kindExt
)

func (k kind) String() string {
	switch k {
	case kindNil:
		return "nil"
	case kindBool:
		return "a bool"
	case kindUint, kindInt:
		return "an integer"
	case kindFloat32, kindFloat64:
		return "a float"
	case kindString:
		return "a string"
	case kindBin:
		return "binary"
	case kindArray:
		return "an array"
	case kindMap:
		return "a map"
	case kindExt:
		return "an extension"
	}

	return "nothing"
}

// head is what precedes the body of a value.
type head struct {
	kind kind
	// size is the length of the head: the code, a length and, for
	// extensions, their type. The body of numbers counts as head.
	size int
	// n is the number of bytes of a string, binary or extension, of elements
	// of an array, of pairs of a map.
	n int
}

// codes that head and the codec need by name.
const (
	codeNil      = 0xc0
	codeReserved = 0xc1
	codeUint8    = 0xcc
	codeUint64   = 0xcf
	extTime      = 0xff // type -1
)

// readHead reads the head of the value that b begins with. It returns false if
// b ends before the head does and for the reserved code. The body may still
// be cut off.
func readHead(b []byte) (head, bool) {
	if len(b) == 0 {
		return head{}, false
	}

	c := b[0]

	switch {
	case c <= 0x7f:
		return head{kindUint, 1, 0}, true
	case c <= 0x8f:
		return head{kindMap, 1, int(c & 0x0f)}, true
	case c <= 0x9f:
		return head{kindArray, 1, int(c & 0x0f)}, true
	case c <= 0xbf:
		return head{kindString, 1, int(c & 0x1f)}, true
	case c >= 0xe0:
		return head{kindInt, 1, 0}, true
	}

	return readLongHead(b)
}

func readLongHead(b []byte) (head, bool) {
	var h head

	switch c := b[0]; c {
	case codeNil:
		return head{kindNil, 1, 0}, true
	case 0xc2, 0xc3:
		return head{kindBool, 1, 0}, true
	case 0xc4, 0xc5, 0xc6:
		return sized(b, kindBin, 1<<(c-0xc4), 0)
	case 0xc7, 0xc8, 0xc9:
		return sized(b, kindExt, 1<<(c-0xc7), 1)
	case 0xca:
		h = head{kindFloat32, 5, 0}
	case 0xcb:
		h = head{kindFloat64, 9, 0}
	case codeUint8, 0xcd, 0xce, codeUint64:
		h = head{kindUint, 1 + 1<<(c-codeUint8), 0}
	case 0xd0, 0xd1, 0xd2, 0xd3:
		h = head{kindInt, 1 + 1<<(c-0xd0), 0}
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		h = head{kindExt, 2, 1 << (c - 0xd4)}
	case 0xd9, 0xda, 0xdb:
		return sized(b, kindString, 1<<(c-0xd9), 0)
	case 0xdc, 0xdd:
		return sized(b, kindArray, 2<<(c-0xdc), 0)
	case 0xde, 0xdf:
		return sized(b, kindMap, 2<<(c-0xde), 0)
	}

	return h, h.kind != 0 && len(b) >= h.size
}

// sized reads a head with a length of width bytes and extra bytes after it.
func sized(b []byte, k kind, width, extra int) (head, bool) {
	h := head{kind: k, size: 1 + width + extra}
	if len(b) < h.size {
		return head{}, false
	}

	switch width {
	case 1:
		h.n = int(b[1])
	case 2:
		h.n = int(binary.BigEndian.Uint16(b[1:]))
	case 4:
		h.n = int(binary.BigEndian.Uint32(b[1:]))
	}

	return h, true
}

// readUint reads the integer with a head of kindUint that b begins with.
func readUint(b []byte) uint64 {
	switch b[0] {
	case codeUint8:
		return uint64(b[1])
	case 0xcd:
		return uint64(binary.BigEndian.Uint16(b[1:]))
	case 0xce:
		return uint64(binary.BigEndian.Uint32(b[1:]))
	case codeUint64:
		return binary.BigEndian.Uint64(b[1:])
	}

	return uint64(b[0])
}

// readInt reads the integer with a head of kindInt that b begins with. The
// conversions keep the two's complement.
func readInt(b []byte) int64 {
	switch b[0] {
	case 0xd0:
		return int64(int8(b[1])) //nolint:gosec // two's complement
	case 0xd1:
		return int64(int16(binary.BigEndian.Uint16(b[1:]))) //nolint:gosec // two's complement
	case 0xd2:
		return int64(int32(binary.BigEndian.Uint32(b[1:]))) //nolint:gosec // two's complement
	case 0xd3:
		return int64(binary.BigEndian.Uint64(b[1:])) //nolint:gosec // two's complement
	}

	return int64(int8(b[0])) //nolint:gosec // two's complement
}

// readTime reads the body of a timestamp. It returns false for lengths that
// no timestamp has and for a nanosecond out of its range.
func readTime(body []byte) (sec int64, nsec uint32, ok bool) {
	switch len(body) {
	case 4:
		return int64(binary.BigEndian.Uint32(body)), 0, true
	case 8:
		v := binary.BigEndian.Uint64(body)
		sec, nsec = int64(v&(1<<34-1)), uint32(v>>34)
	case 12:
		nsec = binary.BigEndian.Uint32(body)
		sec = int64(binary.BigEndian.Uint64(body[4:])) //nolint:gosec // two's complement
	default:
		return 0, 0, false
	}

	return sec, nsec, nsec < 1_000_000_000
}
