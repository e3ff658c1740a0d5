package schema

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/segue-cluster/segue/internal/wire"
)

// A slot is the place of one field in the encoding of a version.
type slot struct {
	name []byte
	// empties are the encodings that the codec leaves out, nil without
	// omitempty. A lens step that wrote them would mean the same, but not be the
	// same to a digest.
	empties [][]byte
}

// slots returns the fields of a version in the order in which the codec writes
// them.
func slots(f Fields) []slot {
	order := make([]wire.Field, 0, len(f))
	for name := range f {
		order = append(order, wire.Field{Name: []byte(name)})
	}

	wire.SortFields(order)

	out := make([]slot, len(order))
	for i, o := range order {
		out[i].name = o.Name

		if field := f[string(o.Name)]; field.OmitEmpty {
			out[i].empties = empties(field.Shape.n)
		}
	}

	return out
}

// empties returns the encodings of what omitempty leaves out.
func empties(n *node) [][]byte {
	var out [][]byte

	if zero, err := wire.Marshal(reflect.New(n.typ).Interface()); err == nil {
		out = append(out, zero)
	}

	switch { // what is empty but not nil
	case n.form == formList:
		out = append(out, []byte{0x90})
	case n.form == formMap:
		out = append(out, []byte{0x80})
	case n.form == formScalar && n.scalar == "bytes":
		out = append(out, []byte{0xc4, 0})
	}

	return out
}

// leavesOut reports whether the codec would not write the encoded value b.
func (s *slot) leavesOut(b []byte) bool {
	return slices.ContainsFunc(s.empties, func(e []byte) bool { return bytes.Equal(e, b) })
}
