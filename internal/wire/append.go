package wire

import (
	"encoding/binary"
	"math"
)

// The append functions write the shortest form of a value or of a head.

func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n <= math.MaxInt8:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, codeUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	}

	return binary.BigEndian.AppendUint64(append(dst, codeUint64), n)
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n)) //nolint:gosec // two's complement
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n)) //nolint:gosec // two's complement
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n)) //nolint:gosec // two's complement
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n)) //nolint:gosec // two's complement
	}

	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n)) //nolint:gosec // two's complement
}

// appendSized appends a head whose length takes 1, 2 or 4 bytes after the code
// for it. Codes follow each other; one8 is false where there is no code for a
// length of 1 byte, and code is then that for 2.
func appendSized(dst []byte, code byte, one8 bool, n int) []byte { //nolint:revive // one8 describes the format
	two, four := code, code+1
	if one8 {
		if n <= math.MaxUint8 {
			return append(dst, code, byte(n)) //nolint:gosec // checked above
		}

		two, four = code+1, code+2
	}

	if n <= math.MaxUint16 {
		return binary.BigEndian.AppendUint16(append(dst, two), uint16(n)) //nolint:gosec // checked above
	}

	return binary.BigEndian.AppendUint32(append(dst, four), uint32(n)) //nolint:gosec // lengths are below 4 GiB
}

func appendString[S string | []byte](dst []byte, s S) []byte {
	if len(s) < 32 {
		dst = append(dst, 0xa0|byte(len(s))) //nolint:gosec // checked above
	} else {
		dst = appendSized(dst, 0xd9, true, len(s))
	}

	return append(dst, s...)
}

func appendBin(dst, b []byte) []byte {
	return append(appendSized(dst, 0xc4, true, len(b)), b...)
}

func appendArrayHead(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, 0x90|byte(n)) //nolint:gosec // checked above
	}

	return appendSized(dst, 0xdc, false, n)
}

func appendMapHead(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, 0x80|byte(n)) //nolint:gosec // checked above
	}

	return appendSized(dst, 0xde, false, n)
}

// appendTime appends a timestamp in its shortest form.
func appendTime(dst []byte, sec int64, nsec uint32) []byte {
	switch {
	case sec>>34 != 0:
		dst = append(dst, 0xc7, 12, extTime)
		dst = binary.BigEndian.AppendUint32(dst, nsec)

		return binary.BigEndian.AppendUint64(dst, uint64(sec)) //nolint:gosec // two's complement
	case nsec == 0 && sec <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd6, extTime), uint32(sec))
	}

	return binary.BigEndian.AppendUint64(append(dst, 0xd7, extTime), uint64(nsec)<<34|uint64(sec))
}
