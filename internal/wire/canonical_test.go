package wire_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/internal/wire"
)

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		name string
		want string
		b    []string // other encodings of the same value
	}{
		{"5", "\x05", []string{"\xcc\x05", "\xcd\x00\x05", "\xce\x00\x00\x00\x05", "\xd0\x05", "\xd1\x00\x05", "\xd3\x00\x00\x00\x00\x00\x00\x00\x05"}},
		{"-1", "\xff", []string{"\xd0\xff", "\xd1\xff\xff", "\xd2\xff\xff\xff\xff", "\xd3\xff\xff\xff\xff\xff\xff\xff\xff"}},
		{"-33", "\xd0\xdf", []string{"\xd1\xff\xdf"}},
		{"200", "\xcc\xc8", []string{"\xcd\x00\xc8", "\xd1\x00\xc8"}},
		{"-129", "\xd1\xff\x7f", []string{"\xd2\xff\xff\xff\x7f"}},
		{"65536", "\xce\x00\x01\x00\x00", []string{"\xcf\x00\x00\x00\x00\x00\x01\x00\x00"}},
		{"0.5", "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", []string{"\xca\x3f\x00\x00\x00"}},
		{"string", "\xa1a", []string{"\xd9\x01a", "\xda\x00\x01a", "\xdb\x00\x00\x00\x01a"}},
		{"binary", "\xc4\x01a", []string{"\xc5\x00\x01a", "\xc6\x00\x00\x00\x01a"}},
		{"array", "\x91\x01", []string{"\xdc\x00\x01\x01", "\xdd\x00\x00\x00\x01\xcc\x01"}},
		{"map", "\x82\xa1a\x01\xa1b\x02", []string{"\x82\xa1b\x02\xa1a\x01", "\xde\x00\x02\xd9\x01b\x02\xa1a\xcc\x01"}},
		{"nested maps", "\x82\x01\x82\x03\xc0\x04\xc0\x02\x80", []string{"\x82\x02\x80\x01\x82\x04\xc0\x03\xc0"}},
		{"keys by form", "\x84\x05\x01\xa1a\x01\xc3\x01\xc4\x01a\x01", []string{"\x84\xc4\x01a\x01\xc3\x01\xa1a\x01\xcc\x05\x01"}},
		{"time", "\xd6\xff\x00\x00\x00\x01", []string{"\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x01", "\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"}},
		{"time with ns", "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x01", []string{"\xc7\x0c\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01"}},
		{"early time", "\xc7\x0c\xff\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff", nil},
		{"nil, bools", "\x93\xc0\xc2\xc3", nil},
	} {
		for _, b := range append(tt.b, tt.want) {
			got, err := wire.Canonical([]byte("x"), []byte(b))
			if err != nil || string(got) != "x"+tt.want {
				t.Errorf("%s: Canonical(%q) = %q, %v, want %q", tt.name, b, got, err, "x"+tt.want)
			}
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for b, class := range map[string]wire.Class{
		"":                             wire.Truncated,
		"\x81":                         wire.Truncated,
		"\x01\x01":                     wire.Trailing,
		"\xd4\x05\x00":                 wire.Ext,
		"\x82\x01\x01\x01\x02":         wire.Duplicate,
		"\x82\x01\x01\xcc\x01\x02":     wire.Duplicate,
		"\x83\x02\x01\x01\x01\x02\x02": wire.Duplicate,
		strings.Repeat("\x91", wire.MaxDepth) + "\x90": wire.Depth,
	} {
		dst := []byte("x")
		if got, err := wire.Canonical(dst, []byte(b)); wire.ClassOf(err) != class || string(got) != "x" {
			t.Errorf("Canonical(%q) = %q, %v, want class %v", b, got, err, class)
		}
	}
}

func TestSplitAndJoin(t *testing.T) {
	b := marshal(t, newShapes())

	fs, err := wire.SplitMap(b, nil)
	if err != nil {
		t.Fatal(err)
	}

	if got := wire.JoinMap([]byte("x"), fs); !bytes.Equal(got, append([]byte("x"), b...)) {
		t.Error("JoinMap(SplitMap(b)) differs from b")
	}

	for _, f := range fs {
		if err := wire.Scan(f.Value, wire.Limits{}); err != nil {
			t.Errorf("the value of %s is refused: %v", f.Name, err)
		}

		if cap(f.Value) != len(f.Value) || cap(f.Name) != len(f.Name) {
			t.Errorf("appending to field %s would write into the next", f.Name)
		}
	}

	fs[0], fs[5] = fs[5], fs[0]

	shuffled := wire.JoinMap(nil, fs)
	if bytes.Equal(shuffled, b) {
		t.Error("JoinMap changed the order of the fields")
	}

	if fs, err = wire.SplitMap(shuffled, fs[:0]); err != nil {
		t.Fatal(err)
	}

	wire.SortFields(fs)

	if got := wire.JoinMap(nil, fs); !bytes.Equal(got, b) {
		t.Error("JoinMap after SortFields differs from what Marshal wrote")
	}
}

func TestSplitMapSizes(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 300, 66_000} {
		m := make(map[string]int, n)
		for i := range n {
			m[strings.Repeat("k", i%40)+strconv.Itoa(i)] = i
		}

		b := marshal(t, m)

		fs, err := wire.SplitMap(b, nil)
		if err != nil || len(fs) != n {
			t.Errorf("SplitMap of %d entries = %d, %v, want all", n, len(fs), err)
		}

		if got := wire.JoinMap(nil, fs); !bytes.Equal(got, b) {
			t.Errorf("JoinMap of %d entries differs from what Marshal wrote", n)
		}
	}
}

func TestSplitMapRefuses(t *testing.T) {
	for b, class := range map[string]wire.Class{
		"":                                wire.Truncated,
		"\x90":                            wire.Type,
		"\xc0":                            wire.Type,
		"\x81":                            wire.Truncated,
		"\x81\xa1":                        wire.Truncated,
		"\x81\xa1a":                       wire.Truncated,
		"\x81\xa3a":                       wire.Truncated,
		"\x81\xa1a\x91":                   wire.Truncated,
		"\x81\x01\x01":                    wire.Type,
		"\x81\xc4\x01a\x01":               wire.Type,
		"\x81\xa1a\xc1":                   wire.Reserved,
		"\x81\xa1a\x01\x01":               wire.Trailing,
		"\x82\xa1a\x01\xa1a\x02":          wire.Duplicate,
		"\x82\xa1a\x01\xd9\x01a\x02":      wire.Duplicate,
		"\x83\xa1b\x01\xa1a\x02\xa1b\x03": wire.Duplicate,
		"\xdf\xff\xff\xff\xff\xa1a\x01":   wire.Truncated,
		"\x81\xa1a" + strings.Repeat("\x91", wire.MaxDepth-1) + "\x90": wire.Depth,
	} {
		dst := make([]wire.Field, 1, 8)
		if fs, err := wire.SplitMap([]byte(b), dst); wire.ClassOf(err) != class || len(fs) != 1 {
			t.Errorf("SplitMap(%q) = %d fields, %v, want class %v", b, len(fs)-1, err, class)
		}
	}

	ok := "\x81\xa1a" + strings.Repeat("\x91", wire.MaxDepth-2) + "\x90"
	if _, err := wire.SplitMap([]byte(ok), nil); err != nil {
		t.Errorf("SplitMap of a value at the limit of depth = %v, want no error", err)
	}
}
