package schema

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// EncodeJSON implements [Codec]. The rules are those of encoding/json: a field
// is called by its json tag, else by its Go name. If that is not its wire name,
// the type has no JSON form: the field needs a json tag.
func (k *Kind[T]) EncodeJSON(v any) ([]byte, error) {
	p, err := k.pointer(v)
	if err != nil {
		return nil, k.c.still(err)
	}

	if k.c.jsonErr != nil {
		return nil, k.c.still(failure(ClassEncode, k.c.jsonErr))
	}

	b, err := protect(ClassEncode, func() ([]byte, error) {
		var buf bytes.Buffer

		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		err := enc.Encode(p)

		return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
	})
	if err != nil {
		return nil, k.c.still(withoutPayload(err))
	}

	return b, nil
}

// DecodeJSON implements [Codec] and returns a *T. Beyond what it refuses, the
// rules are those of encoding/json: the case of a name does not matter, the
// last of two equal names wins, null leaves a field at its zero value.
func (k *Kind[T]) DecodeJSON(b []byte) (any, error) {
	switch {
	case k.c.jsonErr != nil:
		return nil, k.c.still(failure(ClassDecode, k.c.jsonErr))
	case len(b) > k.c.maxBytes:
		return nil, k.c.still(failure(ClassLimit, fmt.Errorf("%d bytes, at most %d are allowed", len(b), k.c.maxBytes)))
	}

	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()

	v, err := protect(ClassDecode, func() (*T, error) {
		v := new(T)

		return v, dec.Decode(v)
	})
	if err != nil {
		return nil, k.c.still(withoutPayload(err))
	}

	if rest := bytes.TrimLeft(b[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, k.c.still(failure(ClassDecode, fmt.Errorf("%d bytes follow the value", len(rest))))
	}

	if err := k.c.valid(v); err != nil {
		return nil, k.c.still(err)
	}

	return v, nil
}

// still places an error of the head, where nothing is migrated.
func (c *chain) still(err error) error { return c.start(nil, c.head, c.head).place(err) }

// withoutPayload replaces the cause of a failure, which comes from encoding/json
// or from a type's own method, by one that quotes nothing of the body but the
// name of an unknown field.
func withoutPayload(err error) error {
	const unknown = "json: unknown field "

	var (
		e      = asFailure(ClassDecode, err)
		syntax *json.SyntaxError
		typ    *json.UnmarshalTypeError
	)

	switch {
	case e.Class == ClassPanic:
	case errors.As(e.Err, &syntax):
		e.Err = fmt.Errorf("it is not JSON at byte %d", syntax.Offset)
	case errors.Is(e.Err, io.EOF):
		e.Err = errors.New("the body is empty")
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		e.Err = errors.New("the body ends inside of the value")
	case errors.As(e.Err, &typ):
		what, _, _ := strings.Cut(typ.Value, " ") // as in "number 300"
		e.Path, e.Err = typ.Field, fmt.Errorf("a %s that %s cannot hold, before byte %d", what, typ.Type, typ.Offset)
	case strings.HasPrefix(e.Err.Error(), unknown):
		e.Err = fmt.Errorf("unknown field %s", bounded([]byte(strings.Trim(e.Err.Error()[len(unknown):], `"`))))
	default:
		e.Err = &refusedError{e.Err}
	}

	return e
}

// A refusedError hides the text of an error but keeps the error.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return fmt.Sprintf("a value was refused (%T)", e.err) }
func (e *refusedError) Unwrap() error { return e.err }

// jsonNames reports a field that JSON would call differently than the wire does.
func jsonNames(t reflect.Type) error { return jsonNamesOf(t, make(map[reflect.Type]bool)) }

func jsonNamesOf(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || ownJSON(t) {
		return nil
	}

	seen[t] = true

	switch t.Kind() { //nolint:exhaustive // the others have no names
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return jsonNamesOf(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if err := jsonName(f); err != nil {
				return inPath(f.Name, err)
			}

			if f.Tag.Get("json") == "-" || f.Tag.Get("msgpack") == "-" {
				continue
			}

			if err := jsonNamesOf(f.Type, seen); err != nil {
				return inPath(f.Name, err)
			}
		}
	}

	return nil
}

func jsonName(f reflect.StructField) error {
	wireName, _, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
	jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")

	if wireName == "" || wireName == "-" || wireName == f.Name || jsonName != "" {
		return nil
	}

	return fmt.Errorf("it is %q on the wire but would be %q in JSON: add the tag `json:%[1]q`", wireName, f.Name)
}

// ownJSON reports whether t writes its own JSON.
func ownJSON(t reflect.Type) bool {
	for _, m := range [2]reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(m) || reflect.PointerTo(t).Implements(m) {
			return true
		}
	}

	return false
}
