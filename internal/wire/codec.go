package wire

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// maxPooled is the largest buffer that a pool keeps, in bytes.
const maxPooled = 1 << 20

var (
	encoders sync.Pool //nolint:gochecknoglobals // of *encoder
	decoders sync.Pool //nolint:gochecknoglobals // of *decoder
)

// Marshal returns the encoding of v, which is a value of a supported type or a
// pointer to one. See the package documentation for the types and the form.
// Equal values give equal bytes. Passing a pointer saves a copy.
//
// The error is an *[Error]: [Unsupported] for a type without a form, [Depth]
// for a value that contains itself or is nested deeper than [MaxDepth],
// [TooLarge] over [MaxEncoded], [UTF8] for a string that is not text. Marshal
// does not apply [Limits]: where a peer's limits matter, [Scan] the result.
//
// No other goroutine may change v meanwhile.
func Marshal(v any) ([]byte, error) {
	e := getEncoder()
	defer putEncoder(e)

	e.out = e.out[:0]
	e.limit = MaxEncoded

	if err := e.top(v); err != nil {
		return nil, err
	}

	return append(make([]byte, 0, len(e.out)), e.out...), nil
}

// AppendMarshal appends the encoding of v to dst. It is [Marshal] otherwise.
// After an error dst is returned as it was.
func AppendMarshal(dst []byte, v any) ([]byte, error) {
	e := getEncoder()
	defer putEncoder(e)

	own := e.out
	e.out = dst
	e.limit = len(dst) + MaxEncoded

	err := e.top(v)
	out := e.out
	e.out = own

	if err != nil {
		return dst, err
	}

	return out, nil
}

func getEncoder() *encoder {
	if e, ok := encoders.Get().(*encoder); ok {
		return e
	}

	e := new(encoder)
	e.init()

	return e
}

func putEncoder(e *encoder) {
	if cap(e.out)+e.maps.size() <= maxPooled {
		encoders.Put(e)
	}
}

// top writes the value that the caller passed.
func (e *encoder) top(v any) error {
	rv := reflect.ValueOf(v)

	switch {
	case !rv.IsValid():
		return &Error{Class: Unsupported, Offset: -1, Detail: "nil has no type"}
	case rv.Kind() == reflect.Pointer && rv.IsNil():
		return &Error{Class: Unsupported, Offset: -1, Detail: fmt.Sprintf("a nil %T has no value", v)}
	case rv.Kind() == reflect.Pointer:
		rv = rv.Elem()

		p, err := planOf(rv.Type())
		if err != nil {
			return err
		}

		return e.start(p, rv)
	}

	p, err := planOf(rv.Type())
	if err != nil {
		return err
	}

	s := p.get() // addressable, which rv is not
	defer p.put(s)

	s.v.Set(rv)

	return e.start(p, s.v)
}

func (e *encoder) start(p *plan, v reflect.Value) error {
	e.maps.reset()

	return e.value(p, v, MaxDepth)
}

// Unmarshal decodes b into v, a pointer to a zero value of a supported type.
// It first runs [Scan] with the limits l. Beyond the checks of Scan it refuses
// whatever the type of v cannot hold exactly: see the package documentation.
// Fields that b does not have stay zero.
//
// Nothing in *v refers to b afterwards. After an error, which is an *[Error],
// *v is zero.
func Unmarshal(b []byte, v any, l Limits) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return &Error{Class: Destination, Offset: -1, Detail: fmt.Sprintf("%T is not a pointer to a value", v)}
	}

	rv = rv.Elem()

	p, err := planOf(rv.Type())
	if err != nil {
		return err
	}

	if !isZero(rv) {
		return &Error{
			Class: Destination, Offset: -1,
			Detail: fmt.Sprintf("the %v is not zero: what it holds would be mixed with what is decoded", rv.Type()),
		}
	}

	l = l.withDefaults(len(b))
	if err := scanWithin(b, &l); err != nil {
		return err
	}

	d, ok := decoders.Get().(*decoder)
	if !ok {
		d = new(decoder)
		d.init()
	}

	d.b, d.pos, d.budget = b, 0, l.Decoded

	err = d.value(p, rv)
	if err == nil && d.pos != len(b) {
		err = refuse(Trailing, d.pos, "%d bytes were not decoded", len(b)-d.pos)
	}

	d.b = nil
	if len(b) <= maxPooled { // the library keeps a buffer of the longest string
		decoders.Put(d)
	}

	if err != nil {
		rv.SetZero()
	}

	return err
}

// zeros is what the memory of small zero values looks like.
const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"

// isZero reports whether the addressable v is a zero value. Asking reflect
// takes as long as decoding a third of a message, so that the common case, in
// which every byte of v is zero, is told from the memory.
func isZero(v reflect.Value) bool {
	p := (*byte)(v.Addr().UnsafePointer())
	b := unsafe.Slice(p, v.Type().Size()) //nolint:gosec // read only, within v, which is alive

	for len(b) >= len(zeros) && string(b[:len(zeros)]) == zeros {
		b = b[len(zeros):]
	}

	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}

	return len(b) == 0 || v.IsZero()
}
