package schema_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/internal/wire"
)

var errRefused = errors.New("not today")

func TestErrorsSayWhere(t *testing.T) {
	old := schema.MustDefine[itemV1]("item", 1)
	b := must[[]byte](t)(old.Encode(itemV1{Name: "tea"}))

	convert := func(fn func(string) (string, error)) []schema.Part {
		return []schema.Part{schema.Lens(1, "A note.", schema.Convert("Name", fn, same[string]))}
	}
	step := func(fn func(*schema.Ctx, itemV1) (itemV1, error)) []schema.Part {
		return []schema.Part{schema.Typed(1, "A note.", fn, fn)}
	}

	tests := []struct {
		name  string
		parts []schema.Part
		want  schema.Error
		text  string
	}{
		{
			"convert fails", convert(func(string) (string, error) { return "", errRefused }),
			schema.Error{Class: schema.ClassTransform, HopFrom: 1, HopTo: 2, Direction: schema.Up, Op: "convert Name from string to string", Path: "Name"},
			"item/key schema 1 -> 2, step 1 -> 2 up, convert Name from string to string, at Name: transform: not today",
		},
		{
			"convert panics", convert(func(s string) (string, error) { return s[len(s):][1:], nil }),
			schema.Error{Class: schema.ClassPanic, HopFrom: 1, HopTo: 2, Direction: schema.Up, Op: "convert Name from string to string", Path: "Name"},
			"item/key schema 1 -> 2, step 1 -> 2 up, convert Name from string to string, at Name: panic: runtime error: slice bounds out of range [1:0]",
		},
		{
			"convert gives what cannot travel", convert(func(string) (string, error) { return "\xff", nil }),
			schema.Error{Class: schema.ClassEncode, HopFrom: 1, HopTo: 2, Direction: schema.Up, Op: "convert Name from string to string", Path: "Name"},
			"",
		},
		{
			"step fails", step(func(*schema.Ctx, itemV1) (itemV1, error) { return itemV1{}, errRefused }),
			schema.Error{Class: schema.ClassTransform, HopFrom: 1, HopTo: 2, Direction: schema.Up},
			"item/key schema 1 -> 2, step 1 -> 2 up: transform: not today",
		},
		{
			"step panics", step(func(*schema.Ctx, itemV1) (itemV1, error) { panic(errRefused) }),
			schema.Error{Class: schema.ClassPanic, HopFrom: 1, HopTo: 2, Direction: schema.Up},
			"item/key schema 1 -> 2, step 1 -> 2 up: panic: not today",
		},
		{
			"step panics with a value", step(func(*schema.Ctx, itemV1) (itemV1, error) { panic(42) }),
			schema.Error{Class: schema.ClassPanic, HopFrom: 1, HopTo: 2, Direction: schema.Up},
			"item/key schema 1 -> 2, step 1 -> 2 up: panic: a value of type int",
		},
		{
			"own op fails",
			[]schema.Part{schema.Lens(1, "A note.", upperOp{"Name", "error"})},
			schema.Error{Class: schema.ClassTransform, HopFrom: 1, HopTo: 2, Direction: schema.Up, Op: "capitalise Name"},
			"",
		},
		{
			"own op panics",
			[]schema.Part{schema.Lens(1, "A note.", upperOp{"Name", "panic"})},
			schema.Error{Class: schema.ClassPanic, HopFrom: 1, HopTo: 2, Direction: schema.Up, Op: "capitalise Name"},
			"",
		},
		{
			"own op adds a field",
			[]schema.Part{schema.Lens(1, "A note.", upperOp{"Name", "unknown"})},
			schema.Error{Class: schema.ClassDecode},
			`item/key schema 1 -> 2: decode: unknown field "Extra"`,
		},
		{
			"own op changes the type",
			[]schema.Part{schema.Lens(1, "A note.", upperOp{"Name", "type"})},
			schema.Error{Class: schema.ClassDecode, Path: "Name"},
			"",
		},
		{
			"own op reads another type",
			[]schema.Part{schema.Lens(1, "A note.", upperOp{"Price", ""})},
			schema.Error{Class: schema.ClassDecode, Path: "Price", HopFrom: 1, HopTo: 2, Direction: schema.Up, Op: "capitalise Price"},
			"",
		},
		{
			"invariant fails",
			[]schema.Part{schema.Lens(1, "A note."), schema.Validate(func(itemV1) error { return errRefused })},
			schema.Error{Class: schema.ClassValidate},
			"item/key schema 1 -> 2: validate: not today",
		},
		{
			"invariant panics",
			[]schema.Part{schema.Lens(1, "A note."), schema.Validate(func(itemV1) error { panic("no") })},
			schema.Error{Class: schema.ClassPanic},
			"item/key schema 1 -> 2: panic: no",
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := schema.Define[itemV1]("item", 2, tt.parts...)
			if err != nil {
				t.Fatal(err)
			}

			_, err = k.DecodeFrom(&schema.Ctx{Process: "key"}, b, 1)
			e := asError(t, err)

			tt.want.Kind, tt.want.Process, tt.want.From, tt.want.To = "item", "key", 1, 2
			if diff := cmp.Diff(tt.want, *e, cmpopts.IgnoreFields(schema.Error{}, "Err", "Stack")); diff != "" {
				t.Errorf("DecodeFrom() = %v; it differs (-want +got):\n%s", err, diff)
			}

			if tt.text != "" && err.Error() != tt.text {
				t.Errorf("Error() = %s, want %s", err, tt.text)
			}

			if got, want := len(e.Stack) > 0, e.Class == schema.ClassPanic; got != want {
				t.Errorf("has a stack = %v, want %v", got, want)
			}
		})
	}

	k := schema.MustDefine[itemV1]("item", 2, step(func(*schema.Ctx, itemV1) (itemV1, error) { return itemV1{}, errRefused })...)
	if _, err := k.Load(b, 1); !errors.Is(err, errRefused) {
		t.Errorf("Load() = %v, want it to match the step's own error", err)
	}
}

// The error of another kind, returned by a step, stays what it is.
func TestForeignErrorIsNotChanged(t *testing.T) {
	foreign := &schema.Error{Class: schema.ClassLimit, Kind: "other", From: 7, To: 7}
	k := schema.MustDefine[itemV1]("item", 2, schema.Typed(1, "A note.",
		func(*schema.Ctx, itemV1) (itemV1, error) { return itemV1{}, foreign }, typedSame[itemV1]))

	b := must[[]byte](t)(schema.MustDefine[itemV1]("item", 1).Encode(itemV1{}))

	_, err := k.Load(b, 1)
	if e := asError(t, err); e == foreign || e.Class != schema.ClassTransform || foreign.Kind != "other" || foreign.HopFrom != 0 {
		t.Errorf("Load() = %v, want a transform error around %v", err, foreign)
	}
}

func typedSame[T any](_ *schema.Ctx, v T) (T, error) { return v, nil }

func TestStepsSeeTheCtx(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

	var seen []schema.Ctx

	note := func(c *schema.Ctx, v itemV1) (itemV1, error) {
		seen = append(seen, *c)

		return v, nil
	}
	k := schema.MustDefine[itemV1]("item", 3, schema.Typed(1, "A note.", note, note), schema.Typed(2, "A note.", note, note))

	given := schema.Ctx{Kind: "wrong", Process: "tea", Time: at}
	b := must[[]byte](t)(k.EncodeAs(&given, itemV1{}, 1))
	must[any](t)(k.DecodeFrom(&given, b, 2))

	want := []schema.Ctx{
		{Kind: "item", Process: "tea", From: 3, To: 1, Time: at},
		{Kind: "item", Process: "tea", From: 3, To: 1, Time: at},
		{Kind: "item", Process: "tea", From: 2, To: 3, Time: at},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("the steps saw another Ctx (-want +got):\n%s", diff)
	}

	if given.Kind != "wrong" {
		t.Errorf("the caller's Ctx was changed to %+v", given)
	}
}

func TestEncodeRefuses(t *testing.T) {
	type list struct{ Next *list }

	cycle := &list{}
	cycle.Next = cycle

	k := schema.MustDefine[list]("list", 1, schema.WithLimits(schema.Limits{Depth: 4, Bytes: 64}))
	big := schema.MustDefine[[]string]("big", 1, schema.WithLimits(schema.Limits{Bytes: 64, Elements: 8}))

	tests := []struct {
		name   string
		encode func() ([]byte, error)
		class  schema.Class
		text   string
	}{
		{"another type", func() ([]byte, error) { return k.Encode(itemV1{}) }, schema.ClassEncode, "a value of type schema_test.itemV1 was given, want schema_test.list"},
		{"nil", func() ([]byte, error) { return k.Encode(nil) }, schema.ClassEncode, "<nil>"},
		{"nil pointer", func() ([]byte, error) { return k.Encode((*list)(nil)) }, schema.ClassEncode, "*schema_test.list"},
		{"cycle", func() ([]byte, error) { return k.Encode(cycle) }, schema.ClassEncode, "contains itself"},
		{"depth", func() ([]byte, error) { return k.Encode(list{&list{&list{&list{&list{}}}}}) }, schema.ClassLimit, "deep"},
		{"bytes", func() ([]byte, error) { return big.Encode([]string{strings.Repeat("x", 64)}) }, schema.ClassLimit, "large"},
		{"elements", func() ([]byte, error) { return big.Encode(make([]string, 9)) }, schema.ClassLimit, "elements"},
		{"version above", func() ([]byte, error) { return k.EncodeAs(nil, list{}, 2) }, schema.ClassPlan, "this release has the versions 1 to 1, not 2"},
		{"version 0", func() ([]byte, error) { return k.EncodeAs(nil, list{}, 0) }, schema.ClassPlan, "not 0"},
		{"migrate from nowhere", func() ([]byte, error) { return k.Migrate(nil, []byte{0x80}, 2, 1) }, schema.ClassPlan, "not 2"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.encode()
			if e := asError(t, err); e.Class != tt.class || !strings.Contains(err.Error(), tt.text) || b != nil {
				t.Errorf("Encode() = %x, %v, want class %s and %q", b, err, tt.class, tt.text)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	own := Session.Manifest()
	k := schema.MustDefine[sessionV5]("session", 5, schema.Typed(4, "The head moves.", up45, down54))

	tests := []struct {
		v     schema.Version
		f     schema.Fingerprint
		class schema.Class
	}{
		{4, own.Fingerprints[3], ""},
		{5, own.Fingerprints[4], ""},
		{5, own.Fingerprints[3], schema.ClassDiverged},
		{5, schema.Fingerprint{}, schema.ClassDiverged},
		{3, own.Fingerprints[2], schema.ClassPlan},
		{6, own.Fingerprints[4], schema.ClassPlan},
		{0, own.Fingerprints[4], schema.ClassPlan},
	}

	for _, tt := range tests {
		err := k.Check(tt.v, tt.f)
		if tt.class == "" {
			if err != nil {
				t.Errorf("Check(%d, %v) = %v, want nil", tt.v, tt.f, err)
			}

			continue
		}

		if e := asError(t, err); e.Class != tt.class {
			t.Errorf("Check(%d, %v) = %v, want class %s", tt.v, tt.f, err, tt.class)
		}
	}
}

// No byte of a state gets into a message: names, numbers and positions do.
func TestErrorsDoNotQuoteTheState(t *testing.T) {
	const secret = "s3cr3t-payload"

	rs := releases()
	whole := must[[]byte](t)(rs[1].Encode(&sessionV1{Name: secret, Tags: map[string]int64{secret: 1}, Note: secret, Raw: []byte(secret)}))

	for cut := range whole {
		for _, b := range [][]byte{whole[:cut], append(whole[:cut:cut], append([]byte{0xc0}, whole[cut:]...)...)} {
			for v := schema.Version(1); v <= heads; v++ {
				_, err := Session.DecodeFrom(&schema.Ctx{Process: "p"}, b, v)
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("DecodeFrom(damaged at %d, %d) = %v, it quotes the state", cut, v, err)
				}
			}
		}
	}
}

func TestCauseIsTheCodecsError(t *testing.T) {
	_, err := Session.Decode([]byte{0x81})

	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Class != wire.Truncated {
		t.Errorf("Decode() = %v, want a wire error of class truncated in it", err)
	}
}
