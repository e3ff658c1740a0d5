package wire

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// An op is how the values of a Go type are written and read.
type op uint8

const (
	opBool op = iota + 1
	opInt
	opUint
	opFloat32
	opFloat64
	opString
	opBytes     // []byte
	opByteArray // [n]byte
	opSlice
	opArray
	opMap
	opStruct
	opPointer
	opTime
)

// A plan is the compiled form of a Go type. It is immutable once compiled.
type plan struct {
	op     op
	typ    reflect.Type
	size   int // memory of one value, in bytes
	bits   int // of opInt and opUint
	length int // of opArray and opByteArray
	key    *plan
	elem   *plan
	fields []field        // of opStruct, sorted as [Canonical] sorts keys
	index  map[string]int // wire name -> position in fields
	omits  bool           // some field has omitempty
	pool   sync.Pool      // of *scratch, zero values of typ
}

// field is one field of a struct on the wire.
type field struct {
	name  string
	goes  string // the name in Go, for error paths
	key   []byte // name, encoded
	index []int  // for reflect.Value.FieldByIndex
	omit  bool   // omitempty
	plan  *plan
}

// in returns the field of the struct v.
func (f *field) in(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}

	return v.FieldByIndex(f.index)
}

// scratch is a settable value that is used again.
type scratch struct {
	v    reflect.Value
	iter reflect.MapIter
}

// get returns a zero value of the type.
func (p *plan) get() *scratch {
	if s, ok := p.pool.Get().(*scratch); ok {
		return s
	}

	return &scratch{v: reflect.New(p.typ).Elem()}
}

// put takes back what get returned.
func (p *plan) put(s *scratch) {
	s.v.SetZero()
	s.iter.Reset(reflect.Value{})
	p.pool.Put(s)
}

// compiled is the outcome of compile for one type.
type compiled struct {
	plan *plan
	err  error
}

// plans caches compiled by reflect.Type. Types live as long as the program, so
// the cache needs no limit.
var plans sync.Map //nolint:gochecknoglobals // a cache of facts about types

// planOf returns the plan of t.
func planOf(t reflect.Type) (*plan, error) {
	if c, ok := plans.Load(t); ok {
		return c.(*compiled).plan, c.(*compiled).err //nolint:errcheck,forcetypeassert // the only type stored
	}

	b := builder{seen: make(map[reflect.Type]*plan)}
	c := &compiled{plan: b.build(t, "")}

	if len(b.errs) > 0 {
		c.plan, c.err = nil, errors.Join(b.errs...)
	}

	plans.Store(t, c)

	return c.plan, c.err
}

// CheckType reports every reason for which values of type t, or what they
// contain, have no exact form on the wire. Each error is an *[Error] of class
// [Unsupported] that names the field. [Marshal] and [Unmarshal] make the same
// check at the first use of a type.
func CheckType(t reflect.Type) error {
	if t == nil {
		return &Error{Class: Unsupported, Offset: -1, Detail: "nil has no type"}
	}

	_, err := planOf(t)

	return err
}

// A builder compiles one type and the types in it.
type builder struct {
	seen map[reflect.Type]*plan // also the unfinished: types may be recursive
	errs []error
}

func (b *builder) fail(path, format string, args ...any) {
	b.errs = append(b.errs, &Error{
		Class: Unsupported, Offset: -1, Path: path, Detail: fmt.Sprintf(format, args...),
	})
}

// build returns the plan of t, which stands at path of the type asked for.
// What it cannot compile it reports in errs.
func (b *builder) build(t reflect.Type, path string) *plan {
	if p, ok := b.seen[t]; ok {
		return p
	}

	p := &plan{typ: t, size: int(t.Size())}
	b.seen[t] = p

	if t == reflect.TypeFor[time.Time]() {
		p.op = opTime

		return p
	}

	if name := customForm(t); name != "" {
		b.fail(path, "%v implements %s: its wire form would be its own. Use a field of a plain type, or tag it \"-\"", t, name)

		return p
	}

	b.kind(p, path)

	return p
}

// kind completes p by the kind of its type.
func (b *builder) kind(p *plan, path string) {
	t := p.typ

	switch t.Kind() {
	case reflect.Bool:
		p.op = opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.op, p.bits = opInt, t.Bits()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.op, p.bits = opUint, t.Bits()
	case reflect.Float32:
		p.op = opFloat32
	case reflect.Float64:
		p.op = opFloat64
	case reflect.String:
		p.op = opString
	case reflect.Slice:
		b.list(p, opSlice, opBytes, path)
	case reflect.Array:
		p.length = t.Len()
		b.list(p, opArray, opByteArray, path)
	case reflect.Map:
		p.op = opMap
		p.key = b.build(t.Key(), path+"[]")
		p.elem = b.build(t.Elem(), path+"[]")
		b.mapKey(p.key, path)
	case reflect.Struct:
		p.op = opStruct
		b.structure(p, path)
	case reflect.Pointer:
		p.op = opPointer
		b.pointer(p, path)
	case reflect.Interface:
		b.fail(path, "%v is an interface: its values have no fixed form. Use a concrete type", t)
	case reflect.Invalid, reflect.Uintptr, reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func,
		reflect.UnsafePointer:
		b.fail(path, "%v cannot leave the process. Tag the field \"-\" if it is not state", t)
	}
}

func (b *builder) list(p *plan, list, bytes op, path string) {
	if p.typ.Elem().Kind() == reflect.Uint8 {
		p.op = bytes

		return
	}

	p.op = list
	p.elem = b.build(p.typ.Elem(), path+"[]")
}

func (b *builder) mapKey(k *plan, path string) {
	switch k.op {
	case opBool, opInt, opUint, opString, opByteArray, 0: // 0: already reported
	case opFloat32, opFloat64, opBytes, opSlice, opArray, opMap, opStruct, opPointer, opTime:
		b.fail(path, "%v is the key of a map. Keys are strings, integers, booleans or arrays of bytes", k.typ)
	}
}

func (b *builder) pointer(p *plan, path string) {
	switch p.typ.Elem().Kind() { //nolint:exhaustive // the kinds that have a nil
	case reflect.Pointer, reflect.Slice, reflect.Map:
		b.fail(path, "%v has two kinds of nil, the wire has one. Drop the pointer", p.typ)
	default:
		p.elem = b.build(p.typ.Elem(), path)
	}
}
