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
	if len(b) > l.Bytes {
		return refuse(TooLarge, 0, "%d bytes, at most %d are allowed", len(b), l.Bytes)
	}

	n, err := scan(b, &l)
	if err != nil {
		return err
	}

	if n != len(b) {
		return refuse(Trailing, n, "%d bytes after the value", len(b)-n)
	}

	return nil
}

// nest is the stack of open containers.
type nest struct {
	left  [MaxDepth]int // values to come in each
	maps  uint64        // bit i: container i is a map
	depth int
}

// key reports whether the next value is the key of a map.
func (s *nest) key() bool {
	d := s.depth - 1

	return d >= 0 && s.maps>>d&1 != 0 && s.left[d]&1 == 0
}

// push opens a container of n values.
func (s *nest) push(n int, m kind) {
	s.left[s.depth] = n
	s.maps &^= 1 << s.depth

	if m == kindMap {
		s.maps |= 1 << s.depth
	}

	s.depth++
}

// done counts one finished value, and every container that it finishes.
func (s *nest) done() {
	for s.depth > 0 {
		s.left[s.depth-1]--
		if s.left[s.depth-1] > 0 {
			return
		}

		s.depth--
	}
}

// scan walks the first value of b and returns its length. The limits are
// complete. The size of b is not checked.
func scan(b []byte, l *Limits) (int, error) {
	var (
		s   nest
		i   int
		err error
	)

	for values := 0; ; values++ {
		if values >= l.Values {
			return 0, refuse(Values, i, "at most %d values are allowed", l.Values)
		}

		if i, err = s.step(b, i, l); err != nil {
			return 0, err
		}

		if s.depth == 0 {
			return i, nil
		}
	}
}

// step checks the value at i, or the head of it if it is a container, and
// returns the position behind.
func (s *nest) step(b []byte, i int, l *Limits) (int, error) {
	h, ok := readHead(b[i:])
	if !ok {
		return 0, badHead(b, i)
	}

	if s.key() {
		if err := checkKey(h, i, l); err != nil {
			return 0, err
		}
	}

	start := i
	i += h.size

	switch h.kind {
	case kindNil, kindBool, kindUint, kindInt, kindFloat32, kindFloat64:
	case kindString, kindBin, kindExt:
		if h.n > len(b)-i {
			return 0, refuse(Truncated, start, "%v of %d bytes, %d are left", h.kind, h.n, len(b)-i)
		}

		if h.kind == kindExt {
			if err := checkExt(b[i-1:i+h.n], start); err != nil {
				return 0, err
			}
		}

		i += h.n
	case kindArray, kindMap:
		n, err := s.container(h, start, len(b)-i, l)
		if err != nil {
			return 0, err
		}

		if n > 0 {
			s.push(n, h.kind)

			return i, nil
		}
	}

	s.done()

	return i, nil
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

// container returns the number of values in a container, of which each takes
// at least one of the left bytes.
func (s *nest) container(h head, i, left int, l *Limits) (int, error) {
	if h.n > l.Elements {
		return 0, refuse(Elements, i, "%v of %d elements, at most %d are allowed", h.kind, h.n, l.Elements)
	}

	if s.depth >= l.Depth {
		return 0, refuse(Depth, i, "at most %d containers may be inside of each other", l.Depth)
	}

	n := h.n
	if h.kind == kindMap {
		n *= 2
	}

	if n > left {
		return 0, refuse(Truncated, i, "%v of %d elements in %d bytes", h.kind, h.n, left)
	}

	return n, nil
}
