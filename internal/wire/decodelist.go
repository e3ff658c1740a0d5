package wire

import (
	"fmt"
	"reflect"
)

// entryOverhead is what the estimate adds for each entry of a map, in bytes.
const entryOverhead = 16

func (d *decoder) slice(p *plan, v reflect.Value) error {
	if d.head().kind == kindNil {
		return d.takeNil()
	}

	h, err := d.expect(kindArray, p)
	if err != nil {
		return err
	}

	if err := d.take(h.n, p.elem.size); err != nil {
		return err
	}

	if h.n == 0 {
		v.Set(reflect.MakeSlice(p.typ, 0, 0)) // not nil
	} else {
		v.Grow(h.n)
		v.SetLen(h.n)
	}

	return d.elements(p, v)
}

func (d *decoder) array(p *plan, v reflect.Value) error {
	h, err := d.expect(kindArray, p)
	if err != nil {
		return err
	}

	if h.n != p.length {
		return d.refuse(Length, "%d elements, want %d for %v", h.n, p.length, p.typ)
	}

	return d.elements(p, v)
}

// elements reads an array into v, which has its length.
func (d *decoder) elements(p *plan, v reflect.Value) error {
	n, err := d.takeArrayHead()
	if err != nil {
		return err
	}

	for i := range n {
		if err := d.value(p.elem, v.Index(i)); err != nil {
			return under(index(i), err)
		}
	}

	return nil
}

func (d *decoder) mapping(p *plan, v reflect.Value) error {
	if d.head().kind == kindNil {
		return d.takeNil()
	}

	h, err := d.expect(kindMap, p)
	if err != nil {
		return err
	}

	if err := d.take(h.n, p.key.size+p.elem.size+entryOverhead); err != nil {
		return err
	}

	n, err := d.takeMapHead()
	if err != nil {
		return err
	}

	v.Set(reflect.MakeMapWithSize(p.typ, n))

	key, elem := p.key.get(), p.elem.get()

	for i := range n {
		if err = d.entry(p, v, key.v, elem.v, i); err != nil {
			err = under(fmt.Sprintf("[#%d]", i), err)

			break
		}
	}

	p.key.put(key)
	p.elem.put(elem)

	return err
}

// entry reads entry i of the map v by way of key and elem.
func (d *decoder) entry(p *plan, v, key, elem reflect.Value, i int) error {
	start := d.pos

	key.SetZero()
	elem.SetZero()

	if err := d.value(p.key, key); err != nil {
		return err
	}

	if err := d.value(p.elem, elem); err != nil {
		return err
	}

	v.SetMapIndex(key, elem)

	if v.Len() != i+1 {
		return refuse(Duplicate, start, "two entries have the same key")
	}

	return nil
}

func (d *decoder) structure(p *plan, v reflect.Value) error {
	if _, err := d.expect(kindMap, p); err != nil {
		return err
	}

	n, err := d.takeMapHead()
	if err != nil {
		return err
	}

	var seen [maxFields / 64]uint64

	next := 0

	for range n {
		start := d.pos

		i, err := d.field(p, next)
		if err != nil {
			return err
		}

		f := &p.fields[i]
		if seen[i/64]>>(i%64)&1 != 0 {
			return under(f.goes, refuse(Duplicate, start, "the field comes twice"))
		}

		seen[i/64] |= 1 << (i % 64)
		next = i + 1

		if err := d.value(f.plan, f.in(v)); err != nil {
			return under(f.goes, err)
		}
	}

	return nil
}

// field reads a name and returns the position of its field. It looks first at
// the field at next, where it is if the writer had the same type.
func (d *decoder) field(p *plan, next int) (int, error) {
	rest := d.b[d.pos:]

	if next < len(p.fields) {
		if key := p.fields[next].key; len(rest) >= len(key) && string(rest[:len(key)]) == string(key) {
			d.pos += len(key)

			return next, nil
		}
	}

	h := d.head()
	if h.kind != kindString {
		return 0, d.refuse(Type, "%v is the name of a field of %v", h.kind, p.typ)
	}

	i, ok := p.index[string(rest[h.size:h.size+h.n])]
	if !ok {
		return 0, d.refuse(Unknown, "%v has no field of that name, which has %d bytes", p.typ, h.n)
	}

	d.pos += h.size + h.n

	return i, nil
}
