package wire

import (
	"encoding/binary"
	"math"
	"sync"
)

// Canonical appends the canonical form of the one value in b to dst: every
// value in its shortest form, floats as 64-bit floats, the entries of maps in
// the order of their canonical keys, compared as bytes. Two encodings of the
// same value have the same canonical form. It is a valid encoding itself, but
// it is meant for digests and comparisons: it forgets the widths of floats.
//
// Canonical refuses what [Scan] refuses, without limits on the sizes, and maps
// with equal keys. The error is an *[Error], and dst is then returned as it
// was. The arrays of b and dst may not overlap.
func Canonical(dst, b []byte) ([]byte, error) {
	if err := wellFormed(b); err != nil {
		return dst, err
	}

	c, ok := canons.Get().(*canon)
	if !ok {
		c = new(canon)
	}

	c.out, c.b = dst, b
	c.maps.reset()

	_, err := c.value(0)
	out := c.out

	if c.out, c.b = nil, nil; c.maps.size() <= maxPooled {
		canons.Put(c)
	}

	if err != nil {
		return dst, err
	}

	return out, nil
}

var canons sync.Pool //nolint:gochecknoglobals // of *canon

// wellFormed is Scan without limits on the sizes.
func wellFormed(b []byte) error {
	return Scan(b, Limits{
		Bytes: math.MaxInt, Depth: MaxDepth, Elements: math.MaxInt32, Values: math.MaxInt, Key: math.MaxInt, Decoded: 1,
	})
}

// canon walks scanned bytes. Its recursion is bounded by MaxDepth.
type canon struct {
	b    []byte
	out  []byte
	maps sorter
}

// value appends the value that starts at i and returns where it ends.
func (c *canon) value(i int) (int, error) {
	h, _ := readHead(c.b[i:])
	body := i + h.size

	switch h.kind {
	case kindUint:
		c.out = appendUint(c.out, readUint(c.b[i:]))
	case kindInt:
		c.out = appendInt(c.out, readInt(c.b[i:]))
	case kindFloat32:
		x := math.Float32frombits(binary.BigEndian.Uint32(c.b[i+1:]))
		c.out = binary.BigEndian.AppendUint64(append(c.out, 0xcb), math.Float64bits(float64(x)))
	case kindNil, kindBool, kindFloat64:
		c.out = append(c.out, c.b[i:body]...)
	case kindString:
		c.out = appendString(c.out, c.b[body:body+h.n])

		return body + h.n, nil
	case kindBin:
		c.out = appendBin(c.out, c.b[body:body+h.n])

		return body + h.n, nil
	case kindExt:
		sec, nsec, _ := readTime(c.b[body : body+h.n])
		c.out = appendTime(c.out, sec, nsec)

		return body + h.n, nil
	case kindArray:
		c.out = appendArrayHead(c.out, h.n)

		return c.array(body, h.n)
	case kindMap:
		c.out = appendMapHead(c.out, h.n)

		return c.mapping(body, h.n)
	}

	return body, nil
}

func (c *canon) array(i, n int) (int, error) {
	for range n {
		next, err := c.value(i)
		if err != nil {
			return 0, err
		}

		i = next
	}

	return i, nil
}

func (c *canon) mapping(i, n int) (int, error) {
	start := i
	mark := c.maps.begin()

	for range n {
		s := span{start: len(c.out)}

		mid, err := c.value(i)
		if err != nil {
			return 0, err
		}

		s.mid = len(c.out)

		if i, err = c.value(mid); err != nil {
			return 0, err
		}

		s.end = len(c.out)
		c.maps.add(s)
	}

	if !c.maps.end(c.out, mark) {
		return 0, refuse(Duplicate, start, "a map has two entries of the same key")
	}

	return i, nil
}
