package wire

import (
	"bytes"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFields is the largest number of fields of a struct: decoding keeps a bit
// for each on the stack.
const maxFields = 512

// form is an interface by which a type brings a wire form of its own.
type form struct {
	name string
	face reflect.Type
}

// implements returns the name of the first of forms that values of t, or
// pointers to them, implement.
func implements(t reflect.Type, forms ...form) string {
	for _, f := range forms {
		if t.Implements(f.face) || reflect.PointerTo(t).Implements(f.face) {
			return f.name
		}
	}

	return ""
}

// customForm returns the name of an interface that keeps t off the wire. Only
// structs are asked for those of package encoding: other values travel as what
// they are, so that an array of bytes stays one although it can print itself.
func customForm(t reflect.Type) string {
	switch t.Kind() { //nolint:exhaustive // all other kinds are treated alike
	case reflect.Pointer, reflect.Interface:
		return ""
	case reflect.Struct:
		if name := implements(t,
			form{"encoding.BinaryMarshaler", reflect.TypeFor[encoding.BinaryMarshaler]()},
			form{"encoding.BinaryUnmarshaler", reflect.TypeFor[encoding.BinaryUnmarshaler]()},
			form{"encoding.TextMarshaler", reflect.TypeFor[encoding.TextMarshaler]()},
			form{"encoding.TextUnmarshaler", reflect.TypeFor[encoding.TextUnmarshaler]()},
		); name != "" {
			return name
		}
	}

	return ownCodec(t)
}

// structure completes the plan of a struct.
func (b *builder) structure(p *plan, path string) {
	hidden := b.collect(p, p.typ, nil, path)

	if len(p.fields) == 0 && hidden > 0 {
		b.fail(path, "%v has only unexported fields, its value would be lost", p.typ)
	}

	if len(p.fields) > maxFields {
		b.fail(path, "%v has %d fields, at most %d are supported", p.typ, len(p.fields), maxFields)
	}

	slices.SortStableFunc(p.fields, func(x, y field) int { return bytes.Compare(x.key, y.key) })

	p.index = make(map[string]int, len(p.fields))

	for i, f := range p.fields {
		if other, dup := p.index[f.name]; dup {
			b.fail(path, "%v has two fields of the wire name %q: %s and %s", p.typ, f.name, p.fields[other].goes, f.goes)
		}

		p.index[f.name] = i
		p.omits = p.omits || f.omit
	}
}

// collect appends the fields of t, and of the structs embedded in it, to p. It
// returns the number of unexported fields that were passed over.
func (b *builder) collect(p *plan, t reflect.Type, index []int, path string) (hidden int) {
	for i := range t.NumField() {
		sf := t.Field(i)

		tag, ok := b.tag(sf, path)
		if !ok || tag.skip {
			continue
		}

		at := append(slices.Clip(index), i)

		switch {
		case sf.Anonymous && !tag.noinline && embeds(sf.Type):
			hidden += b.embedded(p, sf, tag, at, path)
		case !sf.IsExported():
			hidden++
		default:
			f := field{name: tag.name, goes: sf.Name, index: at, omit: tag.omitempty}
			f.key = appendString(nil, f.name)
			f.plan = b.build(sf.Type, join(path, sf.Name))
			p.fields = append(p.fields, f)
		}
	}

	return hidden
}

// embeds reports whether an embedded field of type t is a struct or a pointer
// to one whose fields count as fields of the outer struct.
func embeds(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}

	return t.Kind() == reflect.Struct && customForm(t) == ""
}

func (b *builder) embedded(p *plan, sf reflect.StructField, tag fieldTag, at []int, path string) (hidden int) {
	switch {
	case sf.Type.Kind() == reflect.Pointer:
		b.fail(join(path, sf.Name), "an embedded pointer cannot be told from its fields when it is nil. Give the field a name")
	case tag.name != sf.Name:
		b.fail(join(path, sf.Name), "an embedded struct has no name on the wire. Add \"noinline\" to the tag to keep %q", tag.name)
	case tag.omitempty:
		b.fail(join(path, sf.Name), "\"omitempty\" has no meaning on an embedded struct. Put it on the fields")
	default:
		return b.collect(p, sf.Type, at, path)
	}

	return 0
}

// fieldTag is a parsed msgpack tag.
type fieldTag struct {
	name                      string
	skip, omitempty, noinline bool
}

// tag parses the msgpack tag of a field: "name,option,option". It returns
// false for a tag that it reported.
func (b *builder) tag(sf reflect.StructField, path string) (fieldTag, bool) {
	path = join(path, sf.Name)
	name, options, _ := strings.Cut(sf.Tag.Get("msgpack"), ",")

	if sf.Name == "_msgpack" {
		b.fail(path, "settings for a whole struct are not supported: structs travel as maps")

		return fieldTag{}, false
	}

	tag := fieldTag{name: name, skip: name == "-"}
	if name == "" {
		tag.name = sf.Name
	}

	if strings.ContainsAny(name, `:'"\`) || !utf8.ValidString(name) || len(name) > DefaultKey {
		b.fail(path, "the tag names %q: names are UTF-8 of at most %d bytes without colons and quotes", name, DefaultKey)

		return fieldTag{}, false
	}

	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "omitempty":
			tag.omitempty = true
		case "inline":
			if !sf.Anonymous {
				b.fail(path, "\"inline\" is only for embedded structs")
			}
		case "noinline":
			tag.noinline = true
		default:
			b.fail(path, "the tag option %q is not supported: use omitempty, inline or noinline", option)
		}
	}

	return tag, true
}

func join(path, name string) string {
	if path == "" {
		return name
	}

	return path + "." + name
}
