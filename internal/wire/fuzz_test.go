package wire_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/segue-cluster/segue/internal/wire"
)

// FuzzReader: any stream yields payloads within their limits and one final
// error, and what was read, written again, reads the same.
func FuzzReader(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Add(raw("SG", 1, byte(wire.Call), 0, 0, 2, "ok"))
	f.Add(append(raw("SG", 1, byte(wire.Flip), 1, 9, 2, "ab"), raw("SG", 1, byte(wire.Flip), 0, 9, 1, "c")...))
	f.Add(raw("SG", 1, byte(wire.Call), 0, 0, 1<<20, ""))

	f.Fuzz(func(t *testing.T, stream []byte) {
		r := wire.NewReader(bytes.NewReader(stream))

		var written []byte

		for total := 0; ; {
			typ, p, err := r.Next()
			if err != nil {
				if err != io.EOF && wire.ClassOf(err) == 0 { //nolint:errorlint // exactly EOF is promised
					t.Fatalf("Next() = %v, want EOF or an *Error", err)
				}

				break
			}

			if total += len(p); total > len(stream) || len(p) > typ.MaxPayload() || !typ.Valid() {
				t.Fatalf("Next() = %v, %d bytes", typ, len(p))
			}

			if written, err = wire.AppendFrame(written, typ, p); err != nil {
				t.Fatalf("AppendFrame(%v, %d bytes) = %v", typ, len(p), err)
			}

			copyType, again, err := wire.NewReader(bytes.NewReader(written)).Next()
			if err != nil || copyType != typ || !bytes.Equal(again, p) {
				t.Fatalf("a frame of %v came back as %v, %v", typ, copyType, err)
			}

			written = written[:0]
		}
	})
}

// FuzzScan: Scan, Canonical and SplitMap agree about what is well-formed.
func FuzzScan(f *testing.F) {
	addValues(f)

	f.Fuzz(func(t *testing.T, b []byte) {
		l := wire.Limits{Elements: 1 << 20, Values: 1 << 24, Key: 1 << 20}
		err := wire.Scan(b, l)

		_, canonicalErr := wire.Canonical(nil, b)
		if err == nil && canonicalErr != nil && wire.ClassOf(canonicalErr) != wire.Duplicate || err != nil && canonicalErr == nil {
			t.Fatalf("Scan = %v, Canonical = %v", err, canonicalErr)
		}

		fs, splitErr := wire.SplitMap(b, nil)
		if err != nil && splitErr == nil {
			t.Fatalf("Scan = %v, SplitMap = nil", err)
		}

		if splitErr == nil {
			if joined := wire.JoinMap(nil, fs); wire.Scan(joined, l) != nil {
				t.Fatalf("JoinMap = %x, which Scan refuses", joined)
			}
		}

		if err == nil {
			for n := range len(b) {
				if wire.Scan(b[:n], l) == nil {
					t.Fatalf("Scan accepts %x and its first %d bytes", b, n)
				}
			}
		}
	})
}

// FuzzCanonical: the canonical form is its own canonical form.
func FuzzCanonical(f *testing.F) {
	addValues(f)

	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := wire.Canonical(nil, b)
		if err != nil {
			return
		}

		twice, err := wire.Canonical(nil, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("Canonical(%x) = %x, %v", once, twice, err)
		}
	})
}

// FuzzUnmarshal: no panic, bounded memory, and what is accepted is what is
// written again, apart from fields that were absent or empty.
func FuzzUnmarshal(f *testing.F) {
	addValues(f)

	f.Fuzz(func(t *testing.T, b []byte) {
		l := wire.Limits{Decoded: 1 << 20}

		var (
			v             shapes
			before, after runtime.MemStats
		)

		runtime.ReadMemStats(&before)

		err := wire.Unmarshal(b, &v, l)

		runtime.ReadMemStats(&after)

		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20+64*uint64(len(b)) {
			t.Fatalf("Unmarshal of %d bytes allocated %d", len(b), used)
		}

		if err != nil {
			if _, ok := errors.AsType[*wire.Error](err); !ok {
				t.Fatalf("Unmarshal = %v, want an *Error", err)
			}

			return
		}

		again, err := wire.Marshal(&v)
		if err != nil {
			t.Fatalf("Marshal = %v", err)
		}

		in, out := parse(t, b), parse(t, again)
		if !in.within(out) {
			t.Fatalf("Unmarshal accepted\n%x, which is written as\n%x", b, again)
		}
	})
}

// addValues seeds a fuzz target with values of every kind.
func addValues(f *testing.F) {
	f.Helper()

	for _, v := range []any{newShapes(), &shapes{}, newCampaign(), newCall()} {
		b, err := wire.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}

		f.Add(b)
	}

	for _, b := range []string{
		"", "\xc1", "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\x82\x01\x01\xcc\x01\x02",
		"\x81\xa2I8\xcc\x80", "\x81\xa3F32\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", "\x81\xa4Ints\x91\xd3\xff\xff\xff\xff\xff\xff\xff\xff",
		"\x81\xa4Time\xc7\x0c\xff\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff", "\x81\xa4Tree\x81\xa4Kids\x91\x80",
	} {
		f.Add([]byte(b))
	}
}

// tree is a value in canonical form: its own bytes if it is a scalar, else its
// elements, or keys and values.
type tree struct {
	scalar string
	list   []tree
	pairs  map[string]tree
}

// parse reads the canonical form of b.
func parse(t *testing.T, b []byte) tree {
	t.Helper()

	c, err := wire.Canonical(nil, b)
	if err != nil {
		t.Fatalf("Canonical(%x) = %v", b, err)
	}

	v, _ := parseTree(c)

	return v
}

func parseTree(b []byte) (tree, []byte) {
	size := func(n int) (tree, []byte) { return tree{scalar: string(b[:n])}, b[n:] }
	count := func(n int) int {
		v := 0
		for _, c := range b[1 : 1+n] {
			v = v<<8 | int(c)
		}

		return v
	}

	switch c := b[0]; {
	case c >= 0x80 && c <= 0x8f:
		return parsePairs(b[1:], int(c&15))
	case c >= 0x90 && c <= 0x9f:
		return parseList(b[1:], int(c&15))
	case c >= 0xa0 && c <= 0xbf:
		return size(1 + int(c&31))
	case c == 0xc4 || c == 0xd9:
		return size(2 + count(1))
	case c == 0xc5 || c == 0xda:
		return size(3 + count(2))
	case c == 0xc6 || c == 0xdb:
		return size(5 + count(4))
	case c == 0xc7:
		return size(3 + count(1))
	case c == 0xd6:
		return size(6)
	case c == 0xd7:
		return size(10)
	case c == 0xcb || c == 0xcf || c == 0xd3:
		return size(9)
	case c == 0xce || c == 0xd2:
		return size(5)
	case c == 0xcd || c == 0xd1:
		return size(3)
	case c == 0xcc || c == 0xd0:
		return size(2)
	case c == 0xdc:
		return parseList(b[3:], count(2))
	case c == 0xdd:
		return parseList(b[5:], count(4))
	case c == 0xde:
		return parsePairs(b[3:], count(2))
	case c == 0xdf:
		return parsePairs(b[5:], count(4))
	}

	return size(1)
}

func parseList(b []byte, n int) (tree, []byte) {
	v := tree{list: make([]tree, n)}
	for i := range v.list {
		v.list[i], b = parseTree(b)
	}

	return v, b
}

func parsePairs(b []byte, n int) (tree, []byte) {
	v := tree{pairs: make(map[string]tree, n)}

	for range n {
		var k, e tree

		k, b = parseTree(b)
		e, b = parseTree(b)
		v.pairs[k.scalar] = e
	}

	return v, b
}

// within reports whether out is v with zero values for what v does not have,
// and without what is empty.
func (v tree) within(out tree) bool {
	switch {
	case v.pairs != nil:
		for k, e := range v.pairs {
			o, ok := out.pairs[k]
			if ok && !e.within(o) || !ok && !e.zero() {
				return false
			}
		}

		for k, o := range out.pairs {
			if _, ok := v.pairs[k]; !ok && !o.zero() {
				return false
			}
		}

		return out.pairs != nil
	case v.list != nil:
		if len(v.list) != len(out.list) {
			return false
		}

		for i := range v.list {
			if !v.list[i].within(out.list[i]) {
				return false
			}
		}

		return out.list != nil
	}

	return v.scalar == out.scalar
}

// zero reports whether v is what a zero value of some type is written as.
func (v tree) zero() bool {
	for _, e := range v.list {
		if !e.zero() {
			return false
		}
	}

	for _, e := range v.pairs {
		if !e.zero() {
			return false
		}
	}

	switch s := v.scalar; {
	case s == "", s == "\xc0", s == "\xc2", s == "\x00", s == "\xa0", s == "\xcb\x00\x00\x00\x00\x00\x00\x00\x00":
		return true
	case s[0] == 0xc4:
		return len(bytes.Trim([]byte(s[2:]), "\x00")) == 0
	default:
		return s == "\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x88\x6e\x09\x00" // the zero time
	}
}
