package schema

import (
	"errors"
	"fmt"
	"reflect"
)

// An op is an [Op] of this package.
type op struct {
	up, down func(d *Doc) error
	shape    func(f Fields, dir Direction) error
	doc      OpDoc
}

// Up implements [Op].
func (o *op) Up(_ *Ctx, d *Doc) error { return o.up(d) }

// Down implements [Op].
func (o *op) Down(_ *Ctx, d *Doc) error { return o.down(d) }

// Shape implements [Op].
func (o *op) Shape(f Fields, dir Direction) error { return o.shape(f, dir) }

// Doc implements [Op].
func (o *op) Doc() OpDoc { return o.doc }

// Rename gives field a of the older version the name b. Names are wire names:
// the msgpack tag if there is one, else the name of the Go field. It loses
// nothing.
func Rename(a, b string) Op {
	return &op{
		up:   func(d *Doc) error { return d.Rename(a, b) },
		down: func(d *Doc) error { return d.Rename(b, a) },
		shape: func(f Fields, dir Direction) error {
			if dir == Down {
				return renameField(f, b, a)
			}

			return renameField(f, a, b)
		},
		doc: OpDoc{Text: fmt.Sprintf("rename %s to %s", a, b), Loss: Lossless},
	}
}

func renameField(f Fields, from, to string) error {
	had, ok := f[from]
	if !ok {
		return fmt.Errorf("there is no field %s", from)
	}

	if _, dup := f[to]; dup {
		return fmt.Errorf("there is a field %s already", to)
	}

	delete(f, from)
	f[to] = had

	return nil
}

// Add gives the newer version a field, whose value is def in a state that comes
// from the older one. The way down loses it.
//
// The type of def must have the shape of the field: int32(3) for an int32. It
// is encoded at once, so that a later change of def has no effect.
func Add[T any](field string, def T) Op {
	p := newPresence(field, def)

	return &op{
		up: p.appear, down: p.vanish,
		shape: func(f Fields, dir Direction) error { return p.shape(f, dir == Up) },
		doc:   OpDoc{Text: "add " + field, Loss: LossDown},
	}
}

// Drop takes a field away from the newer version. A state that goes back gets
// backDefault. The way up loses it.
//
// The type of backDefault must have the shape of the field. It is encoded at
// once, so that a later change of it has no effect. Unless [Was] declares the
// older version, its field is taken to have no omitempty.
func Drop[T any](field string, backDefault T) Op {
	p := newPresence(field, backDefault)

	return &op{
		up: p.vanish, down: p.appear,
		shape: func(f Fields, dir Direction) error { return p.shape(f, dir == Down) },
		doc:   OpDoc{Text: "drop " + field, Loss: LossUp},
	}
}

// A presence is a field that one side has and the other does not.
type presence struct {
	field string
	def   []byte
	typ   Shape
	err   error // why it can never work; shown by Define
}

func newPresence[T any](field string, def T) presence {
	shape, err := valueShape(reflect.TypeFor[T]())
	if err != nil {
		return presence{field: field, err: fmt.Errorf("the default: %w", err)}
	}

	b, err := marshal(&def)
	if err != nil {
		return presence{field: field, err: fmt.Errorf("the default: %w", err)}
	}

	return presence{field: field, def: b, typ: shape}
}

func (p presence) appear(d *Doc) error {
	if d.Has(p.field) {
		return present(p.field)
	}

	d.set(p.field, p.def)

	return nil
}

func (p presence) vanish(d *Doc) error {
	d.Delete(p.field)

	return nil
}

// shape adds the field to f, or takes it away.
func (p presence) shape(f Fields, appears bool) error { //nolint:revive // the flag is what the two ops differ in
	if p.err != nil {
		return p.err
	}

	if !appears {
		if err := holds(f, p.field, p.typ); err != nil {
			return err
		}

		delete(f, p.field)

		return nil
	}

	if _, dup := f[p.field]; dup {
		return fmt.Errorf("there is a field %s already", p.field)
	}

	f[p.field] = Field{Shape: p.typ, adopt: true}

	return nil
}

// Convert changes the type or the meaning of a field. Both functions must be
// pure and must not change what they are given. Either way may lose something,
// which is for the functions to say: an error refuses the state, it stays where
// it is. Unless [Was] declares the older version, its field is taken to have
// omitempty if the newer one has.
func Convert[A, B any](field string, up func(A) (B, error), down func(B) (A, error)) Op {
	older, errA := valueShape(reflect.TypeFor[A]())
	newer, errB := valueShape(reflect.TypeFor[B]())
	err := errors.Join(errA, errB)

	if up == nil || down == nil {
		err = errors.New("both functions are needed: without a way back there is no rollback")
	}

	return &op{
		up:   func(d *Doc) error { return convertField(d, field, up) },
		down: func(d *Doc) error { return convertField(d, field, down) },
		shape: func(f Fields, dir Direction) error {
			switch {
			case err != nil:
				return err
			case dir == Down:
				return replaceField(f, field, newer, older)
			}

			return replaceField(f, field, older, newer)
		},
		doc: OpDoc{
			Text: fmt.Sprintf("convert %s from %s to %s", field, reflect.TypeFor[A](), reflect.TypeFor[B]()),
			Loss: LossUp | LossDown,
		},
	}
}

func convertField[A, B any](d *Doc, field string, fn func(A) (B, error)) error {
	a, err := Get[A](d, field)
	if err != nil {
		return err
	}

	b, err := protect(ClassTransform, func() (B, error) { return fn(a) })
	if err != nil {
		return at(field, err)
	}

	return Set(d, field, b)
}

func replaceField(f Fields, field string, from, to Shape) error {
	if err := holds(f, field, from); err != nil {
		return err
	}

	f[field] = Field{Shape: to, OmitEmpty: f[field].OmitEmpty, adopt: true}

	return nil
}

// holds reports an error if the field is not there in that shape.
func holds(f Fields, field string, want Shape) error {
	had, ok := f[field]
	if !ok {
		return fmt.Errorf("there is no field %s", field)
	}

	if !had.Shape.Equal(want) {
		return fmt.Errorf("the field %s is %s, and not %s as the op says", field, had.Shape.title(), want.title())
	}

	return nil
}
