package schema_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/segue-cluster/segue/handoff/schema"
)

// The chain of the tests: two lens steps, then two typed ones. Every way up and
// back keeps everything.
type (
	sessionV1 struct {
		Name string
		TTL  int32 // seconds
		Tags map[string]int64
		Note string            `msgpack:",omitempty"`
		Seen map[int16]bool    `msgpack:"seen,omitempty"`
		Raw  []byte            `msgpack:",omitempty"`
		Home *addressV1        `msgpack:",omitempty"`
		Grid [2]uint16         `msgpack:",omitempty"`
		Kept map[string][]bool `msgpack:"kept"`
	}
	addressV1 struct{ Street, City string }

	sessionV2 struct {
		Title string
		TTLms int64
		Tags  map[string]int64
		Memo  string            `msgpack:",omitempty"`
		Seen  map[int16]bool    `msgpack:"seen,omitempty"`
		Raw   []byte            `msgpack:",omitempty"`
		Home  *addressV1        `msgpack:",omitempty"`
		Grid  [2]uint16         `msgpack:",omitempty"`
		Kept  map[string][]bool `msgpack:"kept"`
		Tries int32
	}

	sessionV3 struct {
		Title string
		TTLms int64
		Tags  map[string]int64
		Memo  string            `msgpack:",omitempty"`
		Seen  map[int16]bool    `msgpack:"seen,omitempty"`
		Raw   []byte            `msgpack:",omitempty"`
		Home  *addressV1        `msgpack:",omitempty"`
		Grid  [2]uint16         `msgpack:",omitempty"`
		Kept  map[string][]bool `msgpack:"kept"`
		Tries int64             `msgpack:",omitempty"`
		Prio  *int8
	}

	sessionV4 struct {
		sessionHead

		Tags []tag
		Kept map[string][]bool `msgpack:"kept"`
		Rest sessionRest
	}
	sessionHead struct {
		Title string
		TTLms int64
		Memo  string `msgpack:",omitempty"`
	}
	sessionRest struct {
		Seen  map[int16]bool
		Raw   []byte
		Home  *addressV1
		Grid  [2]uint16
		Tries int64
		Prio  *int8
	}
	tag struct {
		Key string
		N   int64
	}

	sessionV5 struct {
		Head sessionHead
		Tags []tag
		Kept map[string][]bool
		Rest sessionRest
		None bool // the map of tags was nil
	}
)

const heads = 5

func secToMs(s int32) (int64, error) { return int64(s) * 1000, nil }

func msToSec(ms int64) (int32, error) {
	s := ms / 1000
	if s > math.MaxInt32 || s < math.MinInt32 || s*1000 != ms {
		return 0, errors.New("not a number of seconds")
	}

	return int32(s), nil
}

func up34(_ *schema.Ctx, o sessionV3) (sessionV4, error) {
	n := sessionV4{
		sessionHead: sessionHead{Title: o.Title, TTLms: o.TTLms, Memo: o.Memo}, Kept: o.Kept,
		Rest: sessionRest{Seen: o.Seen, Raw: o.Raw, Home: o.Home, Grid: o.Grid, Tries: o.Tries, Prio: o.Prio},
	}
	if o.Tags != nil {
		n.Tags = []tag{}
	}

	for k, v := range o.Tags {
		n.Tags = append(n.Tags, tag{k, v})
	}

	slices.SortFunc(n.Tags, func(a, b tag) int { return cmp.Compare(a.Key, b.Key) })

	return n, nil
}

func down43(_ *schema.Ctx, n sessionV4) (sessionV3, error) {
	o := sessionV3{
		Title: n.Title, TTLms: n.TTLms, Memo: n.Memo, Kept: n.Kept,
		Seen: n.Rest.Seen, Raw: n.Rest.Raw, Home: n.Rest.Home, Grid: n.Rest.Grid, Tries: n.Rest.Tries, Prio: n.Rest.Prio,
	}
	if n.Tags != nil {
		o.Tags = make(map[string]int64)
	}

	for _, t := range n.Tags {
		o.Tags[t.Key] = t.N
	}

	return o, nil
}

func up45(_ *schema.Ctx, o sessionV4) (sessionV5, error) {
	return sessionV5{Head: o.sessionHead, Tags: o.Tags, Kept: o.Kept, Rest: o.Rest, None: o.Tags == nil}, nil
}

func down54(_ *schema.Ctx, n sessionV5) (sessionV4, error) {
	return sessionV4{sessionHead: n.Head, Tags: n.Tags, Kept: n.Kept, Rest: n.Rest}, nil
}

func steps12() schema.Part {
	return schema.Lens(1, "TTL gets millisecond precision, the name becomes a title.",
		schema.Rename("Name", "Title"),
		schema.Convert("TTL", secToMs, msToSec),
		schema.Rename("TTL", "TTLms"),
		schema.Rename("Note", "Memo"),
		schema.Add("Tries", int32(3)))
}

func steps23() schema.Part {
	return schema.Lens(2, "Tries may be many, and there are priorities.",
		schema.Convert("Tries",
			func(n int32) (int64, error) { return int64(n), nil },
			func(n int64) (int32, error) { return int32(n), nil }),
		schema.Add[*int8]("Prio", nil))
}

// Session is the whole chain. The shape of version 1 is derived. That of version
// 2 is declared, since its Tries has no omitempty and that of version 3 has.
var Session = schema.MustDefine[sessionV5]("session", heads,
	steps12(), steps23(),
	schema.Typed(3, "Tags become a list.", up34, down43),
	schema.Typed(4, "The head moves into its own struct.", up45, down54),
	schema.Was[sessionV2](2))

// releases returns the kind as each release defined it.
func releases() [heads + 1]schema.Schema {
	return [heads + 1]schema.Schema{
		1: schema.MustDefine[sessionV1]("session", 1),
		2: schema.MustDefine[sessionV2]("session", 2, steps12(), schema.Was[sessionV1](1)),
		3: schema.MustDefine[sessionV3]("session", 3, steps12(), steps23(), schema.Was[sessionV2](2)),
		4: schema.MustDefine[sessionV4]("session", 4, steps12(), steps23(), schema.Typed(3, "Tags become a list.", up34, down43), schema.Was[sessionV2](2)),
		5: Session,
	}
}

// draw returns a value of version v as a pointer.
func draw(t *rapid.T, v schema.Version) any {
	switch v {
	case 1:
		s := rapid.Make[sessionV1]().Draw(t, "v1")
		return &s
	case 2:
		s := rapid.Make[sessionV2]().Draw(t, "v2")
		s.TTLms = int64(rapid.Int32().Draw(t, "ttl")) * 1000

		return &s
	case 3:
		s := rapid.Make[sessionV3]().Draw(t, "v3")
		s.TTLms = int64(rapid.Int32().Draw(t, "ttl")) * 1000

		return &s
	case 4:
		s := rapid.Make[sessionV4]().Draw(t, "v4")
		s.sessionHead = sessionHead{Title: rapid.String().Draw(t, "title"), TTLms: int64(rapid.Int32().Draw(t, "ttl")) * 1000}

		return &s
	case 5:
		s := rapid.Make[sessionV5]().Draw(t, "v5")
		s.Head.TTLms = int64(rapid.Int32().Draw(t, "ttl")) * 1000

		return &s
	}

	panic(fmt.Sprintf("no version %d", v))
}

func must[T any](tb interface {
	Helper()
	Fatal(args ...any)
},
) func(v T, err error) T {
	tb.Helper()

	return func(v T, err error) T {
		tb.Helper()

		if err != nil {
			tb.Fatal(err)
		}

		return v
	}
}

// asError returns err as an *Error, and fails the test if it is none.
func asError(t *testing.T, err error) *schema.Error {
	t.Helper()

	e, ok := errors.AsType[*schema.Error](err)
	if !ok {
		t.Fatalf("error = %v (%T), want a *schema.Error", err, err)
	}

	return e
}
