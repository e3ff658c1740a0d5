package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/internal/wire"
)

// array32 returns the head of an array of n elements.
func array32(n int) []byte {
	return binary.BigEndian.AppendUint32([]byte{0xdd}, uint32(n))
}

// nested returns n arrays inside of each other.
func nested(n int) []byte {
	return append(bytes.Repeat([]byte{0x91}, n-1), 0x90)
}

func TestScanRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		b      string
		class  wire.Class
		offset int64
	}{
		{"nothing", "", wire.Truncated, 0},
		{"reserved", "\xc1", wire.Reserved, 0},
		{"reserved inside", "\x92\x01\xc1", wire.Reserved, 2},
		{"trailing", "\xc0\xc0", wire.Trailing, 1},
		{"array cut off", "\x92\x01", wire.Truncated, 0},
		{"array of 4 Gi", "\xdd\xff\xff\xff\xff", wire.Elements, 0},
		{"map of 4 Gi", "\xdf\xff\xff\xff\xff", wire.Elements, 0},
		{"array longer than the bytes", "\xdc\x00\x05\x01\x01\x01\x01", wire.Truncated, 0},
		{"map longer than the bytes", "\x82\x01\x01\x01", wire.Truncated, 0},
		{"map cut off inside", "\x81\x01\x92\x01", wire.Truncated, 2},
		{"string cut off", "\xa5abcd", wire.Truncated, 0},
		{"string of 4 GiB", "\xdb\xff\xff\xff\xff", wire.Truncated, 0},
		{"binary of 4 GiB", "\xc6\xff\xff\xff\xff", wire.Truncated, 0},
		{"extension of 4 GiB", "\xc9\xff\xff\xff\xff\xff", wire.Truncated, 0},
		{"length cut off", "\xda\x00", wire.Truncated, 2},
		{"integer cut off", "\xcf\x00\x00", wire.Truncated, 3},
		{"float cut off", "\xca\x00\x00", wire.Truncated, 3},
		{"extension without type", "\xd4", wire.Truncated, 1},
		{"extension of another type", "\xd4\x01\x00", wire.Ext, 0},
		{"timestamp of 1 byte", "\xd4\xff\x00", wire.Ext, 0},
		{"timestamp of 16 bytes", "\xd8\xff" + strings.Repeat("\x00", 16), wire.Ext, 0},
		{"timestamp of no bytes", "\xc7\x00\xff", wire.Ext, 0},
		{"timestamp with 1e9 ns", "\xc7\x0c\xff\x3b\x9a\xca\x00" + strings.Repeat("\x00", 8), wire.Ext, 0},
		{"short timestamp with 1e9 ns", "\xd7\xff\xee\x6b\x28\x00\x00\x00\x00\x00", wire.Ext, 0},
		{"nil as key", "\x81\xc0\x01", wire.Type, 1},
		{"float as key", "\x81\xca\x00\x00\x00\x00\x01", wire.Type, 1},
		{"array as key", "\x81\x90\x01", wire.Type, 1},
		{"map as second key", "\x82\x01\x01\x80\x01", wire.Type, 3},
		{"timestamp as key", "\x81\xd6\xff\x00\x00\x00\x01\x01", wire.Type, 1},
	} {
		err := wire.Scan([]byte(tt.b), wire.Limits{})

		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Class != tt.class || e.Offset != tt.offset {
			t.Errorf("%s: Scan = %v, want class %v at byte %d", tt.name, err, tt.class, tt.offset)
		}
	}
}

func TestScanAccepts(t *testing.T) {
	for _, b := range []string{
		"\x00", "\x7f", "\xe0", "\xff", "\xc0", "\xc2", "\xc3", "\xa0", "\xbf" + strings.Repeat("x", 31), "\x90", "\x80",
		"\xc4\x00", "\xc5\x00\x01x", "\xc6\x00\x00\x00\x01x", "\xd9\x01x", "\xda\x00\x01x", "\xdb\x00\x00\x00\x01x",
		"\xca\x00\x00\x00\x00", "\xcb\x00\x00\x00\x00\x00\x00\x00\x00", "\xcc\x00", "\xcd\x00\x00", "\xce\x00\x00\x00\x00",
		"\xcf\x00\x00\x00\x00\x00\x00\x00\x00", "\xd0\x00", "\xd1\x00\x00", "\xd2\x00\x00\x00\x00",
		"\xd3\x00\x00\x00\x00\x00\x00\x00\x00", "\xdc\x00\x01\x00", "\xdd\x00\x00\x00\x01\x00", "\xde\x00\x01\x00\x00",
		"\xdf\x00\x00\x00\x01\x00\x00", "\xd6\xff\x00\x00\x00\x00", "\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x00",
		"\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\xc8\x00\x04\xff\x00\x00\x00\x00",
		"\x84\xa1a\x01\xc4\x01a\x01\x01\x01\xc3\x01", "\x82\x01\x92\x80\x90\x02\x81\x01\x01",
	} {
		if err := wire.Scan([]byte(b), wire.Limits{}); err != nil {
			t.Errorf("Scan(%q) = %v, want no error", b, err)
		}

		for n := range len(b) {
			if err := wire.Scan([]byte(b[:n]), wire.Limits{}); wire.ClassOf(err) != wire.Truncated {
				t.Errorf("Scan(%q) = %v, want class %v", b[:n], err, wire.Truncated)
			}
		}

		if err := wire.Scan([]byte(b+"\x00"), wire.Limits{}); wire.ClassOf(err) != wire.Trailing {
			t.Errorf("Scan(%q and one byte) = %v, want class %v", b, err, wire.Trailing)
		}
	}
}

// Each limit at its edge.
func TestScanLimits(t *testing.T) {
	key := func(n int) []byte {
		return append(append([]byte{0x81, 0xda, byte(n >> 8), byte(n)}, make([]byte, n)...), 1)
	}
	list := func(n int) []byte { return append(array32(n), make([]byte, n)...) }

	for _, tt := range []struct {
		name  string
		l     wire.Limits
		good  []byte
		bad   []byte
		class wire.Class
	}{
		{"bytes", wire.Limits{Bytes: 3}, []byte("\xa2ab"), []byte("\xa3abc"), wire.TooLarge},
		{"bytes by default", wire.Limits{}, padded(wire.DefaultBytes), padded(wire.DefaultBytes + 1), wire.TooLarge},
		{"depth", wire.Limits{Depth: 3}, nested(3), nested(4), wire.Depth},
		{"depth by default", wire.Limits{}, nested(wire.MaxDepth), nested(wire.MaxDepth + 1), wire.Depth},
		{"depth at most", wire.Limits{Depth: 1000}, nested(wire.MaxDepth), nested(wire.MaxDepth + 1), wire.Depth},
		{"depth of maps", wire.Limits{Depth: 1}, []byte("\x81\x01\x01"), []byte("\x81\x01\x80"), wire.Depth},
		{"elements", wire.Limits{Elements: 3}, list(3), list(4), wire.Elements},
		{"pairs", wire.Limits{Elements: 1}, []byte("\x81\x01\x01"), []byte("\x82\x01\x01\x02\x01"), wire.Elements},
		{"elements by default", wire.Limits{}, list(wire.DefaultElements), list(wire.DefaultElements + 1), wire.Elements},
		{"values", wire.Limits{Values: 4}, list(3), list(4), wire.Values},
		{"values of maps", wire.Limits{Values: 3}, []byte("\x81\x01\x01"), []byte("\x81\x01\x91\x01"), wire.Values},
		{
			"values by default",
			wire.Limits{Elements: 1 << 30},
			list(wire.DefaultValues - 1), list(wire.DefaultValues), wire.Values,
		},
		{"key", wire.Limits{Key: 5}, key(5), key(6), wire.KeyLength},
		{"key by default", wire.Limits{}, key(wire.DefaultKey), key(wire.DefaultKey + 1), wire.KeyLength},
		{"nothing", wire.Limits{Depth: -1}, []byte{1}, []byte{0x90}, wire.Depth},
		{"control", wire.ControlLimits(), padded(wire.MaxControl), padded(wire.MaxControl + 1), wire.TooLarge},
		{"control depth", wire.ControlLimits(), nested(16), nested(17), wire.Depth},
		{"state", wire.StateLimits(), padded(wire.MaxRecord), padded(wire.MaxRecord + 1), wire.TooLarge},
	} {
		if err := wire.Scan(tt.good, tt.l); err != nil {
			t.Errorf("%s: Scan at the limit = %v, want no error", tt.name, err)
		}

		if err := wire.Scan(tt.bad, tt.l); wire.ClassOf(err) != tt.class {
			t.Errorf("%s: Scan over the limit = %v, want class %v", tt.name, err, tt.class)
		}
	}
}

// padded returns a binary value that takes n bytes, n over 65,540.
func padded(n int) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xc6}, uint32(n-5))

	return append(b, make([]byte, n-5)...)
}

// Values that are small on the wire and large in memory.
func TestDecodedBudget(t *testing.T) {
	type large struct {
		Fill [4096]int64 `msgpack:",omitempty"`
	}

	empties := append(array32(1000), bytes.Repeat([]byte{0x80}, 1000)...)

	type entries = map[uint16]large

	pairs := []byte{0xde, 4, 0}
	for i := range 1024 {
		pairs = append(pairs, 0xcd, byte(i>>8), byte(i), 0x80)
	}

	for _, tt := range []struct {
		name string
		b    []byte
		v    any
		need int
	}{
		{"slice", empties, new([]large), 1000 * 4096 * 8},
		{"pointers", empties, new([]*large), 1000 * (4096*8 + 8)},
		{"map", pairs, new(entries), 1024 * (4096*8 + 2 + 16)},
		{"string", []byte("\xa5abcde"), new(string), 5},
		{"bytes", []byte("\xc4\x03abc"), new([]byte), 3},
		{"numbers", append(array32(9), make([]byte, 9)...), new([]int64), 72},
		{"nothing", []byte{5}, new(int64), 0},
	} {
		if tt.need > 0 {
			err := wire.Unmarshal(tt.b, tt.v, wire.Limits{Decoded: tt.need - 1})
			if wire.ClassOf(err) != wire.Budget {
				t.Errorf("%s: Unmarshal with %d bytes = %v, want class %v", tt.name, tt.need-1, err, wire.Budget)
			}
		}

		if err := wire.Unmarshal(tt.b, tt.v, wire.Limits{Decoded: max(tt.need, 1)}); err != nil {
			t.Errorf("%s: Unmarshal with %d bytes = %v, want no error", tt.name, tt.need, err)
		}
	}

	deep := fmt.Appendf(nil, "%s%s", array32(wire.DefaultElements), strings.Repeat("\x80", wire.DefaultElements))
	if err := wire.Unmarshal(deep, new([]large), wire.Limits{}); wire.ClassOf(err) != wire.Budget {
		t.Errorf("Unmarshal of 2 GiB in 64 KiB = %v, want class %v", err, wire.Budget)
	}
}
