package wire_test

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
	"github.com/segue-cluster/segue/internal/wire/wiretest"
)

// equal compares values of the test types with their unexported parts.
func equal(t *testing.T, name string, got, want any) {
	t.Helper()

	if diff := cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()

	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatalf("Marshal(%T) = %v, want no error", v, err)
	}

	return b
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []any{newShapes(), &shapes{}, newCampaign(), &campaign{}, newCall(), &call{}} {
		b := marshal(t, want)

		got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := wire.Unmarshal(b, got, wire.Limits{}); err != nil {
			t.Fatalf("Unmarshal(%T) = %v, want no error", want, err)
		}

		equal(t, "Unmarshal(Marshal(v))", got, want)

		if again := marshal(t, got); !bytes.Equal(again, b) {
			t.Errorf("Marshal(%T) gives other bytes after a round trip", want)
		}
	}
}

func TestGoldenState(t *testing.T) {
	wiretest.Golden(t, "shapes", marshal(t, newShapes()))
	wiretest.Golden(t, "call", marshal(t, newCall()))
}

func TestMarshalValueAndPointer(t *testing.T) {
	s := newShapes()
	if !bytes.Equal(marshal(t, s), marshal(t, *s)) {
		t.Error("Marshal(v) and Marshal(&v) differ")
	}

	prefix := []byte("prefix")

	b, err := wire.AppendMarshal(prefix, s)
	if want := append(prefix, marshal(t, s)...); err != nil || !bytes.Equal(b, want) {
		t.Errorf("AppendMarshal(%q, v) = %d bytes, %v, want the prefix and Marshal(v)", prefix, len(b), err)
	}

	if b, err = wire.AppendMarshal(prefix, func() {}); err == nil || !bytes.Equal(b, prefix) {
		t.Errorf("AppendMarshal(%q, func) = %q, %v, want the prefix and an error", prefix, b, err)
	}
}

func TestScalarForms(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want string
	}{
		{true, "\xc3"},
		{int64(5), "\x05"},
		{int64(-32), "\xe0"},
		{int64(-33), "\xd0\xdf"},
		{uint64(128), "\xcc\x80"},
		{float32(1), "\xca\x3f\x80\x00\x00"},
		{1.0, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{"ab", "\xa2ab"},
		{[]byte("ab"), "\xc4\x02ab"},
		{[]byte(nil), "\xc0"},
		{[2]byte{1, 2}, "\xc4\x02\x01\x02"},
		{[]uint16{1, 256}, "\x92\x01\xcd\x01\x00"},
		{map[string]int{"bb": 1, "a": 2, "b": 3}, "\x83\xa1a\x02\xa1b\x03\xa2bb\x01"},
		{point{X: 1}, "\x81\xa1x\x01"},
		{struct{ B, A int }{1, 2}, "\x82\xa1A\x02\xa1B\x01"},
		{struct{}{}, "\x80"},
		{time.Second, "\xce\x3b\x9a\xca\x00"},
		{time.Unix(1, 0), "\xd6\xff\x00\x00\x00\x01"},
		{level(3), "\x03"},
		{blob("xy"), "\xc4\x02xy"},
	} {
		if got := marshal(t, tt.v); string(got) != tt.want {
			t.Errorf("Marshal(%T(%v)) = %q, want %q", tt.v, tt.v, got, tt.want)
		}
	}
}

// A node id can print itself, and must travel as its 16 bytes all the same.
func TestNodeIDTravelsAsBytes(t *testing.T) {
	id := segue.NewNodeID()
	bin := append([]byte{0xc4, 16}, id[:]...)

	for _, tt := range []struct {
		v    any
		want []byte
	}{
		{id, bin},
		{&id, bin},
		{[]segue.NodeID{id}, append([]byte{0x91}, bin...)},
		{[1]*segue.NodeID{&id}, append([]byte{0x91}, bin...)},
		{map[segue.NodeID]bool{id: true}, append(append([]byte{0x81}, bin...), 0xc3)},
		{struct{ I segue.NodeID }{id}, append([]byte{0x81, 0xa1, 'I'}, bin...)},
	} {
		got := marshal(t, tt.v)
		if !bytes.Equal(got, tt.want) {
			t.Errorf("Marshal(%T) = %x, want %x", tt.v, got, tt.want)
		}

		typ := reflect.TypeOf(tt.v)
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}

		back := reflect.New(typ)
		if err := wire.Unmarshal(got, back.Interface(), wire.Limits{}); err != nil {
			t.Errorf("Unmarshal(%T) = %v, want no error", tt.v, err)
		}

		if again := marshal(t, back.Interface()); !bytes.Equal(again, got) {
			t.Errorf("Marshal(Unmarshal(%T)) = %x, want %x", tt.v, again, got)
		}
	}
}

func TestMapsAreSorted(t *testing.T) {
	first := marshal(t, newShapes())
	for range 50 {
		if got := marshal(t, newShapes()); !bytes.Equal(got, first) {
			t.Fatal("Marshal of equal values gives different bytes")
		}
	}

	big := map[int]map[string]int{}
	for i := range 2000 {
		big[i-1000] = map[string]int{strings.Repeat("k", i%40): i, "z": 1}
	}

	b := marshal(t, big)

	canonical, err := wire.Canonical(nil, b)
	if err != nil || !bytes.Equal(b, canonical) {
		t.Errorf("Canonical(Marshal(map)) differs from Marshal(map), error %v", err)
	}
}

func TestUnexportedStayHome(t *testing.T) {
	s := newShapes()
	s.private, s.kept, s.Skipped = 1, 2, func() {}

	if !bytes.Equal(marshal(t, s), marshal(t, newShapes())) {
		t.Error("fields that are unexported or tagged \"-\" change what Marshal writes")
	}
}

func TestNilAndEmpty(t *testing.T) {
	type lists struct {
		L []int
		M map[string]int
		B []byte
	}

	for _, want := range []lists{{}, {L: []int{}, M: map[string]int{}, B: []byte{}}} {
		var got lists
		if err := wire.Unmarshal(marshal(t, want), &got, wire.Limits{}); err != nil {
			t.Fatal(err)
		}

		equal(t, "nil or empty", got, want)
	}
}

func TestTimeIsUTC(t *testing.T) {
	zone := time.FixedZone("X", 3600)
	for _, want := range []time.Time{
		{},
		time.Unix(0, 0), time.Unix(1<<34-1, 999_999_999), time.Unix(1<<34, 0), time.Unix(-1, 5),
		time.Date(9999, 12, 31, 23, 59, 59, 1, zone), time.Now(),
	} {
		var got time.Time
		if err := wire.Unmarshal(marshal(t, want), &got, wire.Limits{}); err != nil {
			t.Fatal(err)
		}

		if got != want.UTC().Round(0) { //nolint:revive // the representation is meant
			t.Errorf("time %v came back as %v, want the same instant in UTC", want, got)
		}
	}
}

// What Segue writes, the library reads, and the other way round.
func TestLibraryCompatible(t *testing.T) {
	type plain struct {
		N    map[string]int64
		P    *point
		L    []donation
		F    float32
		Blob []byte
		Hash [3]byte
	}

	v := &plain{
		N: map[string]int64{"a": -1}, P: &point{X: 300}, L: newCampaign().Donations, F: 2, Blob: []byte{1}, Hash: [3]byte{4},
	}

	var ours, theirs plain

	b, err := msgpack.Marshal(v) //nolint:musttag // integers at full width, fields in Go's order
	if err != nil {
		t.Fatal(err)
	}

	if err := wire.Unmarshal(b, &ours, wire.Limits{}); err != nil {
		t.Errorf("wire.Unmarshal(msgpack.Marshal(v)) = %v, want no error", err)
	}

	if err := msgpack.Unmarshal(marshal(t, v), &theirs); err != nil { //nolint:musttag // as above
		t.Errorf("msgpack.Unmarshal(wire.Marshal(v)) = %v, want no error", err)
	}

	equal(t, "wire after msgpack", &ours, v)
	equal(t, "msgpack after wire", &theirs, v)
}

func TestConcurrentFirstUse(t *testing.T) {
	type fresh struct {
		A map[string][]int
		B *point
	}

	var wg sync.WaitGroup

	for range 8 {
		wg.Go(func() {
			want := fresh{A: map[string][]int{"x": {1}, "y": nil}, B: &point{X: 1}}

			b, err := wire.Marshal(want)
			if err != nil {
				t.Error(err)
			}

			var got fresh
			if err := wire.Unmarshal(b, &got, wire.Limits{}); err != nil {
				t.Error(err)
			}

			equal(t, "concurrent", got, want)
		})
	}

	wg.Wait()
}

func TestRandomValues(t *testing.T) {
	gen := rapid.Make[struct {
		B     bool
		I     int32
		U     uint64
		F     float64
		S     string
		Bytes []byte
		Map   map[string]int16
		Sets  map[int8]map[bool][]uint8
		List  []struct {
			A *string
			B [3]int
		}
	}]()

	rapid.Check(t, func(t *rapid.T) {
		v := gen.Draw(t, "v")

		b, err := wire.Marshal(&v)
		if err != nil {
			if wire.ClassOf(err) == wire.UTF8 {
				return
			}

			t.Fatalf("Marshal = %v", err)
		}

		got := reflect.New(reflect.TypeOf(v))
		if err := wire.Unmarshal(b, got.Interface(), wire.Limits{}); err != nil {
			t.Fatalf("Unmarshal = %v", err)
		}

		again, err := wire.Marshal(got.Interface())
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("Marshal(Unmarshal(b)) = %x, %v, want %x", again, err, b)
		}

		canonical, err := wire.Canonical(nil, b)
		if err != nil || !bytes.Equal(canonical, b) {
			t.Fatalf("Canonical(Marshal(v)) = %x, %v, want %x", canonical, err, b)
		}
	})
}
