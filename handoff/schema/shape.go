package schema

import (
	"crypto/sha256"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Shape is what one Go type looks like on the wire: names, omitempty, kinds
// with their width, and the content of whatever is nested. Names of Go types
// and the order of fields are not part of it. The zero Shape is of no type.
//
// A Shape is immutable.
type Shape struct{ n *node }

// A form tells the variants of a node apart.
type form uint8

const (
	formScalar form = iota + 1
	formList
	formArray
	formMap
	formPointer
	formStruct
	formBack
)

// A node is one level of a shape.
type node struct {
	form   form
	scalar string           // formScalar: the name of the kind
	size   int              // formArray: length; formBack: levels up
	key    *node            // formMap
	elem   *node            // formList, formArray, formMap, formPointer
	fields map[string]Field // formStruct
	typ    reflect.Type     // the Go type; nil for a struct that ops derived
}

// A Field is what a struct holds under one wire name.
type Field struct {
	// Shape of the value.
	Shape Shape
	// OmitEmpty is set if the empty value is left out.
	OmitEmpty bool

	// adopt is set by an op that cannot know OmitEmpty: the declared field decides.
	adopt bool
}

// Fields is the top level of a state: its fields by wire name. An [Op] edits it.
type Fields map[string]Field

// String returns the canonical text: the input of the fingerprint. It is wire:
// the text of a shape never changes.
//
//	bool int8 ... int64 uint8 ... uint64 float32 float64 string time
//	bytes       byte slice        bytes[16]   byte array
//	[]T         list              [3]T        array
//	map[K]V     map               *T          may be nil
//	{a:T;b?:T}  struct, sorted by wire name, ? for omitempty
//	^2          the composite two levels up, counting from the closest
//
// A byte of a name that is not a letter, digit, '_', '-' or '.' is written as
// %XX.
func (s Shape) String() string {
	var b strings.Builder
	s.n.write(&b)

	return b.String()
}

// Equal reports whether s and o are the same on the wire.
func (s Shape) Equal(o Shape) bool { return s.String() == o.String() }

// IsZero reports whether s is the shape of nothing.
func (s Shape) IsZero() bool { return s.n == nil }

// Fingerprint hashes s.
func (s Shape) Fingerprint() Fingerprint {
	// The prefix names the rules of the text and the codec, so that another set
	// of rules can never meet the same hash. It is wire.
	sum := sha256.Sum256([]byte("segue-shape/1 msgpack\n" + s.String()))

	return Fingerprint(sum[:len(Fingerprint{})])
}

// Fields returns a copy of the fields of s, and false if s is not a struct.
func (s Shape) Fields() (Fields, bool) {
	if s.n == nil || s.n.form != formStruct {
		return nil, false
	}

	return maps.Clone(s.n.fields), true
}

// structShape is the shape of a struct with the given fields.
func structShape(f Fields) Shape {
	return Shape{&node{form: formStruct, fields: maps.Clone(f)}}
}

// title is how messages call the shape: by its Go type if it has one.
func (s Shape) title() string {
	if s.n != nil && s.n.typ != nil {
		return s.n.typ.String()
	}

	return s.String()
}

func (n *node) write(b *strings.Builder) {
	if n == nil {
		return
	}

	switch n.form {
	case formScalar:
		b.WriteString(n.scalar)
	case formList:
		b.WriteString("[]")
		n.elem.write(b)
	case formArray:
		b.WriteString("[" + strconv.Itoa(n.size) + "]")
		n.elem.write(b)
	case formMap:
		b.WriteString("map[")
		n.key.write(b)
		b.WriteByte(']')
		n.elem.write(b)
	case formPointer:
		b.WriteByte('*')
		n.elem.write(b)
	case formStruct:
		n.writeFields(b)
	case formBack:
		b.WriteString("^" + strconv.Itoa(n.size))
	}
}

func (n *node) writeFields(b *strings.Builder) {
	b.WriteByte('{')

	for i, name := range slices.Sorted(maps.Keys(n.fields)) {
		if i > 0 {
			b.WriteByte(';')
		}

		writeName(b, name)

		f := n.fields[name]
		if f.OmitEmpty {
			b.WriteByte('?')
		}

		b.WriteByte(':')
		f.Shape.n.write(b)
	}

	b.WriteByte('}')
}

// writeName writes a wire name so that no name can imitate the grammar.
func writeName(b *strings.Builder, name string) {
	const hexDigits = "0123456789ABCDEF"

	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' {
			b.WriteByte(c)

			continue
		}

		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&0xf])
	}
}
