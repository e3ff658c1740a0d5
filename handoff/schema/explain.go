package schema

import (
	"fmt"
	"maps"
	"slices"
)

// shapes finds the shape of every version, from the head down, and checks each
// step against the two that it joins.
func (b *builder) shapes(c *chain) {
	c.versions = make([]revision, len(c.steps)+1)

	for _, v := range slices.Sorted(maps.Keys(b.types)) {
		d := b.types[v]

		shape, err := shapeOf(d.typ)
		if err != nil {
			b.fail("version %d: %s %s: %v", v, d.by, d.typ, err)

			continue
		}

		*c.at(v) = revision{typ: d.typ, shape: shape}
	}

	if len(b.errs) > 0 {
		return
	}

	for v := c.head; ; v-- {
		r := c.at(v)
		if r.shape.IsZero() {
			return // the step from here has failed: below it nothing is known
		}

		r.settle()

		if v == c.oldest {
			return
		}

		older := c.at(v - 1)
		if err := c.stepFrom(v-1).check(&older.shape, r.shape); err != nil {
			for _, e := range flatten(err) {
				b.failStep(v-1, e)
			}
		}
	}
}

// settle fills in what follows from the shape.
func (r *revision) settle() {
	r.print = r.shape.Fingerprint()
	r.fields, _ = r.shape.Fields()
	r.slots = slots(r.fields)
}

// check proves that the step leads from older to newer and back. If older is
// not declared, the ops derive it.
func (s *step) check(older *Shape, newer Shape) error {
	if s.typed != nil {
		return nil // its types declare both
	}

	to, ok := newer.Fields()
	if !ok {
		return fmt.Errorf("a lens works on the fields of structs, but version %d is %s: use Typed", s.from+1, newer.title())
	}

	derived := older.IsZero()
	if derived {
		f := maps.Clone(to)
		if err := s.shape(f, Down); err != nil {
			return err
		}

		for name, field := range f {
			field.adopt = false
			f[name] = field
		}

		*older = structShape(f)
	}

	from, ok := older.Fields()
	if !ok {
		return fmt.Errorf("a lens works on the fields of structs, but version %d is %s: use Typed", s.from, older.title())
	}

	got := maps.Clone(from)
	if err := s.shape(got, Up); err != nil {
		return err
	}

	if err := propose(got, to); err != nil {
		return err
	}

	back := maps.Clone(to)
	if err := s.shape(back, Down); err != nil {
		return err
	}

	if d := diff(back, from); !d.empty() {
		return fmt.Errorf("its ops lead up but not back: on the way down %s", d)
	}

	return nil
}

// shape runs the shapes of all ops over f.
func (s *step) shape(f Fields, dir Direction) error {
	for i := range s.ops {
		op := s.ops[i]
		if dir == Down {
			op = s.ops[len(s.ops)-1-i]
		}

		if err := op.Shape(f, dir); err != nil {
			return fmt.Errorf("%s (%s): %w", op.Doc().Text, dir, err)
		}
	}

	return nil
}

// flatten returns the errors that [errors.Join] joined.
func flatten(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}

	return []error{err}
}
