package wire

import (
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"
)

// An encoder walks a Go value by its plan. The plan decides about structure,
// order and depth; the library writes each value.
type encoder struct {
	writer

	maps sorter
}

// value writes v, which is addressable and of p's type; depth containers may
// still be opened inside of each other.
func (e *encoder) value(p *plan, v reflect.Value, depth int) error {
	switch p.op {
	case opBool:
		return e.putBool(v.Bool())
	case opInt:
		return e.putInt(v.Int())
	case opUint:
		return e.putUint(v.Uint())
	case opFloat32:
		return e.putFloat32(float32(v.Float()))
	case opFloat64:
		return e.putFloat64(v.Float())
	case opString:
		s := v.String()
		if !utf8.ValidString(s) {
			return &Error{Class: UTF8, Offset: -1, Detail: fmt.Sprintf("a string of %d bytes. Use []byte for binary data", len(s))}
		}

		return e.putString(s)
	case opBytes:
		return e.putBytes(v.Bytes())
	case opByteArray:
		return e.putBytes(v.Bytes())
	case opTime:
		return e.putTime(*v.Addr().Interface().(*time.Time)) //nolint:errcheck,forcetypeassert // p.op says so
	case opPointer:
		if v.IsNil() {
			return e.putNil()
		}

		return e.value(p.elem, v.Elem(), depth)
	case opSlice, opArray, opMap, opStruct:
		return e.container(p, v, depth)
	}

	panic("wire: a plan without op")
}

// container writes a value that contains others.
func (e *encoder) container(p *plan, v reflect.Value, depth int) error {
	if depth == 0 {
		return &Error{
			Class: Depth, Offset: -1,
			Detail: fmt.Sprintf("more than %d containers are inside of each other, or the value contains itself", MaxDepth),
		}
	}

	switch {
	case p.op == opStruct:
		return e.structure(p, v, depth-1)
	case p.op == opArray:
		return e.list(p, v, depth-1)
	case v.IsNil():
		return e.putNil()
	case p.op == opMap:
		return e.mapping(p, v, depth-1)
	}

	return e.list(p, v, depth-1)
}

func (e *encoder) list(p *plan, v reflect.Value, depth int) error {
	n := v.Len()
	if err := e.putArrayHead(n); err != nil {
		return err
	}

	for i := range n {
		if err := e.value(p.elem, v.Index(i), depth); err != nil {
			return under(fmt.Sprintf("[%d]", i), err)
		}
	}

	return nil
}

func (e *encoder) structure(p *plan, v reflect.Value, depth int) error {
	n := len(p.fields)

	if p.omits {
		for i := range p.fields {
			if f := &p.fields[i]; f.omit && isEmpty(f.plan, f.in(v)) {
				n--
			}
		}
	}

	if err := e.putMapHead(n); err != nil {
		return err
	}

	for i := range p.fields {
		f := &p.fields[i]
		fv := f.in(v)

		if f.omit && isEmpty(f.plan, fv) {
			continue
		}

		if _, err := e.Write(f.key); err != nil {
			return err
		}

		if err := e.value(f.plan, fv, depth); err != nil {
			return under(f.goes, err)
		}
	}

	return nil
}

// isEmpty reports whether omitempty leaves v out.
func isEmpty(p *plan, v reflect.Value) bool {
	switch p.op {
	case opString, opBytes, opSlice, opMap:
		return v.Len() == 0
	case opTime:
		return v.Addr().Interface().(*time.Time).IsZero() //nolint:errcheck,forcetypeassert // p.op says so
	case opBool, opInt, opUint, opFloat32, opFloat64, opByteArray, opArray, opStruct, opPointer:
		return v.IsZero()
	}

	return false
}

// mapping writes the entries of a map as they come and then puts them in the
// order of their encoded keys: the library sorts only three types of maps.
func (e *encoder) mapping(p *plan, v reflect.Value, depth int) error {
	if err := e.putMapHead(v.Len()); err != nil {
		return err
	}

	key, elem := p.key.get(), p.elem.get()
	mark := e.maps.begin()

	key.iter.Reset(v)

	err := e.entries(p, key, elem, depth)

	p.key.put(key)
	p.elem.put(elem)

	if err != nil {
		return err
	}

	e.maps.end(e.out, mark)

	return nil
}

func (e *encoder) entries(p *plan, key, elem *scratch, depth int) error {
	for key.iter.Next() {
		s := span{start: len(e.out)}

		key.v.SetIterKey(&key.iter)

		if err := e.value(p.key, key.v, depth); err != nil {
			return under("[]", err)
		}

		s.mid = len(e.out)

		elem.v.SetIterValue(&key.iter)

		if err := e.value(p.elem, elem.v, depth); err != nil {
			return under("[]", err)
		}

		s.end = len(e.out)
		e.maps.add(s)
	}

	return nil
}
