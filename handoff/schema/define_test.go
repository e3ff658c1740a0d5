package schema_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff/schema"
)

type (
	itemV1 struct {
		Name  string
		Price int32
		Old   bool
	}
	itemV2 struct {
		Title string
		Price int64
		Stock uint16
	}
)

func same[T any](v T) (T, error) { return v, nil }

func typed[A, B any](from schema.Version, note string) schema.Part {
	return schema.Typed(from, note,
		func(*schema.Ctx, A) (b B, err error) { return b, nil },
		func(*schema.Ctx, B) (a A, err error) { return a, nil })
}

func TestDefineRefuses(t *testing.T) {
	lens := func(from schema.Version, ops ...schema.Op) schema.Part { return schema.Lens(from, "A note.", ops...) }
	v1 := schema.Was[itemV1](1)

	tests := []struct {
		name  string
		kind  string
		head  schema.Version
		parts []schema.Part
		want  []string // each in the error
	}{
		{"name", "Item", 1, nil, []string{`kind "Item" does not match`}},
		{"name with four parts", "a.b.c.d", 1, nil, []string{"4 parts", "kind.message.reply"}},
		{"head 0", "item", 0, nil, []string{`kind "item": the head is version 0`}},
		{"empty part", "item", 1, []schema.Part{{}}, []string{"part 1 is empty"}},
		{"nil op", "item", 2, []schema.Part{lens(1, nil)}, []string{"step 1 -> 2: op 1 is nil"}},
		{"no note", "item", 2, []schema.Part{schema.Lens(1, " ")}, []string{"step 1 -> 2: it has no note"}},
		{"step from 0", "item", 2, []schema.Part{lens(0)}, []string{"step 0 -> 1: versions start at 1"}},
		{"step above the head", "item", 2, []schema.Part{lens(2)}, []string{"step 2 -> 3: it starts at the head 2 or above it; raise the head to 3"}},
		{"two steps", "item", 2, []schema.Part{lens(1), lens(1)}, []string{"step 1 -> 2: there are two"}},
		{"gap", "item", 4, []schema.Part{lens(1), lens(3)}, []string{"step 1 -> 2: it does not reach the head 4: there is no step 2 -> 3"}},
		{"no way back", "item", 2, []schema.Part{schema.Typed[itemV1, itemV2](1, "A note.", func(*schema.Ctx, itemV1) (v itemV2, err error) { return v, nil }, nil)}, []string{"step 1 -> 2: both functions are needed"}},
		{"op without a way back", "item", 2, []schema.Part{lens(1, schema.Convert[int64, int64]("Price", same[int64], nil))}, []string{"step 1 -> 2: convert Price", "both functions are needed"}},
		{"Was outside", "item", 2, []schema.Part{lens(1), schema.Was[itemV1](4)}, []string{"Was(4) is outside of the chain, which has the versions 1 to 2"}},
		{"two types for the head", "item", 2, []schema.Part{typed[itemV2, itemV1](1, "A note.")}, []string{"version 2 has two Go types: the head is schema_test.itemV2, but step 1 -> 2 gives schema_test.itemV1"}},
		{"typed steps that do not meet", "item", 3, []schema.Part{typed[itemV1, itemV1](1, "A note."), typed[itemV2, itemV2](2, "A note.")}, []string{"version 2 has two Go types: step 1 -> 2 gives schema_test.itemV1, but step 2 -> 3 takes schema_test.itemV2"}},
		{"old type cannot travel", "item", 2, []schema.Part{typed[struct{ C chan int }, itemV2](1, "A note.")}, []string{"version 1: step 1 -> 2 takes", "C", "chan int"}},
		{"validate another type", "item", 1, []schema.Part{schema.Validate(func(itemV1) error { return nil })}, []string{"Validate takes schema_test.itemV1, but the head is schema_test.itemV2"}},
		{"validate nothing", "item", 1, []schema.Part{schema.Validate[itemV2](nil)}, []string{"Validate was given no function"}},
		{"validate twice", "item", 1, []schema.Part{schema.Validate(func(itemV2) error { return nil }), schema.Validate(func(itemV2) error { return nil })}, []string{"Validate is given twice"}},
		{"limits", "item", 1, []schema.Part{schema.WithLimits(schema.Limits{Bytes: -1, Depth: 65})}, []string{"limit Bytes is -1", "limit Depth is 65, want at most 64"}},
		{"lens on a list", "item", 2, []schema.Part{lens(1, schema.Rename("Name", "Title")), schema.Was[[]string](1)}, []string{"step 1 -> 2: a lens works on the fields of structs, but version 1 is []string: use Typed"}},

		{"nothing explained", "item", 2, []schema.Part{lens(1), v1}, []string{
			`step 1 -> 2: nothing explains that the field Name (string) is gone: if it has a new name add schema.Rename("Name", "Title"), else schema.Drop("Name", "")`,
			`step 1 -> 2: nothing explains that the field Old (bool) is gone: add schema.Drop("Old", false)`,
			`step 1 -> 2: nothing explains that the field Stock (uint16) is new: add schema.Add("Stock", uint16(0))`,
			`step 1 -> 2: nothing explains that the field Title (string) is new: add schema.Add("Title", "")`,
			`step 1 -> 2: nothing explains that the field Price changed from int32 to int64: add schema.Convert("Price", func(int32) (int64, error), func(int64) (int32, error))`,
		}},
		{"add without its type", "item", 2, []schema.Part{lens(1, schema.Add("Stock", 3)), v1}, []string{
			"step 1 -> 2: nothing explains that the field Stock changed from int to uint16",
		}},
		{"add what is there", "item", 2, []schema.Part{lens(1, schema.Add("Name", "")), v1}, []string{"step 1 -> 2: add Name (up): there is a field Name already"}},
		{"rename what is not there", "item", 2, []schema.Part{lens(1, schema.Rename("X", "Title")), v1}, []string{"step 1 -> 2: rename X to Title (up): there is no field X"}},
		{"rename onto another", "item", 2, []schema.Part{lens(1, schema.Rename("Name", "Old")), v1}, []string{"rename Name to Old (up): there is a field Old already"}},
		{"drop with the wrong type", "item", 2, []schema.Part{lens(1, schema.Drop("Old", "")), v1}, []string{"drop Old (up): the field Old is bool, and not string as the op says"}},
		{"convert from the wrong type", "item", 2, []schema.Part{lens(1, schema.Convert("Price", same[int64], same[int64])), v1}, []string{"convert Price from int64 to int64 (up): the field Price is int32, and not int64"}},
		{"op that the head does not fit", "item", 2, []schema.Part{lens(1, schema.Add("Colour", "red"))}, []string{"step 1 -> 2: add Colour (down): there is no field Colour"}},
		{"default that cannot travel", "item", 2, []schema.Part{lens(1, schema.Add("Stock", make(chan int)))}, []string{"add Stock", "the default", "chan int"}},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := schema.Define[itemV2](tt.kind, tt.head, tt.parts...)
			if err == nil {
				t.Fatal("Define() = nil error")
			}

			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Define() =\n%v\nwant it to say\n%s", err, want)
				}
			}
		})
	}
}

func TestDefineReportsEverything(t *testing.T) {
	_, err := schema.Define[itemV2]("Item", 3,
		schema.Lens(1, ""), schema.Lens(7, "A note."), schema.Was[itemV1](9), schema.WithLimits(schema.Limits{Key: -5}))
	if err == nil {
		t.Fatal("Define() = nil error")
	}

	if got, want := strings.Count(err.Error(), "\n")+1, 5; got != want {
		t.Errorf("Define() reports %d problems, want %d:\n%v", got, want, err)
	}
}

// The lines that Define proposes compile as they are.
func TestProposedDefaults(t *testing.T) {
	type level int8

	type v1 struct {
		Name  string
		Kind  code
		On    bool
		Level level
		At    time.Time
		ID    segue.NodeID
		Raw   []byte
		List  []string
		Map   map[string]int
		Item  *itemV1
		Grid  [2]bool
		Inner itemV1
		Rate  float64
		Tree  nest
	}

	_, err := schema.Define[struct{}]("k", 2, schema.Lens(1, "A note."), schema.Was[v1](1))
	if err == nil {
		t.Fatal("Define() = nil error")
	}

	for _, want := range []string{
		`Drop("Name", "")`, `Drop("Kind", schema_test.code(""))`, `Drop("On", false)`, `Drop("Level", schema_test.level(0))`,
		`Drop("At", time.Time{})`, `Drop("ID", segue.NodeID{})`, `Drop("Raw", []uint8(nil))`, `Drop("List", []string(nil))`,
		`Drop("Map", map[string]int(nil))`, `Drop("Item", (*schema_test.itemV1)(nil))`, `Drop("Grid", [2]bool{})`,
		`Drop("Inner", schema_test.itemV1{})`, `Drop("Rate", float64(0))`, `Drop("Tree", schema_test.nest(nil))`,
	} {
		if !strings.Contains(err.Error(), "schema."+want) {
			t.Errorf("Define() does not propose %s:\n%v", want, err)
		}
	}
}

func TestKindDescribesItself(t *testing.T) {
	if Session.Name() != "session" || Session.Head() != heads || Session.Oldest() != 1 {
		t.Errorf("kind = %s %d to %d", Session.Name(), Session.Oldest(), Session.Head())
	}

	want, err := schema.ShapeFor[sessionV1]()
	if err != nil {
		t.Fatal(err)
	}

	if got, ok := Session.Shape(1); !ok || !got.Equal(want) || got.Fingerprint() != Session.Manifest().Fingerprints[0] {
		t.Errorf("Shape(1) = %s, %v, want %s as derived", got, ok, want)
	}

	for _, v := range []schema.Version{0, heads + 1} {
		if s, ok := Session.Shape(v); ok || !s.IsZero() {
			t.Errorf("Shape(%d) = %s, %v, want none", v, s, ok)
		}
	}

	for l, want := range map[schema.Loss]string{
		schema.Lossless: "lossless", schema.LossUp: "lossy up", schema.LossDown: "lossy down",
		schema.LossUp | schema.LossDown: "lossy both ways",
	} {
		if got := l.String(); got != want {
			t.Errorf("Loss(%d).String() = %s, want %s", l, got, want)
		}
	}
}

// A recursive state changes in places that a lens does not see.
func TestLensDoesNotPassForTheInside(t *testing.T) {
	type folderV1 struct {
		Name string
		Kids []*folderV1
	}

	type folder struct {
		Title string
		Kids  []*folder
	}

	_, err := schema.Define[folder]("folder", 2, schema.Lens(1, "Titles.", schema.Rename("Name", "Title")), schema.Was[folderV1](1))
	if err == nil || !strings.Contains(err.Error(), "nothing explains that the field Kids changed") {
		t.Errorf("Define() = %v, want it to see that the names inside of Kids changed", err)
	}
}

func TestOmitemptyIsPartOfTheShape(t *testing.T) {
	type v1 struct{ A, B string }

	type v2 struct {
		A string `msgpack:",omitempty"`
		B string
		C string `msgpack:",omitempty"`
	}

	add := schema.Add("C", "c")

	if _, err := schema.Define[v2]("k", 2, schema.Lens(1, "A note.", add), schema.Was[v1](1)); err == nil ||
		!strings.Contains(err.Error(), "the field A changed its omitempty") {
		t.Errorf("Define() = %v, want it to see the omitempty of A", err)
	}

	k, err := schema.Define[v2]("k", 2, schema.Lens(1, "A note.", add, schema.Convert("A", same[string], same[string])), schema.Was[v1](1))
	if err != nil {
		t.Fatalf("Define() = %v, want the convert to explain it", err)
	}

	older := schema.MustDefine[v1]("k", 1)
	if got := k.Plan(older.Manifest()).Verdict; got != schema.VerdictConvert {
		t.Errorf("Plan() = %v, want %v", got, schema.VerdictConvert)
	}
}

// What ops derive is a guess about omitempty. A wrong one is found before
// anything moves, and Was puts it right.
func TestWrongGuessDiverges(t *testing.T) {
	type v1 struct {
		A string `msgpack:",omitempty"`
	}

	type v2 struct{}

	older := schema.MustDefine[v1]("k", 1)
	drop := schema.Lens(1, "A is not used.", schema.Drop("A", ""))

	if got := schema.MustDefine[v2]("k", 2, drop).Plan(older.Manifest()).Verdict; got != schema.VerdictDiverged {
		t.Errorf("Plan() without Was = %v, want %v", got, schema.VerdictDiverged)
	}

	if got := schema.MustDefine[v2]("k", 2, drop, schema.Was[v1](1)).Plan(older.Manifest()).Verdict; got != schema.VerdictConvert {
		t.Errorf("Plan() with Was = %v, want %v", got, schema.VerdictConvert)
	}
}

// Every release means the same by every version that it knows.
func TestReleasesAgreeOnHistory(t *testing.T) {
	want := Session.Manifest().Fingerprints

	for v, r := range releases() {
		if r == nil {
			continue
		}

		if diff := cmp.Diff(want[:v], r.Manifest().Fingerprints); diff != "" {
			t.Errorf("fingerprints of release %d differ (-want +got):\n%s", v, diff)
		}
	}
}

func TestMustDefinePanics(t *testing.T) {
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, `kind "item": the head is version 0`) {
			t.Errorf("MustDefine panicked with %v, want the error of Define", r)
		}
	}()

	schema.MustDefine[itemV1]("item", 0)
}

func TestDefineLimitsTheChain(t *testing.T) {
	chain := func(n schema.Version) error {
		parts := make([]schema.Part, 0, n)
		for v := schema.Version(1); v < n; v++ {
			parts = append(parts, schema.Lens(v, "Another meaning."))
		}

		_, err := schema.Define[itemV1]("item", n, parts...)

		return err
	}

	if err := chain(schema.MaxVersions); err != nil {
		t.Errorf("Define of %d versions = %v, want nil", schema.MaxVersions, err)
	}

	if err := chain(schema.MaxVersions + 1); err == nil || !strings.Contains(err.Error(), "at most 1024") {
		t.Errorf("Define of %d versions = %v, want an error", schema.MaxVersions+1, err)
	}
}

// upperOp is an op that a user wrote.
type upperOp struct {
	field  string
	broken string // which method is wrong
}

func (o upperOp) Up(_ *schema.Ctx, d *schema.Doc) error { return o.set(d, strings.ToUpper) }

func (o upperOp) Down(_ *schema.Ctx, d *schema.Doc) error { return o.set(d, strings.ToLower) }

func (o upperOp) set(d *schema.Doc, fn func(string) string) error {
	s, err := schema.Get[string](d, o.field)
	if err != nil {
		return err
	}

	switch o.broken {
	case "panic":
		panic("out of capitals")
	case "error":
		return errors.New("no capitals")
	case "unknown":
		return schema.Set(d, "Extra", 1)
	case "type":
		return schema.Set(d, o.field, 5)
	}

	return schema.Set(d, o.field, fn(s))
}

func (o upperOp) Shape(f schema.Fields, dir schema.Direction) error {
	if o.broken == "shape" && dir == schema.Down {
		delete(f, o.field)
	}

	return nil
}

func (o upperOp) Doc() schema.OpDoc {
	return schema.OpDoc{Text: "capitalise " + o.field, Loss: schema.LossUp}
}

func TestOpOfAUser(t *testing.T) {
	k := schema.MustDefine[itemV1]("item", 2, schema.Lens(1, "Names are in capitals.", upperOp{field: "Name"}))
	old := schema.MustDefine[itemV1]("item", 1)

	b := must[[]byte](t)(old.Encode(itemV1{Name: "tea"}))
	got := must[*itemV1](t)(k.Load(b, 1))

	if got.Name != "TEA" {
		t.Errorf("Load() = %+v, want the name in capitals", got)
	}

	if _, err := schema.Define[itemV1]("item", 2, schema.Lens(1, "A note.", upperOp{field: "Name", broken: "shape"}), schema.Was[itemV1](1)); err == nil ||
		!strings.Contains(err.Error(), "its ops lead up but not back: on the way down these fields are missing: Name") {
		t.Errorf("Define() = %v, want it to see that the op is not symmetric", err)
	}
}
