package wire_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

func TestUnmarshalRefuses(t *testing.T) {
	type item struct {
		Price uint8
		Note  string
	}

	type order struct {
		Items []item
		ByKey map[string]item
		Next  *order
	}

	for _, tt := range []struct {
		name  string
		b     string
		v     any
		class wire.Class
		path  string
	}{
		{"300 for uint8", "\xcd\x01\x2c", new(uint8), wire.Range, ""},
		{"128 for int8", "\xcc\x80", new(int8), wire.Range, ""},
		{"-129 for int8", "\xd1\xff\x7f", new(int8), wire.Range, ""},
		{"-1 for uint16", "\xff", new(uint16), wire.Range, ""},
		{"-1 for uint64", "\xff", new(uint64), wire.Range, ""},
		{"2^64-1 for int64", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", new(int64), wire.Range, ""},
		{"2^63 for int64", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", new(int64), wire.Range, ""},
		{"2^32 for uint32", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", new(uint32), wire.Range, ""},
		{"2^31 for int32", "\xce\x80\x00\x00\x00", new(int32), wire.Range, ""},
		{"int for float", "\x01", new(float64), wire.Type, ""},
		{"int for float32", "\x01", new(float32), wire.Type, ""},
		{"0.1 for float32", "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", new(float32), wire.Range, ""},
		{"float for int", "\xca\x00\x00\x00\x00", new(int), wire.Type, ""},
		{"int for bool", "\x01", new(bool), wire.Type, ""},
		{"bool for int", "\xc3", new(int), wire.Type, ""},
		{"bool for uint", "\xc3", new(uint), wire.Type, ""},
		{"nil for int", "\xc0", new(int), wire.Type, ""},
		{"nil for bool", "\xc0", new(bool), wire.Type, ""},
		{"nil for string", "\xc0", new(string), wire.Type, ""},
		{"nil for struct", "\xc0", new(item), wire.Type, ""},
		{"nil for array", "\xc0", new([1]int), wire.Type, ""},
		{"nil for bytes of a fixed length", "\xc0", new(segue.NodeID), wire.Type, ""},
		{"nil for time", "\xc0", new(time.Time), wire.Type, ""},
		{"nil for float", "\xc0", new(float64), wire.Type, ""},
		{"binary for string", "\xc4\x01a", new(string), wire.Type, ""},
		{"string for bytes", "\xa1a", new([]byte), wire.Type, ""},
		{"string for bytes of a fixed length", "\xa1a", new([1]byte), wire.Type, ""},
		{"array for bytes", "\x91\x01", new([]byte), wire.Type, ""},
		{"invalid UTF-8", "\xa2\xc3\x28", new(string), wire.UTF8, ""},
		{"map for array", "\x80", new([]int), wire.Type, ""},
		{"array for map", "\x90", new(map[string]int), wire.Type, ""},
		{"array for struct", "\x92\x01\xa0", new(item), wire.Type, ""},
		{"short array", "\x91\x01", new([2]int), wire.Length, ""},
		{"long array", "\x93\x01\x01\x01", new([2]int), wire.Length, ""},
		{"short bytes", "\xc4\x01\x01", new([2]byte), wire.Length, ""},
		{"long bytes", "\xc4\x03\x01\x01\x01", new([2]byte), wire.Length, ""},
		{"int for time", "\x01", new(time.Time), wire.Type, ""},
		{"string for time", "\xa1x", new(time.Time), wire.Type, ""},
		{"time for int", "\xd6\xff\x00\x00\x00\x01", new(int), wire.Type, ""},
		{"unknown field", "\x81\xa5Other\x01", new(item), wire.Unknown, ""},
		{"other case", "\x81\xa5price\x01", new(item), wire.Unknown, ""},
		{"name is binary", "\x81\xc4\x05Price\x01", new(item), wire.Type, ""},
		{"name is int", "\x81\x01\x01", new(item), wire.Type, ""},
		{"field twice", "\x82\xa5Price\x01\xa5Price\x01", new(item), wire.Duplicate, "Price"},
		{"field twice, long name", "\x82\xa5Price\x01\xd9\x05Price\x01", new(item), wire.Duplicate, "Price"},
		{"key twice", "\x82\xa1a\x01\xa1a\x02", new(map[string]int), wire.Duplicate, "[#1]"},
		{"key twice, other form", "\x82\x01\x01\xcc\x01\x02", new(map[int]int), wire.Duplicate, "[#1]"},
		{"key of another type", "\x81\x01\x01", new(map[string]int), wire.Type, "[#0]"},
		{"key out of range", "\x81\xcd\x01\x00\x01", new(map[uint8]int), wire.Range, "[#0]"},
		{"in a slice", "\x81\xa5Items\x92\x80\x81\xa5Price\xff", new(order), wire.Range, "Items[1].Price"},
		{"in a map", "\x81\xa5ByKey\x82\xa1a\x80\xa1b\x81\xa4Note\x00", new(order), wire.Type, "ByKey[#1].Note"},
		{"in a pointer", "\x81\xa4Next\x81\xa5Items\xa0", new(order), wire.Type, "Next.Items"},
		{"trailing", "\x01\x01", new(int), wire.Trailing, ""},
		{"truncated", "\x91", new([]int), wire.Truncated, ""},
		{"nothing", "", new(int), wire.Truncated, ""},
	} {
		err := wire.Unmarshal([]byte(tt.b), tt.v, wire.Limits{})

		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Class != tt.class || e.Path != tt.path {
			t.Errorf("%s: Unmarshal(%T) = %v, want class %v at %q", tt.name, tt.v, err, tt.class, tt.path)
		}

		if got := reflect.ValueOf(tt.v).Elem(); !got.IsZero() {
			t.Errorf("%s: Unmarshal(%T) left %v, want zero", tt.name, tt.v, got)
		}
	}
}

func TestUnmarshalAccepts(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    string
		v    any
		want any
	}{
		{"long form of an integer", "\xd3\x00\x00\x00\x00\x00\x00\x00\x05", new(int8), int8(5)},
		{"signed form for unsigned", "\xd0\x05", new(uint8), uint8(5)},
		{"unsigned form for signed", "\xcc\x7f", new(int8), int8(127)},
		{"least int8", "\xd0\x80", new(int8), int8(-128)},
		{"least int64", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", new(int64), int64(math.MinInt64)},
		{"greatest uint64", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", new(uint64), uint64(math.MaxUint64)},
		{"exact float64 for float32", "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", new(float32), float32(0.5)},
		{"float32 for float64", "\xca\x3f\x00\x00\x00", new(float64), 0.5},
		{"missing fields", "\x80", new(point), point{}},
		{"any order", "\x82\xa1y\x02\xa1x\x01", new(point), point{1, 2}},
		{"omitempty field that is there", "\x81\xa1y\x00", new(point), point{}},
		{"time of 8 bytes in the long form", "\xc7\x08\xff\x00\x00\x00\x04\x00\x00\x00\x01", new(time.Time), time.Unix(1, 1).UTC()},
		{"long forms of lengths", "\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01x\x01", new(point), point{X: 1}},
		{"nil for a pointer", "\xc0", new(*int), (*int)(nil)},
	} {
		if err := wire.Unmarshal([]byte(tt.b), tt.v, wire.Limits{}); err != nil {
			t.Errorf("%s: Unmarshal(%T) = %v, want no error", tt.name, tt.v, err)
		}

		equal(t, tt.name, reflect.ValueOf(tt.v).Elem().Interface(), tt.want)
	}
}

func TestDestination(t *testing.T) {
	full := 1

	for _, v := range []any{nil, 1, (*int)(nil), &full, &point{Y: 1}, &[]int{}, point{}} {
		if err := wire.Unmarshal([]byte{1}, v, wire.Limits{}); wire.ClassOf(err) != wire.Destination {
			t.Errorf("Unmarshal(into %T) = %v, want class %v", v, err, wire.Destination)
		}
	}

	if full != 1 {
		t.Errorf("a refused destination became %d, want 1", full)
	}
}

// custom types choose their own form in one of the ways that exist.
type (
	ownEncoder   struct{ A int }
	ownMarshaler []byte
	ownText      struct{ A int }
	embedsTime   struct{ time.Time }
)

func (*ownEncoder) EncodeMsgpack(*msgpack.Encoder) error { return nil }
func (ownMarshaler) MarshalMsgpack() ([]byte, error)     { return nil, nil }
func (ownText) MarshalText() ([]byte, error)             { return nil, nil }

type Exported struct{ A int }

func TestCheckType(t *testing.T) {
	type inner struct {
		Deep []map[string]*struct{ Bad chan int }
	}

	for _, tt := range []struct {
		v    any
		path string
		text string
	}{
		{new(any), "", "interface"},
		{new(error), "", "interface"},
		{new(chan int), "", "cannot leave the process"},
		{new(func()), "", "cannot leave the process"},
		{new(complex64), "", "cannot leave the process"},
		{new(uintptr), "", "cannot leave the process"},
		{new(strings.Builder), "", "only unexported fields"},
		{new(struct{ M strings.Builder }), "M", "only unexported fields"},
		{new(inner), "Deep[][].Bad", "chan int"},
		{new(map[float64]int), "", "key of a map"},
		{new(map[time.Time]int), "", "key of a map"},
		{new(struct{ M map[point]int }), "M", "key of a map"},
		{new(**int), "", "two kinds of nil"},
		{new(*[]int), "", "two kinds of nil"},
		{new(*map[int]int), "", "two kinds of nil"},
		{new(ownEncoder), "", "msgpack.CustomEncoder"},
		{new(ownMarshaler), "", "msgpack.Marshaler"},
		{new(msgpack.RawMessage), "", "msgpack.CustomEncoder"},
		{new(struct{ T []ownText }), "T[]", "encoding.TextMarshaler"},
		{new(embedsTime), "", "encoding.BinaryMarshaler"},
		{new(struct{ *Exported }), "Exported", "embedded pointer"},
		{
			new(struct {
				Exported `msgpack:"e"`
			}), "Exported", "noinline",
		},
		{
			new(struct {
				Exported `msgpack:",omitempty"`
			}), "Exported", "omitempty",
		},
		{
			new(struct {
				Exported

				B int `msgpack:"A"`
			}), "", `two fields of the wire name "A": A and B`,
		},
		{
			new(struct {
				A int `msgpack:",as_array"`
			}), "A", "tag option",
		},
		{
			new(struct {
				A int `msgpack:"b,alias:c"`
			}), "A", "tag option",
		},
		{
			new(struct {
				A int `msgpack:",inline"`
			}), "A", "only for embedded",
		},
		{
			new(struct {
				A int `msgpack:"alias:x"`
			}), "A", "names",
		},
		{
			new(struct {
				_msgpack struct{} `msgpack:",as_array"`
				A        int
			}), "_msgpack", "maps",
		},
	} {
		typ := reflect.TypeOf(tt.v).Elem()
		err := wire.CheckType(typ)

		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Class != wire.Unsupported || e.Path != tt.path || !strings.Contains(e.Detail, tt.text) {
			t.Errorf("CheckType(%v) = %v, want %q at %q", typ, err, tt.text, tt.path)
		}

		if err := wire.Unmarshal([]byte{0xc0}, tt.v, wire.Limits{}); wire.ClassOf(err) != wire.Unsupported {
			t.Errorf("Unmarshal(%v) = %v, want class %v", typ, err, wire.Unsupported)
		}
	}

	for _, v := range []any{shapes{}, campaign{}, node{}, time.Time{}, struct{}{}, map[string]struct{}{}, [0]int{}} {
		if err := wire.CheckType(reflect.TypeOf(v)); err != nil {
			t.Errorf("CheckType(%T) = %v, want no error", v, err)
		}
	}

	if err := wire.CheckType(nil); wire.ClassOf(err) != wire.Unsupported {
		t.Errorf("CheckType(nil) = %v, want class %v", err, wire.Unsupported)
	}
}

func TestCheckTypeReportsAll(t *testing.T) {
	err := wire.CheckType(reflect.TypeFor[struct {
		A chan int
		B any
		C map[float32]func()
	}]())

	for _, want := range []string{"A: ", "B: ", "C[]: ", "C: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckType = %v, want a line with %q", err, want)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	type pair struct {
		L, R *pair
		Pad  []byte
	}

	ring := &node{}
	ring.Next = ring

	list := []node{{}}
	list[0].Kids = list

	type table map[string]table

	loop := table{}
	loop["x"] = loop

	deep := &pair{}
	for range wire.MaxDepth {
		deep = &pair{L: deep}
	}

	wide := &pair{Pad: make([]byte, 1<<20)} // 2^40 nodes, each an ordinary value
	for range 40 {
		wide = &pair{L: wide, R: wide}
	}

	for name, tt := range map[string]struct {
		v     any
		class wire.Class
	}{
		"nil":                  {nil, wire.Unsupported},
		"nil pointer":          {(*point)(nil), wire.Unsupported},
		"function":             {func() {}, wire.Unsupported},
		"pointer cycle":        {ring, wire.Depth},
		"slice cycle":          {list, wire.Depth},
		"map cycle":            {loop, wire.Depth},
		"too deep":             {deep, wire.Depth},
		"shared beyond limits": {wide, wire.TooLarge},
		"invalid UTF-8":        {"\xff", wire.UTF8},
		"too long":             {make([]byte, wire.MaxEncoded), wire.TooLarge},
	} {
		b, err := wire.Marshal(tt.v)
		if wire.ClassOf(err) != tt.class || b != nil {
			t.Errorf("%s: Marshal = %d bytes, %v, want class %v", name, len(b), err, tt.class)
		}
	}

	_, err := wire.Marshal(struct{ Rows []map[string]string }{[]map[string]string{{}, {"k": "\xff"}}})
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Path != "Rows[1][]" {
		t.Errorf("Marshal = %v, want the path Rows[1][]", err)
	}
}

// A message about bad bytes must not repeat them: they may be private.
func TestErrorsHoldNoPayload(t *testing.T) {
	const secret = "hunter2"

	for _, b := range []string{
		"\x81\xa7" + secret + "\x01", "\x82\xa7" + secret + "\x01\xa7" + secret + "\x01", "\x91\xa7" + secret, "\xa7" + secret,
		"\xa8" + secret + "\xff", "\xa8" + secret, "\xc4\x07" + secret, "\x01" + secret,
	} {
		for _, v := range []any{new(point), new(int), new(map[string]string), new([]int), new([1]byte), new(string)} {
			if err := wire.Unmarshal([]byte(b), v, wire.Limits{}); err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("Unmarshal(%q, %T) = %v, which repeats the payload", b, v, err)
			}
		}
	}
}
