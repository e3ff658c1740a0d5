package schema_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/internal/wire"
)

type (
	tree struct {
		Kids  []*tree
		Named map[string]tree
	}
	leftRight struct{ Right *rightLeft }
	rightLeft struct{ Left *leftRight }
	nest      []nest
	embedder  struct {
		sessionHead

		Own  string
		Base sessionRest `msgpack:",noinline"`
	}
	everything struct {
		Bool bool
		I    int
		I8   int8
		I16  int16
		I32  int32
		I64  int64
		U    uint
		U8   uint8
		U16  uint16
		U32  uint32
		U64  uint64
		F32  float32
		F64  float64
		S    string
		B    []byte
		ID   segue.NodeID
		T    time.Time
		D    time.Duration
		L    []string
		A    [3]int16
		M    map[uint16][]*bool
		P    *struct{ X int }
		Lost sync.Mutex `msgpack:"-"`
		Tag  string     `msgpack:"tag,omitempty"`
		Odd  string     `msgpack:"o{d}d ;µ"`
		_    struct{}
	}
)

// Shapes and fingerprints are compared between releases. These never change:
// a test that fails here has found a break of every rollout from an older
// release, not an outdated expectation.
func TestShapesNeverChange(t *testing.T) {
	tests := []struct {
		name  string
		shape func() (schema.Shape, error)
		text  string
		print string
	}{
		{"int", schema.ShapeFor[int], "int64", "94ec026220a0341c"},
		{"bytes", schema.ShapeFor[[]byte], "bytes", "ac5c7754f239507c"},
		{"time", schema.ShapeFor[time.Time], "time", "48b6e321f8359478"},
		{"empty", schema.ShapeFor[struct{}], "{}", "cf02f57715dc297c"},
		{"list", schema.ShapeFor[[]donation], "[]{Cents:int64;Currency:string;Donor:string}", "04530f55daa9dfbb"},
		{"campaign", schema.ShapeFor[campaign], "{Currency:string;Donations:[]{Cents:int64;Currency:string;Donor:string};Totals:map[string]int64}", "5d6f41fdf6be2189"},
		{"tree", schema.ShapeFor[tree], "{Kids:[]*{Kids:^3;Named:map[string]^2};Named:map[string]{Kids:[]*^3;Named:^2}}", "11b8f4084e0dc97d"},
		{"left and right", schema.ShapeFor[leftRight], "{Right:*{Left:*{Right:^4}}}", "141085408dce4678"},
		{"nest", schema.ShapeFor[nest], "[]^1", "9a0f8cf8cbbe48b7"},
		{"embedder", schema.ShapeFor[embedder], "{Base:{Grid:[2]uint16;Home:*{City:string;Street:string};Prio:*int8;Raw:bytes;Seen:map[int16]bool;Tries:int64};Memo?:string;Own:string;TTLms:int64;Title:string}", "3eae8c987b8bf52e"},
		{"everything", schema.ShapeFor[everything], "{A:[3]int16;B:bytes;Bool:bool;D:int64;F32:float32;F64:float64;I:int64;I16:int16;I32:int32;I64:int64;I8:int8;ID:bytes[16];L:[]string;M:map[uint16][]*bool;P:*{X:int64};S:string;T:time;U:uint64;U16:uint16;U32:uint32;U64:uint64;U8:uint8;o%7Bd%7Dd%20%3B%C2%B5:string;tag?:string}", "72aad9f092726c45"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tt.shape()
			if err != nil {
				t.Fatal(err)
			}

			if got := s.String(); got != tt.text {
				t.Errorf("String() = %s, want %s", got, tt.text)
			}

			if got := s.Fingerprint().String(); got != tt.print {
				t.Errorf("Fingerprint() = %s, want %s", got, tt.print)
			}
		})
	}
}

func TestShapeIsOfTheWireOnly(t *testing.T) {
	type cents int64

	type renamed struct { // other names and another order than campaign
		Totals    map[string]cents
		Currency  string
		Donations []struct {
			Currency, Donor string
			Money           cents `msgpack:"Cents"`
		}
	}

	a, err := schema.ShapeFor[campaign]()
	if err != nil {
		t.Fatal(err)
	}

	b, err := schema.ShapeFor[renamed]()
	if err != nil {
		t.Fatal(err)
	}

	if !a.Equal(b) || a.Fingerprint() != b.Fingerprint() {
		t.Errorf("ShapeFor[renamed]() = %s, want %s", b, a)
	}
}

func TestShapeTellsChanges(t *testing.T) {
	shapes := map[string]string{}

	for name, shape := range map[string]func() (schema.Shape, error){
		"base":    schema.ShapeFor[struct{ A int32 }],
		"name":    schema.ShapeFor[struct{ B int32 }],
		"width":   schema.ShapeFor[struct{ A int64 }],
		"sign":    schema.ShapeFor[struct{ A uint32 }],
		"pointer": schema.ShapeFor[struct{ A *int32 }],
		"list":    schema.ShapeFor[struct{ A []int32 }],
		"array":   schema.ShapeFor[struct{ A [1]int32 }],
		"longer":  schema.ShapeFor[struct{ A [2]int32 }],
		"map":     schema.ShapeFor[struct{ A map[string]int32 }],
		"key":     schema.ShapeFor[struct{ A map[bool]int32 }],
		"nested":  schema.ShapeFor[struct{ A struct{ A int32 } }],
		"bytes":   schema.ShapeFor[struct{ A []byte }],
		"id":      schema.ShapeFor[struct{ A [16]byte }],
		"text":    schema.ShapeFor[struct{ A string }],
		"more":    schema.ShapeFor[struct{ A, B int32 }],
		"less":    schema.ShapeFor[struct{}],
		"omitempty": schema.ShapeFor[struct {
			A int32 `msgpack:",omitempty"`
		}],
	} {
		s, err := shape()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		f := s.Fingerprint().String()
		if other, dup := shapes[f]; dup {
			t.Errorf("%s and %s have the fingerprint %s", name, other, f)
		}

		shapes[f] = name
	}
}

// The fields of a shape are the fields that the codec writes.
func TestShapeAgreesWithTheCodec(t *testing.T) {
	for _, v := range []any{&everything{Tag: "t"}, &embedder{sessionHead: sessionHead{Memo: "m"}}, &sessionV4{sessionHead: sessionHead{Memo: "m"}}} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}

		fields, err := wire.SplitMap(b, nil)
		if err != nil {
			t.Fatal(err)
		}

		got := map[string]bool{}
		for _, f := range fields {
			got[string(f.Name)] = true
		}

		var s schema.Shape

		switch v.(type) {
		case *everything:
			s, err = schema.ShapeFor[everything]()
		case *embedder:
			s, err = schema.ShapeFor[embedder]()
		default:
			s, err = schema.ShapeFor[sessionV4]()
		}

		if err != nil {
			t.Fatal(err)
		}

		want := map[string]bool{}

		fs, ok := s.Fields()
		if !ok {
			t.Fatalf("Fields() of %T: it is no struct", v)
		}

		for name := range fs {
			want[name] = true
		}

		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T: fields of the shape and of the codec differ (-shape +codec):\n%s", v, diff)
		}
	}
}

func TestShapeForRefuses(t *testing.T) {
	type hidden struct {
		Seen  int
		state int
	}

	_ = hidden{state: 1}

	type twice struct {
		A int `msgpack:"x"`
		B int `msgpack:"x"`
	}

	type shadow struct {
		sessionHead

		Title string
	}

	tests := []struct {
		name  string
		shape func() (schema.Shape, error)
		want  []string
	}{
		{"pointer", schema.ShapeFor[*campaign], []string{"*schema_test.campaign", "cannot be a state by itself"}},
		{"interface", schema.ShapeFor[any], []string{"cannot be a state by itself"}},
		{"channel", schema.ShapeFor[struct{ C chan int }], []string{"C", "chan int"}},
		{"func in a list", schema.ShapeFor[struct{ A []struct{ F func() } }], []string{"A", "F", "func()"}},
		{"any in a map", schema.ShapeFor[struct{ M map[string]any }], []string{"M", "interface"}},
		{"unexported", schema.ShapeFor[struct{ S []hidden }], []string{"S[].state", "does not travel", `msgpack:"-"`}},
		{"mutex", schema.ShapeFor[struct{ M sync.Mutex }], []string{"M"}},
		{"marshaler", schema.ShapeFor[struct{ A netip.Addr }], []string{"A", "encoding.BinaryMarshaler"}},
		{"duplicate", schema.ShapeFor[twice], []string{"twice", "x"}},
		{"shadow", schema.ShapeFor[shadow], []string{"shadow", "Title"}},
		{"embedded pointer", schema.ShapeFor[struct{ *sessionHead }], []string{"sessionHead", "embedded pointer"}},
		{"option", schema.ShapeFor[struct {
			A string `msgpack:",intern"`
		}], []string{"A", "intern"}},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tt.shape()
			if err == nil {
				t.Fatalf("ShapeFor() = %s, want an error", s)
			}

			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("ShapeFor() = %q, want it to name %q", err, want)
				}
			}
		})
	}
}

func TestFingerprintText(t *testing.T) {
	f := schema.Fingerprint{0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3}

	b, err := f.MarshalText()
	if err != nil || string(b) != "deadbeef00010203" {
		t.Errorf("MarshalText() = %s, %v, want deadbeef00010203", b, err)
	}

	var g schema.Fingerprint
	if err := g.UnmarshalText(b); err != nil || g != f {
		t.Errorf("UnmarshalText(%s) = %v, %v, want %v", b, g, err, f)
	}

	for _, bad := range []string{"", "deadbeef", "deadbeef000102030", "deadbeef0001020x"} {
		if _, err := schema.ParseFingerprint(bad); err == nil {
			t.Errorf("ParseFingerprint(%q) = nil error", bad)
		}
	}
}
