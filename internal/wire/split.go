package wire

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// A Field is one entry of a map whose value has not been decoded.
type Field struct {
	// Name is the key, without its head.
	Name []byte
	// Value is one encoded value.
	Value []byte
}

// SplitMap appends the entries of the map in b to dst, in the order in which
// they come. Names and values refer to b. It refuses, with an *[Error], what
// [Scan] refuses, without limits on the sizes, and values that are not maps,
// keys that are not strings, and equal keys; dst is then returned as it was.
//
// A map that [Marshal] wrote, or [JoinMap] after [SortFields], is split without
// allocation if dst has room.
func SplitMap(b []byte, dst []Field) ([]Field, error) {
	h, ok := readHead(b)
	if !ok {
		return dst, badHead(b, 0)
	}

	if h.kind != kindMap {
		return dst, refuse(Type, 0, "found %v, want a map", h.kind)
	}

	if h.n > (len(b)-h.size)/2 {
		return dst, refuse(Truncated, 0, "a map of %d entries in %d bytes", h.n, len(b)-h.size)
	}

	fs := slices.Grow(dst, h.n)
	i := h.size

	for range h.n {
		f, next, err := splitEntry(b, i)
		if err != nil {
			return dst, err
		}

		fs = append(fs, f)
		i = next
	}

	if i != len(b) {
		return dst, refuse(Trailing, i, "%d bytes after the map", len(b)-i)
	}

	if dup := duplicate(fs[len(dst):]); dup {
		return dst, refuse(Duplicate, 0, "two entries of the map have the same key")
	}

	return fs, nil
}

// splitEntry reads the entry at i and returns where it ends.
func splitEntry(b []byte, i int) (Field, int, error) {
	h, ok := readHead(b[i:])

	switch {
	case !ok:
		return Field{}, 0, badHead(b, i)
	case h.kind != kindString:
		return Field{}, 0, refuse(Type, i, "found %v, want a string as key", h.kind)
	case h.n > len(b)-i-h.size:
		return Field{}, 0, refuse(Truncated, i, "a key of %d bytes, %d are left", h.n, len(b)-i-h.size)
	}

	start := i + h.size
	end := start + h.n
	l := Limits{
		Depth: MaxDepth - 1, Elements: math.MaxInt32, Values: math.MaxInt, Key: math.MaxInt,
	}

	n, err := scan(b[end:], &l)
	if err != nil {
		if e, ok := err.(*Error); ok { //nolint:errorlint // scan returns nothing else
			e.Offset += int64(end)
		}

		return Field{}, 0, err
	}

	return Field{Name: b[start:end:end], Value: b[end : end+n : end+n]}, end + n, nil
}

// duplicate reports whether two of fs have the same name.
func duplicate(fs []Field) bool {
	ascending := true

	for i := 1; i < len(fs) && ascending; i++ {
		ascending = compareFields(fs[i-1], fs[i]) < 0
	}

	if ascending {
		return false
	}

	sorted := slices.Clone(fs)
	SortFields(sorted)

	for i := 1; i < len(sorted); i++ {
		if bytes.Equal(sorted[i-1].Name, sorted[i].Name) {
			return true
		}
	}

	return false
}

// compareFields orders names as [Canonical] orders encoded strings: the
// shorter first.
func compareFields(x, y Field) int {
	return cmp.Or(cmp.Compare(len(x.Name), len(y.Name)), bytes.Compare(x.Name, y.Name))
}

// SortFields puts fs into the order in which [Marshal] and [Canonical] write
// the entries of a map: the shorter name first, names of equal length by bytes.
func SortFields(fs []Field) { slices.SortFunc(fs, compareFields) }

// JoinMap appends to dst the map that consists of fs, in their order. Each
// value must be one well-formed value, and the names must differ.
func JoinMap(dst []byte, fs []Field) []byte {
	dst = appendMapHead(dst, len(fs))

	for _, f := range fs {
		dst = appendString(dst, f.Name)
		dst = append(dst, f.Value...)
	}

	return dst
}
