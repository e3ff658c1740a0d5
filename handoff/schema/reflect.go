package schema

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/segue-cluster/segue/internal/wire"
)

// maxShapeNodes bounds the size of one shape: a type that names the same struct
// in many places is spelled out in each.
const maxShapeNodes = 10_000

// ShapeFor returns the shape of T. It fails for a type that cannot travel, or
// that would lose something on the way, and names the field: interfaces,
// channels, functions, custom encoders, unexported fields that are not tagged
// `msgpack:"-"`, two fields with one wire name.
func ShapeFor[T any]() (Shape, error) { return shapeOf(reflect.TypeFor[T]()) }

func shapeOf(t reflect.Type) (Shape, error) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return Shape{}, fmt.Errorf("%s cannot be a state by itself: use the type that it stands for", t)
	}

	if err := wire.CheckType(t); err != nil {
		return Shape{}, err
	}

	return wholeShape(t)
}

// valueShape is for a part of a state, which may also be a pointer.
func valueShape(t reflect.Type) (Shape, error) {
	if err := wire.CheckType(t); err != nil {
		return Shape{}, err
	}

	return wholeShape(t)
}

func wholeShape(t reflect.Type) (Shape, error) {
	var r reflector
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		n, err := r.node(t, nil)

		return Shape{n}, err
	}

	// The outermost struct is not on the path, so that the shape of each of its
	// fields is complete in itself: a lens compares and moves them one by one.
	n, err := r.structNode(t, nil)

	return Shape{n}, err
}

// A reflector turns a Go type into a shape.
type reflector struct {
	nodes int
}

// node returns the shape of t; path holds the composite types around it, the
// closest last.
func (r *reflector) node(t reflect.Type, path []reflect.Type) (*node, error) {
	if r.nodes++; r.nodes > maxShapeNodes {
		return nil, fmt.Errorf("the shape has more than %d parts", maxShapeNodes)
	}

	if name := scalarName(t); name != "" {
		return &node{form: formScalar, scalar: name, typ: t}, nil
	}

	if i := slices.Index(path, t); i >= 0 {
		return &node{form: formBack, size: len(path) - i, typ: t}, nil
	}

	path = append(path, t)

	if t.Kind() == reflect.Struct {
		return r.structNode(t, path)
	}

	n := &node{typ: t}

	var err error

	switch t.Kind() { //nolint:exhaustive // scalars are done, and the rest cannot travel
	case reflect.Slice:
		n.form = formList
	case reflect.Array:
		n.form, n.size = formArray, t.Len()
	case reflect.Pointer:
		n.form = formPointer
	case reflect.Map:
		n.form = formMap

		if n.key, err = r.node(t.Key(), path); err != nil {
			return nil, inPath("{key}", err)
		}
	default:
		return nil, fmt.Errorf("%s cannot travel", t)
	}

	if n.elem, err = r.node(t.Elem(), path); err != nil {
		return nil, inPath("[]", err)
	}

	return n, nil
}

// scalarName returns the name of what is one value on the wire, else "". It is
// wire: the fingerprint is made of it.
func scalarName(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "time"
	}

	switch t.Kind() { //nolint:exhaustive // the others are not scalars
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return t.Kind().String()
	case reflect.Int: // as wide as the widest machine
		return "int64"
	case reflect.Uint:
		return "uint64"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("bytes[%d]", t.Len())
		}
	}

	return ""
}

func (r *reflector) structNode(t reflect.Type, path []reflect.Type) (*node, error) {
	n := &node{form: formStruct, fields: make(map[string]Field, t.NumField()), typ: t}

	return n, r.addFields(n, t, path)
}

// addFields adds the fields of struct t to n, those of embedded structs too.
func (r *reflector) addFields(n *node, t reflect.Type, path []reflect.Type) error {
	for f := range t.Fields() {
		tag, err := parseTag(f)
		if err != nil {
			return inPath(f.Name, err)
		}

		switch {
		case tag.skip:
			continue
		case tag.inline:
			if err := r.addFields(n, f.Type, path); err != nil {
				return inPath(f.Name, err)
			}

			continue
		}

		if _, dup := n.fields[tag.name]; dup {
			return inPath(f.Name, fmt.Errorf("two fields are called %q on the wire: give one another name by a msgpack tag", tag.name))
		}

		elem, err := r.node(f.Type, path)
		if err != nil {
			return inPath(f.Name, err)
		}

		n.fields[tag.name] = Field{Shape: Shape{elem}, OmitEmpty: tag.omitEmpty}
	}

	return nil
}

// A pathError says where in a type an error is.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// inPath puts the step elem in front of the path of err.
func inPath(elem string, err error) error {
	if p, ok := errors.AsType[*pathError](err); ok {
		sep := "."
		if strings.HasPrefix(p.path, "[") || strings.HasPrefix(p.path, "{") {
			sep = ""
		}

		return &pathError{path: elem + sep + p.path, err: p.err}
	}

	return &pathError{path: elem, err: err}
}
