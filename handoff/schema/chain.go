package schema

import (
	"reflect"
	"sync"

	"github.com/segue-cluster/segue/internal/wire"
)

// A chain is a definition that holds together: everything about a kind that
// does not need its Go type at compile time. It is immutable.
type chain struct {
	name         string
	head, oldest Version
	versions     []revision // oldest to head
	steps        []*step    // the step from oldest, from oldest+1, ...
	newHead      func() any
	validate     func(v any) error // nil if there is none; v is a pointer
	limits       wire.Limits
	maxBytes     int
	jsonErr      error // why the type has no JSON form
	docs         sync.Pool
}

// A revision is what is known of one version.
type revision struct {
	typ    reflect.Type // nil where only ops know the version
	shape  Shape
	print  Fingerprint
	fields Fields // nil if the version is no struct
	slots  []slot // of fields, in the order of the codec
}

// A step joins two versions. It has either ops or a typedStep.
type step struct {
	from  Version
	note  string
	ops   []Op
	typed *typedStep
}

// A typedStep is the code of a [Typed] step, on pointers.
type typedStep struct {
	older, newer end
	up, down     func(c *Ctx, v any) (any, error)
}

// An end is one side of a typed step.
type end struct {
	typ  reflect.Type
	zero func() any // a pointer to a new value
}

// input returns the side that a way in direction d starts from.
func (t *typedStep) input(d Direction) end {
	if d == Up {
		return t.older
	}

	return t.newer
}

// run takes the step in direction d.
func (t *typedStep) run(c *Ctx, v any, d Direction) (any, error) {
	if d == Up {
		return t.up(c, v)
	}

	return t.down(c, v)
}

// docs describes what the step does, for people.
func (s *step) docs() []OpDoc {
	if s.typed != nil {
		return []OpDoc{{
			Text: "turn " + s.typed.older.typ.String() + " into " + s.typed.newer.typ.String(),
			Loss: LossUp | LossDown,
		}}
	}

	docs := make([]OpDoc, len(s.ops))
	for i, op := range s.ops {
		docs[i] = op.Doc()
	}

	return docs
}

// knows reports whether v is in the chain.
func (c *chain) knows(v Version) bool { return v >= c.oldest && v <= c.head }

// at returns what is known of v, which is in the chain.
func (c *chain) at(v Version) *revision { return &c.versions[v-c.oldest] }

// stepFrom returns the step between v and v+1, both in the chain.
func (c *chain) stepFrom(v Version) *step { return c.steps[v-c.oldest] }
