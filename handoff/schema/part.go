package schema

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// A Ctx is what a step may know beside the state. Everything else, the clock,
// randomness and I/O above all, is out of bounds: a step may be run twice, on
// another machine, and must give the same.
type Ctx struct {
	// Kind is the name of the schema. Set by the package.
	Kind string
	// Process is the key of the process, set by the caller, "" if unknown.
	Process string
	// From and To are the ends of the whole way. Set by the package.
	From, To Version
	// Time of the rollout, set by the caller: the same for every process, and
	// for a rehearsal of it. Zero if unknown.
	Time time.Time
}

// A Part is one piece of the definition of a kind: a step, an old type, an
// invariant, limits. See [Define].
type Part struct{ apply func(b *builder) }

// Lens joins version from and version from+1 by ops on undecoded fields. The
// way up runs them in the order given, the way down in reverse. The note tells
// people what changes and must not be empty.
//
// Both versions must be structs. The shape of version from follows from the
// ops, unless [Was] or a typed step declares it.
func Lens(from Version, note string, ops ...Op) Part {
	ops = slices.Clone(ops)

	return Part{func(b *builder) {
		if i := slices.Index(ops, nil); i >= 0 {
			b.failStep(from, fmt.Errorf("op %d is nil", i+1))

			return
		}

		b.addStep(&step{from: from, note: note, ops: ops})
	}}
}

// Typed joins version from, of Go type A, and version from+1, of Go type B, by
// two functions. The note tells people what changes and must not be empty.
//
// The functions must be pure, must not change what they are given, and may
// share memory with it. An error refuses the state: it stays where it is.
func Typed[A, B any](
	from Version, note string, up func(*Ctx, A) (B, error), down func(*Ctx, B) (A, error),
) Part {
	return Part{func(b *builder) {
		if up == nil || down == nil {
			b.failStep(from, errors.New("both functions are needed: without a way back there is no rollback"))

			return
		}

		b.declare(from, reflect.TypeFor[A](), fmt.Sprintf("step %d -> %d takes", from, from+1))
		b.declare(from+1, reflect.TypeFor[B](), fmt.Sprintf("step %d -> %d gives", from, from+1))
		b.addStep(&step{from: from, note: note, typed: &typedStep{
			older: end{reflect.TypeFor[A](), func() any { return new(A) }},
			newer: end{reflect.TypeFor[B](), func() any { return new(B) }},
			up:    erase(up),
			down:  erase(down),
		}})
	}}
}

// erase hides the types of one way of a typed step. Values are pointers.
func erase[A, B any](fn func(*Ctx, A) (B, error)) func(*Ctx, any) (any, error) {
	return func(c *Ctx, v any) (any, error) {
		a, ok := v.(*A)
		if !ok {
			return nil, failure(ClassTransform, fmt.Errorf("the step takes %s and was given %T", reflect.TypeFor[A](), v))
		}

		return protect(ClassTransform, func() (any, error) {
			b, err := fn(c, *a)

			return &b, err
		})
	}
}

// Was freezes the Go type of an old version. With it, [Define] checks that the
// ops of the lens step from there, and of the one to there, explain the whole
// change of shape. Typed steps declare their types themselves.
func Was[T any](v Version) Part {
	return Part{func(b *builder) {
		b.was = append(b.was, v)
		b.declare(v, reflect.TypeFor[T](), fmt.Sprintf("Was(%d) says", v))
	}}
}

// Validate gives the invariant of the head. It is run on everything that is
// decoded into the head, migrated or not, and must not change its argument. An
// error refuses the state.
func Validate[T any](check func(T) error) Part {
	return Part{func(b *builder) {
		switch {
		case check == nil:
			b.fail("Validate was given no function")
		case b.validate != nil:
			b.fail("Validate is given twice: make it one function")
		case reflect.TypeFor[T]() != b.headType:
			b.fail("Validate takes %s, but the head is %s", reflect.TypeFor[T](), b.headType)
		default:
			b.validate = func(v any) error {
				t, ok := v.(*T)
				if !ok {
					return fmt.Errorf("the invariant takes %s and was given %T", reflect.TypeFor[T](), v)
				}

				return check(*t)
			}
		}
	}}
}

// WithLimits replaces the default limits. Lower limits in a later release can
// strand a process whose state is over them.
func WithLimits(l Limits) Part {
	return Part{func(b *builder) {
		if err := l.validate(); err != nil {
			b.errs = append(b.errs, fmt.Errorf("kind %q: %w", b.name, err))
		}

		b.limits = l
	}}
}
