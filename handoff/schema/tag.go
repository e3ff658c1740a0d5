package schema

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A fieldTag is what the codec makes of one field.
type fieldTag struct {
	name      string
	omitEmpty bool
	skip      bool
	inline    bool
}

// parseTag reads the msgpack tag of f. It refuses what the codec would do in
// silence and nobody means.
func parseTag(f reflect.StructField) (fieldTag, error) {
	name, rest, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
	if name == "-" {
		return fieldTag{skip: true}, nil
	}

	tag := fieldTag{name: name}
	noInline := false

	for opt := range strings.SplitSeq(rest, ",") {
		switch strings.TrimSpace(opt) {
		case "", "inline":
		case "omitempty":
			tag.omitEmpty = true
		case "noinline":
			noInline = true
		default:
			return fieldTag{}, fmt.Errorf("the tag option %q is not supported in a state", opt)
		}
	}

	embedded := f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]()

	switch {
	case f.Name == "_" && rest == "" && name == "":
		return fieldTag{skip: true}, nil
	case f.Anonymous && f.Type.Kind() == reflect.Pointer:
		return fieldTag{}, errors.New("an embedded pointer is ambiguous when it is nil: embed the struct itself, or give it a field name")
	case embedded && !noInline && name != "":
		return fieldTag{}, fmt.Errorf("the fields of an embedded struct become fields of the outer one: drop the name %q, or add the option noinline", name)
	case embedded && !noInline:
		return fieldTag{inline: true}, nil
	case !f.IsExported():
		return fieldTag{}, errors.New("an unexported field does not travel: export it, or tag it `msgpack:\"-\"` if it may be lost")
	case name == "":
		tag.name = f.Name
	}

	return tag, nil
}
