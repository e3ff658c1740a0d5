package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A difference lists the names of fields that are not alike.
type difference struct {
	gone, fresh, changed []string
}

func (d difference) empty() bool { return len(d.gone)+len(d.fresh)+len(d.changed) == 0 }

func (d difference) String() string {
	var parts []string

	for _, p := range []struct {
		what  string
		names []string
	}{{"remain", d.gone}, {"are missing", d.fresh}, {"differ", d.changed}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf("these fields %s: %s", p.what, strings.Join(p.names, ", ")))
		}
	}

	return strings.Join(parts, "; ")
}

// diff compares what ops made with what a version declares.
func diff(got, want Fields) difference {
	var d difference

	for _, name := range slices.Sorted(maps.Keys(got)) {
		g := got[name]

		w, ok := want[name]
		if !ok {
			d.gone = append(d.gone, name)
		} else if !g.Shape.Equal(w.Shape) || g.OmitEmpty != w.OmitEmpty && !g.adopt {
			d.changed = append(d.changed, name)
		}
	}

	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[name]; !ok {
			d.fresh = append(d.fresh, name)
		}
	}

	return d
}

// propose returns one error for each difference between what the ops made of
// the older version and the newer one, with the line that would explain it.
func propose(got, want Fields) error {
	d := diff(got, want)

	var errs []error

	for _, name := range d.gone {
		g := got[name]

		var twins []string

		for _, n := range d.fresh {
			if w := want[n]; w.Shape.Equal(g.Shape) && w.OmitEmpty == g.OmitEmpty {
				twins = append(twins, fmt.Sprintf("schema.Rename(%q, %q)", name, n))
			}
		}

		hint := fmt.Sprintf("add schema.Drop(%q, %s)", name, literal(g.Shape))
		if len(twins) > 0 {
			hint = fmt.Sprintf("if it has a new name add %s, else %s", strings.Join(twins, " or "), strings.TrimPrefix(hint, "add "))
		}

		errs = append(errs, fmt.Errorf("nothing explains that the field %s (%s) is gone: %s", name, g.Shape.title(), hint))
	}

	for _, name := range d.fresh {
		w := want[name]
		errs = append(errs, fmt.Errorf("nothing explains that the field %s (%s) is new: add schema.Add(%q, %s), or schema.Rename if it had another name",
			name, w.Shape.title(), name, literal(w.Shape)))
	}

	for _, name := range d.changed {
		g, w := got[name], want[name]
		if g.Shape.Equal(w.Shape) {
			errs = append(errs, fmt.Errorf("nothing explains that the field %s changed its omitempty: take the tag back, or add schema.Convert with two functions that change nothing", name))

			continue
		}

		a, b := g.Shape.title(), w.Shape.title()
		if a == b {
			a, b = g.Shape.String(), w.Shape.String()
		}

		errs = append(errs, fmt.Errorf("nothing explains that the field %s changed from %s to %s: add schema.Convert(%q, func(%[2]s) (%[3]s, error), func(%[3]s) (%[2]s, error))",
			name, a, b, name))
	}

	return errors.Join(errs...)
}

// literal is how Go writes the zero value of a shape.
func literal(s Shape) string {
	if s.n == nil {
		return "..."
	}

	switch s.n.form {
	case formScalar:
		switch {
		case s.n.scalar == "string" && s.title() == "string":
			return `""`
		case s.n.scalar == "bool" && s.title() == "bool":
			return "false"
		case s.n.scalar == "string":
			return s.title() + `("")`
		case s.n.scalar == "bool":
			return s.title() + "(false)"
		case s.n.scalar == "time":
			return "time.Time{}"
		case strings.HasPrefix(s.n.scalar, "bytes["):
			return s.title() + "{}"
		case s.n.scalar == "bytes":
			return s.title() + "(nil)"
		}

		return s.title() + "(0)"
	case formPointer, formList, formMap, formBack: // only what has a nil can recur
		if title := s.title(); strings.HasPrefix(title, "*") {
			return "(" + title + ")(nil)"
		}

		return s.title() + "(nil)"
	case formArray, formStruct:
		return s.title() + "{}"
	}

	return "..."
}
