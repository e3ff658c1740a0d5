package wire

// Scan reports whether b is exactly one well-formed msgpack value within the
// limits l, without decoding it. It refuses values that are cut off, bytes
// after the value, the reserved code, counts that the remaining bytes cannot
// hold, extensions other than timestamps, and keys other than strings,
// binaries, integers and booleans. It does not look for duplicate keys or for
// invalid UTF-8: that needs a type, see [Unmarshal].
//
// Scan neither recurses nor allocates, unless it returns an error, which is an
// *[Error].
func Scan(b []byte, l Limits) error {
	l = l.withDefaults(len(b))

	return scanWithin(b, &l)
}

// scanWithin is Scan with limits that are complete.
func scanWithin(b []byte, l *Limits) error {
	if len(b) > l.Bytes {
		return refuse(TooLarge, 0, "%d bytes, at most %d are allowed", len(b), l.Bytes)
	}

	n, err := scan(b, l)
	if err != nil {
		return err
	}

	if n != len(b) {
		return refuse(Trailing, n, "%d bytes after the value", len(b)-n)
	}

	return nil
}

// scan walks the first value of b and returns its length. The limits are
// complete. The size of b is not checked.
//
// It is on the way of every message, so that it is one loop without calls, and
// the innermost container is in variables: left values of it are to come, and
// pairs is 1 for a map, 0 otherwise. The containers around it are in stack, as
// left<<1 | pairs.
func scan(b []byte, l *Limits) (int, error) { //nolint:gocognit // see above
	var (
		stack              [MaxDepth]uint64
		left, pairs, depth = uint64(1), uint64(0), 0
	)

	for i, values := 0, 0; ; values++ {
		if i >= len(b) {
			return 0, badHead(b, i)
		}

		c := codes[b[i]]
		start, n := i, int(c.fixed)

		if i += int(c.size); i > len(b) || c.kind == 0 {
			return 0, badHead(b, start)
		}

		if c.width != 0 {
			n = readLength(b[start:], c.width)
		}

		if values >= l.Values {
			return 0, refuse(Values, start, "at most %d values are allowed", l.Values)
		}

		if left&1 < pairs && (c.kind != kindString || n > l.Key) { // the key of a map
			if err := checkKey(head{kind: c.kind, n: n}, start, l); err != nil {
				return 0, err
			}
		}

		switch c.kind {
		case kindNil, kindBool, kindUint, kindInt, kindFloat32, kindFloat64:
		case kindString, kindBin, kindExt:
			if n > len(b)-i {
				return 0, refuse(Truncated, start, "%v of %d bytes, %d are left", c.kind, n, len(b)-i)
			}

			if c.kind == kindExt {
				if err := checkExt(b[i-1:i+n], start); err != nil {
					return 0, err
				}
			}

			i += n
		case kindArray, kindMap:
			if err := checkContainer(c.kind, n, len(b)-i, depth, start, l); err != nil {
				return 0, err
			}

			if n > 0 {
				stack[depth] = left<<1 | pairs
				depth++

				left, pairs = uint64(n), 0
				if c.kind == kindMap {
					left, pairs = left*2, 1
				}

				continue
			}
		}

		for left--; left == 0; left-- {
			if depth == 0 {
				return i, nil
			}

			depth--
			left, pairs = stack[depth]>>1, stack[depth]&1
		}
	}
}

func badHead(b []byte, i int) error {
	if i < len(b) && b[i] == codeReserved {
		return refuse(Reserved, i, "msgpack does not use 0xc1")
	}

	return refuse(Truncated, len(b), "the bytes end inside of a value")
}

func checkKey(h head, i int, l *Limits) error {
	switch h.kind {
	case kindString, kindBin:
		if h.n > l.Key {
			return refuse(KeyLength, i, "a key of %d bytes, at most %d are allowed", h.n, l.Key)
		}

		return nil
	case kindBool, kindUint, kindInt:
		return nil
	case kindNil, kindFloat32, kindFloat64, kindArray, kindMap, kindExt:
	}

	return refuse(Type, i, "%v is the key of a map", h.kind)
}

// checkExt checks an extension, given from its type on.
func checkExt(b []byte, i int) error {
	if b[0] != extTime {
		return refuse(Ext, i, "extension type %d, only timestamps are known", int8(b[0])) //nolint:gosec // two's complement
	}

	if _, _, ok := readTime(b[1:]); !ok {
		return refuse(Ext, i, "a timestamp of %d bytes is malformed", len(b)-1)
	}

	return nil
}

// checkContainer checks an array or map of n elements, each of which takes at
// least one of the left bytes, inside of depth others.
func checkContainer(k kind, n, left, depth, i int, l *Limits) error {
	values := n
	if k == kindMap {
		values *= 2
	}

	switch {
	case n > l.Elements:
		return refuse(Elements, i, "%v of %d elements, at most %d are allowed", k, n, l.Elements)
	case depth >= l.Depth:
		return refuse(Depth, i, "at most %d containers may be inside of each other", l.Depth)
	case values > left:
		return refuse(Truncated, i, "%v of %d elements in %d bytes", k, n, left)
	}

	return nil
}
