package wire_test

import (
	"time"

	"github.com/segue-cluster/segue"
)

// Named types of every kind. Some can print themselves, which must not matter.
type (
	flag    bool
	level   int16
	text    string
	blob    []byte
	names   []string
	ratings map[string]float32
	hash    [4]byte
)

func (l level) MarshalText() ([]byte, error)      { return []byte("level"), nil }
func (l *level) UnmarshalText([]byte) error       { *l = -1; return nil }
func (b blob) MarshalBinary() ([]byte, error)     { return []byte("blob"), nil }
func (b *blob) UnmarshalBinary(data []byte) error { *b = data[:0]; return nil }

type point struct {
	X int32 `msgpack:"x"`
	Y int32 `msgpack:"y,omitempty"`
}

type hidden struct {
	Promoted string
	private  int // not written
}

type Named struct {
	Own string
}

type node struct {
	Value int8
	Next  *node
	Kids  []node
}

// shapes has a field of every shape that travels.
type shapes struct {
	hidden
	Named `msgpack:"named,noinline"`

	Bool  bool
	Flag  flag
	I     int
	I8    int8
	I16   int16
	I32   int32
	I64   int64
	U     uint
	U8    uint8
	U16   uint16
	U32   uint32
	U64   uint64
	F32   float32
	F64   float64
	S     string
	Text  text
	Level level
	Bytes []byte
	Blob  blob
	Hash  hash
	ID    segue.NodeID
	None  [0]byte

	Time     time.Time
	Duration time.Duration

	Ints    []int64
	Names   names
	IDs     []segue.NodeID
	Grid    [2][3]uint16
	Points  []point
	Pointed []*point

	Strings map[string]string
	Counts  map[string]int
	ByInt   map[int32]string
	ByUint  map[uint8]bool
	ByBool  map[bool]point
	ByID    map[segue.NodeID][]string
	ByText  map[text]map[level]blob
	Rates   ratings
	Set     map[string]struct{}

	Point   point
	Pointer *point
	Number  *int64
	When    *time.Time
	Tree    node

	Empty    string               `msgpack:"empty,omitempty"`
	NoTime   time.Time            `msgpack:",omitempty"`
	NoID     segue.NodeID         `msgpack:",omitempty"`
	NoPoint  point                `msgpack:",omitempty"`
	NoList   []int                `msgpack:",omitempty"`
	NoMap    map[string]time.Time `msgpack:",omitempty"`
	NoNumber *int8                `msgpack:",omitempty"`

	Skipped func() `msgpack:"-"`
	kept    any    // not written
}

func newShapes() *shapes {
	number, when := int64(-1<<40), time.Unix(1<<35, 999_999_999).UTC()

	return &shapes{
		hidden: hidden{Promoted: "up"}, Named: Named{Own: "own"},
		Bool: true, Flag: true, I: -1, I8: -128, I16: -129, I32: -40_000, I64: -1 << 63, U: 1, U8: 255, U16: 256,
		U32: 70_000, U64: 1<<64 - 1, F32: 0.5, F64: 1e300, S: "häß", Text: "t", Level: 7, Bytes: []byte{0xff, 0},
		Blob: blob{1, 2}, Hash: hash{1, 2, 3, 4}, ID: segue.NodeID{15: 9},
		Time: time.Unix(1_700_000_000, 1).UTC(), Duration: -time.Hour,
		Ints: []int64{}, Names: names{"a", ""}, IDs: []segue.NodeID{{1}, {}}, Grid: [2][3]uint16{{1, 2, 3}, {4, 5, 600}},
		Points: []point{{X: 1}, {X: -2, Y: 3}}, Pointed: []*point{nil, {X: 4}},
		Strings: map[string]string{"b": "2", "a": "1", "aa": ""}, Counts: map[string]int{"x": -1, "y": 300, "": 0},
		ByInt:  map[int32]string{-1: "n", 1: "p", 127: "e", 128: "f", -33: "g"},
		ByUint: map[uint8]bool{1: true, 200: false}, ByBool: map[bool]point{true: {X: 1}, false: {Y: 2}},
		ByID:   map[segue.NodeID][]string{{1}: {"x"}, {2}: nil, {3}: {}},
		ByText: map[text]map[level]blob{"k": {3: blob{4}, 2: nil}, "nil": nil}, Rates: ratings{"r": 1.5},
		Set: map[string]struct{}{"in": {}}, Point: point{X: 8, Y: 9}, Pointer: &point{X: 5}, Number: &number, When: &when,
		Tree: node{Value: 1, Next: &node{Value: 2}, Kids: []node{{Value: 3, Kids: []node{}}}},
	}
}
