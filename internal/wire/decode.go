package wire

import (
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// A decoder walks scanned bytes by the plan of the destination. Before each
// value it looks at the head and refuses what does not fit; then the library
// takes the value.
type decoder struct {
	source

	budget int // memory that may still be taken
}

func (d *decoder) refuse(c Class, format string, args ...any) error {
	return refuse(c, d.pos, format, args...)
}

// take charges n values of size bytes to the budget.
func (d *decoder) take(n, size int) error {
	if size > 0 && n > d.budget/size {
		return d.refuse(Budget, "the decoded value is too large for the limit: %d x %d bytes more", n, size)
	}

	d.budget -= n * size

	return nil
}

// head returns the head of the next value.
func (d *decoder) head() head {
	h, ok := readHead(d.b[d.pos:])
	if !ok {
		panic("wire: decoding bytes that were not scanned")
	}

	return h
}

// expect returns the head of the next value if it is of kind k.
func (d *decoder) expect(k kind, p *plan) (head, error) {
	h := d.head()
	if h.kind != k {
		return h, d.refuse(Type, "found %v, want %v for %v", h.kind, k, p.typ)
	}

	return h, nil
}

// value reads the next value into v, which is zero, settable and of p's type.
func (d *decoder) value(p *plan, v reflect.Value) error {
	switch p.op {
	case opBool:
		return d.boolean(p, v)
	case opInt:
		return d.integer(p, v)
	case opUint:
		return d.unsigned(p, v)
	case opFloat32:
		return d.float32(p, v)
	case opFloat64:
		return d.float64(p, v)
	case opString:
		return d.text(p, v)
	case opBytes:
		return d.bytes(p, v)
	case opByteArray:
		return d.byteArray(p, v)
	case opTime:
		return d.time(p, v)
	case opPointer:
		return d.pointer(p, v)
	case opSlice:
		return d.slice(p, v)
	case opArray:
		return d.array(p, v)
	case opMap:
		return d.mapping(p, v)
	case opStruct:
		return d.structure(p, v)
	}

	panic("wire: a plan without op")
}

func (d *decoder) boolean(p *plan, v reflect.Value) error {
	if _, err := d.expect(kindBool, p); err != nil {
		return err
	}

	x, err := d.takeBool()
	v.SetBool(x)

	return err
}

func (d *decoder) integer(p *plan, v reflect.Value) error {
	start := d.pos
	outside := func() error { return refuse(Range, start, "the integer does not fit %v", p.typ) }

	switch h := d.head(); h.kind {
	case kindUint:
		x, err := d.takeUint()
		if err != nil {
			return err
		}

		if x > math.MaxInt64>>(64-p.bits) {
			return outside()
		}

		v.SetInt(int64(x)) //nolint:gosec // checked above
	case kindInt:
		x, err := d.takeInt()
		if err != nil {
			return err
		}

		if x > math.MaxInt64>>(64-p.bits) || x < math.MinInt64>>(64-p.bits) {
			return outside()
		}

		v.SetInt(x)
	case kindNil, kindBool, kindFloat32, kindFloat64, kindString, kindBin, kindArray, kindMap, kindExt:
		return d.refuse(Type, "found %v, want an integer for %v", h.kind, p.typ)
	}

	return nil
}

func (d *decoder) unsigned(p *plan, v reflect.Value) error {
	start := d.pos

	switch h := d.head(); h.kind {
	case kindUint, kindInt:
		x, err := d.takeUint()
		if err != nil {
			return err
		}

		// A negative integer comes out of the library as a huge one.
		if h.kind == kindInt && int64(x) < 0 || x > math.MaxUint64>>(64-p.bits) { //nolint:gosec // two's complement
			return refuse(Range, start, "the integer does not fit %v", p.typ)
		}

		v.SetUint(x)
	case kindNil, kindBool, kindFloat32, kindFloat64, kindString, kindBin, kindArray, kindMap, kindExt:
		return d.refuse(Type, "found %v, want an integer for %v", h.kind, p.typ)
	}

	return nil
}

func (d *decoder) float32(p *plan, v reflect.Value) error {
	start := d.pos

	if d.head().kind == kindFloat64 {
		x, err := d.takeFloat64()
		if err != nil {
			return err
		}

		if math.Float64bits(float64(float32(x))) != math.Float64bits(x) {
			return refuse(Range, start, "the float does not fit %v", p.typ)
		}

		v.SetFloat(x)

		return nil
	}

	if _, err := d.expect(kindFloat32, p); err != nil {
		return err
	}

	x, err := d.takeFloat32()
	v.SetFloat(float64(x))

	return err
}

func (d *decoder) float64(p *plan, v reflect.Value) error {
	if h := d.head(); h.kind != kindFloat32 {
		if _, err := d.expect(kindFloat64, p); err != nil {
			return err
		}
	}

	x, err := d.takeFloat64()
	v.SetFloat(x)

	return err
}

func (d *decoder) text(p *plan, v reflect.Value) error {
	h, err := d.expect(kindString, p)
	if err != nil {
		return err
	}

	if err := d.take(h.n, 1); err != nil {
		return err
	}

	start := d.pos

	s, err := d.takeString()
	if err != nil {
		return err
	}

	if !utf8.ValidString(s) {
		return refuse(UTF8, start, "a string of %d bytes", len(s))
	}

	v.SetString(s)

	return nil
}

func (d *decoder) bytes(p *plan, v reflect.Value) error {
	if d.head().kind == kindNil {
		return d.takeNil()
	}

	h, err := d.expect(kindBin, p)
	if err != nil {
		return err
	}

	if err := d.take(h.n, 1); err != nil {
		return err
	}

	b := make([]byte, h.n)
	v.SetBytes(b)

	return d.body(b)
}

func (d *decoder) byteArray(p *plan, v reflect.Value) error {
	h, err := d.expect(kindBin, p)
	if err != nil {
		return err
	}

	if h.n != p.length {
		return d.refuse(Length, "%d bytes, want %d for %v", h.n, p.length, p.typ)
	}

	return d.body(v.Bytes())
}

// body reads the binary that comes next into b, which has its length.
func (d *decoder) body(b []byte) error {
	if _, err := d.takeBinHead(); err != nil {
		return err
	}

	return d.takeBody(b)
}

func (d *decoder) time(p *plan, v reflect.Value) error {
	if _, err := d.expect(kindExt, p); err != nil { // the scan let only timestamps pass
		return err
	}

	t, err := d.takeTime()
	*v.Addr().Interface().(*time.Time) = t.UTC() //nolint:errcheck,forcetypeassert // p.op says so

	return err
}

func (d *decoder) pointer(p *plan, v reflect.Value) error {
	if d.head().kind == kindNil {
		return d.takeNil()
	}

	if err := d.take(1, p.elem.size); err != nil {
		return err
	}

	v.Set(reflect.New(p.elem.typ))

	return d.value(p.elem, v.Elem())
}

func index(i int) string { return fmt.Sprintf("[%d]", i) }
