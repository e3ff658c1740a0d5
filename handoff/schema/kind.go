package schema

import (
	"fmt"
	"reflect"
)

// A Schema is what a node does with a kind without knowing its Go type. Only
// [Kind] implements it; methods may be added. Values are pointers to the Go
// type of the head.
//
// Two calls move a state, and the side with the higher head makes both: what
// leaves goes through EncodeAs, what comes goes through DecodeFrom. The version
// on the wire is the Wire of [Plan].
type Schema interface {
	Described
	Codec
	Mover
	// core keeps the interface closed.
	core() *chain
}

// Described says what a schema is.
type Described interface {
	// Name is the stable name.
	Name() string
	// Head is the current version.
	Head() Version
	// Manifest is what a peer must know.
	Manifest() Manifest
	// Plan says what becomes of the kind between this release and the peer's.
	// It never fails: the verdict carries the reason.
	Plan(peer Manifest) Plan
	// Check reports an error if this release cannot read version v with that
	// fingerprint. Ask it about every record and message before DecodeFrom.
	Check(v Version, f Fingerprint) error
}

// A Codec encodes and decodes the head. Every error is an [*Error].
type Codec interface {
	// New returns a pointer to a zero value.
	New() any
	// Encode writes a value, or what a pointer points to. Equal values give
	// equal bytes, and what it returns is within the limits of the kind.
	Encode(v any) ([]byte, error)
	// Decode scans, decodes strictly and validates. It does not keep b.
	Decode(b []byte) (any, error)
	// EncodeJSON writes a value, or what a pointer points to, as JSON.
	EncodeJSON(v any) ([]byte, error)
	// DecodeJSON decodes one JSON value strictly and validates it. It refuses
	// unknown fields by name, data after the value, and what is over the limit.
	DecodeJSON(b []byte) (any, error)
}

// A Mover takes a state from version to version. Every error is an [*Error].
// Ctx says whose state it is; nil is allowed.
type Mover interface {
	// EncodeAs writes a value of the head, or what a pointer points to, in an
	// older version or the head. It does not change the value, but steps see
	// it: nothing may change it meanwhile.
	EncodeAs(c *Ctx, v any, to Version) ([]byte, error)
	// DecodeFrom reads bytes of an older version, or of the head, as a validated
	// value of the head. It neither keeps nor changes b.
	DecodeFrom(c *Ctx, b []byte, from Version) (any, error)
	// Migrate takes bytes from any version to any other. To the head it decodes
	// and validates the result. The result may be b itself.
	Migrate(c *Ctx, b []byte, from, to Version) ([]byte, error)
}

// A Kind is the definition of one kind of state, message or reply whose head is
// the Go type T. It is immutable and may be used by several goroutines. Make it
// with [Define].
type Kind[T any] struct{ c *chain }

// Name implements [Described].
func (k *Kind[T]) Name() string { return k.c.name }

// Head implements [Described].
func (k *Kind[T]) Head() Version { return k.c.head }

// Oldest returns the oldest version that the kind can read and write.
func (k *Kind[T]) Oldest() Version { return k.c.oldest }

// Shape returns the wire shape of a version, and false if the kind has no such
// version.
func (k *Kind[T]) Shape(v Version) (Shape, bool) {
	if !k.c.knows(v) {
		return Shape{}, false
	}

	return k.c.at(v).shape, true
}

// Manifest implements [Described].
func (k *Kind[T]) Manifest() Manifest { return k.c.manifest() }

// Plan implements [Described]. What this side converts is described step by
// step.
func (k *Kind[T]) Plan(peer Manifest) Plan { return k.c.plan(peer) }

// Check implements [Described]. The error is of [ClassPlan] or [ClassDiverged].
func (k *Kind[T]) Check(v Version, f Fingerprint) error { return k.c.check(v, f) }

// New implements [Codec] and returns a *T.
func (k *Kind[T]) New() any { return new(T) }

// Encode implements [Codec].
func (k *Kind[T]) Encode(v any) ([]byte, error) { return k.EncodeAs(nil, v, k.c.head) }

// Decode implements [Codec] and returns a *T.
func (k *Kind[T]) Decode(b []byte) (any, error) { return k.DecodeFrom(nil, b, k.c.head) }

// EncodeAs implements [Mover].
func (k *Kind[T]) EncodeAs(c *Ctx, v any, to Version) ([]byte, error) {
	p, err := k.pointer(v)
	if err != nil {
		return nil, k.c.start(c, k.c.head, to).place(err)
	}

	return k.c.encodeAs(c, p, to)
}

// DecodeFrom implements [Mover] and returns a *T.
func (k *Kind[T]) DecodeFrom(c *Ctx, b []byte, from Version) (any, error) {
	return k.c.decodeFrom(c, b, from)
}

// Migrate implements [Mover].
func (k *Kind[T]) Migrate(c *Ctx, b []byte, from, to Version) ([]byte, error) {
	return k.c.migrate(c, b, from, to)
}

// Save is [Kind.EncodeAs] for a program that uses this package alone.
func (k *Kind[T]) Save(v *T, to Version) ([]byte, error) { return k.EncodeAs(nil, v, to) }

// Load is [Kind.DecodeFrom] for a program that uses this package alone.
func (k *Kind[T]) Load(b []byte, from Version) (*T, error) {
	v, err := k.c.decodeFrom(nil, b, from)
	if err != nil {
		return nil, err
	}

	return k.pointer(v)
}

func (k *Kind[T]) core() *chain { return k.c }

// pointer accepts a T or a *T that is not nil.
func (k *Kind[T]) pointer(v any) (*T, error) {
	switch p := v.(type) {
	case *T:
		if p != nil {
			return p, nil
		}
	case T:
		return &p, nil
	}

	return nil, failure(ClassEncode, fmt.Errorf("a value of type %T was given, want %s", v, reflect.TypeFor[T]()))
}
