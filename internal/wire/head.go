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

// Codes that are needed by name.
const (
	codeReserved = 0xc1
	codeUint8    = 0xcc
	codeUint64   = 0xcf
	extTime      = 0xff // type -1
)

// code is what the first byte of a value says about its head.
type code struct {
	kind  kind  // 0 for the reserved code
	size  uint8 // as head.size
	width uint8 // bytes of the length that follows, 0 if fixed is the length
	fixed uint8 // as head.n
}

// codes has the meaning of every first byte.
var codes = makeCodes() //nolint:gochecknoglobals // a constant table

func makeCodes() (t [256]code) {
	for i := range 0x80 {
		t[i] = code{kind: kindUint, size: 1}
	}

	for i := range 16 {
		t[0x80+i] = code{kind: kindMap, size: 1, fixed: uint8(i)}
		t[0x90+i] = code{kind: kindArray, size: 1, fixed: uint8(i)}
	}

	for i := range 32 {
		t[0xa0+i] = code{kind: kindString, size: 1, fixed: uint8(i)}
		t[0xe0+i] = code{kind: kindInt, size: 1}
	}

	t[0xc0] = code{kind: kindNil, size: 1}
	t[0xc2] = code{kind: kindBool, size: 1}
	t[0xc3] = code{kind: kindBool, size: 1}
	t[0xca] = code{kind: kindFloat32, size: 5}
	t[0xcb] = code{kind: kindFloat64, size: 9}

	for i := range 5 {
		t[0xd4+i] = code{kind: kindExt, size: 2, fixed: 1 << i}
	}

	for i := range 4 {
		t[0xcc+i] = code{kind: kindUint, size: 1 + 1<<i}
		t[0xd0+i] = code{kind: kindInt, size: 1 + 1<<i}
	}

	for i := range 3 {
		width := uint8(1) << i
		t[0xc4+i] = code{kind: kindBin, size: 1 + width, width: width}
		t[0xc7+i] = code{kind: kindExt, size: 2 + width, width: width}
		t[0xd9+i] = code{kind: kindString, size: 1 + width, width: width}
	}

	for i := range 2 {
		width := uint8(2) << i
		t[0xdc+i] = code{kind: kindArray, size: 1 + width, width: width}
		t[0xde+i] = code{kind: kindMap, size: 1 + width, width: width}
	}

	return t
}

// readHead reads the head of the value that b begins with. It returns false if
// b ends before the head does and for the reserved code. The body may still
// be cut off.
func readHead(b []byte) (head, bool) {
	if len(b) == 0 {
		return head{}, false
	}

	c := codes[b[0]]
	h := head{kind: c.kind, size: int(c.size), n: int(c.fixed)}

	if len(b) < h.size || c.kind == 0 {
		return head{}, false
	}

	if c.width != 0 {
		h.n = readLength(b, c.width)
	}

	return h, true
}

// readLength reads the length of width bytes that follows the first byte of b.
func readLength(b []byte, width uint8) int {
	switch width {
	case 1:
		return int(b[1])
	case 2:
		return int(binary.BigEndian.Uint16(b[1:]))
	}

	return int(binary.BigEndian.Uint32(b[1:]))
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
