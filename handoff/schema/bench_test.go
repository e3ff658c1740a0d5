package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/handoff/schema"
)

// A state of 20 fields and about 600 bytes, as most are.
type benchState struct {
	Name, Mail, Street, City, Country, Phone string
	Born, Seen, Cents, Limit                 int64
	Level, Tries                             int32
	Active, Blocked                          bool
	Score, Rate                              float64
	Tags                                     []string
	Counts                                   map[string]int64
	Blob                                     []byte
	Lines                                    []donation
}

func newBenchState() benchState {
	s := benchState{
		Name: "Ada Lovelace", Mail: "ada@example.org", Street: "12 St James's Square", City: "London", Country: "GB",
		Phone: "+44 20 7946 0000", Born: 1815, Seen: 1_763_000_000_000, Cents: 12_345, Limit: 1 << 40,
		Level: 7, Tries: 3, Active: true, Score: 0.75, Rate: 1.5, Tags: strings.Fields("first second third fourth"),
		Counts: map[string]int64{"a": 1, "b": 2000, "c": 3_000_000}, Blob: make([]byte, 64),
	}
	for i := range 4 {
		s.Lines = append(s.Lines, donation{fmt.Sprintf("donor %d", i), int64(i) * 1000, "EUR"})
	}

	return s
}

// bump stands for a step that touches little.
func bump(_ *schema.Ctx, s benchState) (benchState, error) {
	s.Level++

	return s, nil
}

func unbump(_ *schema.Ctx, s benchState) (benchState, error) {
	s.Level--

	return s, nil
}

// benchKind has two lens steps up to 3 and two typed ones up to 5, and one more
// so that version 5 is not the head.
func benchKind() *schema.Kind[benchState] {
	return schema.MustDefine[benchState]("bench", 6,
		schema.Lens(1, "A note.", schema.Rename("FullName", "Name"), schema.Add("Rate", 1.5)),
		schema.Lens(2, "A note.", schema.Rename("EMail", "Mail"), schema.Add("Tries", int32(3))),
		schema.Typed(3, "A note.", bump, unbump),
		schema.Typed(4, "A note.", bump, unbump),
		schema.Lens(5, "Another meaning."))
}

// BenchmarkMove compares the ways of a state. The figures to look at are the
// ratios to typed_2_hops: what decoding, two typed steps and encoding cost.
func BenchmarkMove(b *testing.B) {
	k := benchKind()

	at := map[schema.Version][]byte{}
	s := newBenchState()

	for v := schema.Version(1); v <= k.Head(); v++ {
		enc, err := k.EncodeAs(nil, &s, v)
		if err != nil {
			b.Fatal(err)
		}

		at[v] = enc
	}

	for _, bb := range []struct {
		name     string
		from, to schema.Version
	}{
		{"typed_2_hops", 3, 5},
		{"pass_through", 5, 5},
		{"lens_hop", 1, 2},
		{"lens_2_hops", 1, 3},
		{"lens_hop_down", 2, 1},
		{"typed_hop", 3, 4},
		{"lens_2_typed_2", 1, 5},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(at[bb.from])))

			for b.Loop() {
				if _, err := k.Migrate(nil, at[bb.from], bb.from, bb.to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}

	for _, v := range []schema.Version{6, 1} {
		b.Run(fmt.Sprintf("encode_as_%d", v), func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				if _, err := k.EncodeAs(nil, &s, v); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("decode_from_%d", v), func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				if _, err := k.DecodeFrom(nil, at[v], v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What most states of most rollouts do must not be what the collector works on.
func TestPassThroughHardlyAllocates(t *testing.T) {
	k := benchKind()
	s := newBenchState()
	b := must[[]byte](t)(k.Encode(&s))

	if n := testing.AllocsPerRun(100, func() { must[[]byte](t)(k.Migrate(nil, b, 6, 6)) }); n > 2 {
		t.Errorf("Migrate of equal versions makes %v allocations, want at most 2", n)
	}
}
