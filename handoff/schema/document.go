package schema

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/segue-cluster/segue/internal/wire"
)

// A Doc is the top level of one state on its way through lens steps: its fields
// by wire name, undecoded until somebody asks. A field that is absent stands
// for the zero value of its type, as the decoder reads it.
//
// A Doc belongs to the call that runs the op and must not be kept.
type Doc struct {
	fields []wire.Field
	spare  []wire.Field // memory for settle
	limits wire.Limits
}

// Has reports whether the field is there.
func (d *Doc) Has(name string) bool { return d.index(name) >= 0 }

// Delete removes the field, if it is there.
func (d *Doc) Delete(name string) {
	if i := d.index(name); i >= 0 {
		d.fields = slices.Delete(d.fields, i, i+1)
	}
}

// Rename gives the field a another name, and does nothing if it is absent. It
// fails if there is a field of that name.
func (d *Doc) Rename(a, b string) error {
	if d.Has(b) {
		return present(b)
	}

	if i := d.index(a); i >= 0 {
		d.fields[i].Name = []byte(b)
	}

	return nil
}

// Get decodes the field strictly, and returns the zero value if it is absent.
func Get[T any](d *Doc, name string) (T, error) {
	var v T

	i := d.index(name)
	if i < 0 {
		return v, nil
	}

	if err := unmarshal(d.fields[i].Value, &v, d.limits); err != nil {
		return *new(T), at(name, err)
	}

	return v, nil
}

// Set encodes v into the field, adding it if it is absent.
func Set[T any](d *Doc, name string, v T) error {
	b, err := marshal(&v)
	if err != nil {
		return at(name, err)
	}

	d.set(name, b)

	return nil
}

// set puts encoded bytes, which d keeps but does not change.
func (d *Doc) set(name string, value []byte) {
	if i := d.index(name); i >= 0 {
		d.fields[i].Value = value

		return
	}

	d.fields = append(d.fields, wire.Field{Name: []byte(name), Value: value})
}

func (d *Doc) index(name string) int {
	return slices.IndexFunc(d.fields, func(f wire.Field) bool { return string(f.Name) == name })
}

// present is the error for a field that the version of the state does not have.
func present(name string) error {
	return failure(ClassDecode, fmt.Errorf("the field %q is there, which this version does not have", name))
}

// settle makes d what the codec itself would write for version r: no other
// fields, no empty ones where the version leaves them out, in its order.
func (d *Doc) settle(r *revision) error {
	d.spare = d.spare[:0]
	taken, next := 0, 0 // all fields before next are taken

	for k := range r.slots {
		s := &r.slots[k]

		for next < len(d.fields) && d.fields[next].Value == nil {
			next++
		}

		for i := next; i < len(d.fields); i++ { // nearly always it is the first
			f := &d.fields[i]
			if !bytes.Equal(f.Name, s.name) || f.Value == nil {
				continue
			}

			if !s.leavesOut(f.Value) {
				d.spare = append(d.spare, *f)
			}

			f.Value = nil
			taken++

			break
		}
	}

	if taken < len(d.fields) {
		i := slices.IndexFunc(d.fields, func(f wire.Field) bool { return f.Value != nil })

		return failure(ClassDecode, fmt.Errorf("unknown field %s", bounded(d.fields[i].Name)))
	}

	clear(d.fields)
	d.fields, d.spare = d.spare, d.fields

	return nil
}

// size bounds the size of d on the wire.
func (d *Doc) size() int {
	n := 5
	for i := range d.fields {
		n += 5 + len(d.fields[i].Name) + len(d.fields[i].Value)
	}

	return n
}

// bounded quotes a name that a peer chose.
func bounded(name []byte) string {
	const limit = 64
	if len(name) <= limit {
		return fmt.Sprintf("%q", name)
	}

	return fmt.Sprintf("%q... (%d bytes)", name[:limit], len(name))
}

// at puts the field in front of the path of err.
func at(field string, err error) error {
	e := asFailure(ClassDecode, err)

	switch {
	case e.Path == "":
		e.Path = field
	case e.Path[0] == '[':
		e.Path = field + e.Path
	default:
		e.Path = field + "." + e.Path
	}

	return e
}
