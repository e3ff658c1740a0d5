package schema

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/segue-cluster/segue"
)

// maxNameParts is the number of dotted parts of a name.
const maxNameParts = 3

// Define makes a kind of state, message or reply from its Go type T, its
// current version and the steps that lead to it from older versions. T is
// always the type of the head. The steps must reach the head without a gap;
// the oldest version that they reach is the oldest that the kind can read.
//
// The name is stable for ever and must not be taken from a Go type. It has one
// to three parts, joined by dots, each as [segue.ValidateKind] wants: a state
// is called like its kind, a message kind.message, a reply kind.message.reply.
//
// Define proves what can be proved: that types can travel, that ops fit, that
// the ops of a step explain the whole difference between two versions. The
// error reports every problem and proposes the line that is missing.
func Define[T any](name string, head Version, parts ...Part) (*Kind[T], error) {
	b := &builder{
		name: name, head: head, headType: reflect.TypeFor[T](),
		types: make(map[Version]declaration), steps: make(map[Version]*step),
	}

	if err := validateName(name); err != nil {
		b.errs = append(b.errs, err)
	}

	if head == 0 {
		b.fail("the head is version 0: versions start at 1")
	}

	b.declare(head, b.headType, "the head is")

	for i, p := range parts {
		if p.apply == nil {
			b.fail("part %d is empty", i+1)

			continue
		}

		p.apply(b)
	}

	c, err := b.build()
	if err != nil {
		return nil, err
	}

	c.newHead = func() any { return new(T) }

	return &Kind[T]{c}, nil
}

// MustDefine is [Define] for a package-level variable. It panics on an error:
// the program could not serve the kind.
func MustDefine[T any](name string, head Version, parts ...Part) *Kind[T] {
	k, err := Define[T](name, head, parts...)
	if err != nil {
		panic("schema: " + err.Error())
	}

	return k
}

// A builder collects the parts of a definition, with all that is wrong.
type builder struct {
	name     string
	head     Version
	headType reflect.Type
	types    map[Version]declaration
	was      []Version
	steps    map[Version]*step
	validate func(v any) error
	limits   Limits
	errs     []error
}

// A declaration is the Go type of one version, and who says so.
type declaration struct {
	typ reflect.Type
	by  string
}

func (b *builder) fail(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("kind %q: %s", b.name, fmt.Sprintf(format, args...)))
}

func (b *builder) failStep(from Version, err error) {
	b.errs = append(b.errs, fmt.Errorf("kind %q: step %d -> %d: %w", b.name, from, from+1, err))
}

func (b *builder) declare(v Version, t reflect.Type, by string) {
	d, dup := b.types[v]
	if !dup {
		b.types[v] = declaration{t, by}

		return
	}

	if d.typ != t {
		b.fail("version %d has two Go types: %s %s, but %s %s; steps hand on Go values, so it must be one", v, d.by, d.typ, by, t)
	}
}

func (b *builder) addStep(s *step) {
	switch {
	case s.from == 0:
		b.failStep(s.from, errors.New("versions start at 1"))
	case s.from >= b.head:
		b.failStep(s.from, fmt.Errorf("it starts at the head %d or above it; raise the head to %d", b.head, s.from+1))
	case b.steps[s.from] != nil:
		b.failStep(s.from, errors.New("there are two: make it one, or give the second its own version"))
	case strings.TrimSpace(s.note) == "":
		b.failStep(s.from, errors.New("it has no note: say in a sentence what changes and why"))
	default:
		b.steps[s.from] = s
	}
}

// build checks the parts together. Each phase needs the one before.
func (b *builder) build() (*chain, error) {
	c := &chain{
		name: b.name, head: b.head, oldest: b.head, validate: b.validate,
		limits: b.limits.wire(), maxBytes: b.limits.maxBytes(), jsonErr: jsonNames(b.headType),
	}
	c.docs.New = func() any { return new(Doc) }

	b.connect(c)

	if len(b.errs) == 0 {
		b.shapes(c)
	}

	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}

	return c, nil
}

// connect orders the steps into one chain that ends at the head.
func (b *builder) connect(c *chain) {
	for b.steps[c.oldest-1] != nil && c.oldest > 1 {
		c.oldest--
		c.steps = append([]*step{b.steps[c.oldest]}, c.steps...)
	}

	for _, v := range slices.Sorted(maps.Keys(b.steps)) {
		if v < c.oldest {
			b.failStep(v, fmt.Errorf("it does not reach the head %d: there is no step %d -> %d", b.head, c.oldest-1, c.oldest))
		}
	}

	for _, v := range b.was {
		if !c.knows(v) {
			b.fail("Was(%d) is outside of the chain, which has the versions %d to %d", v, c.oldest, c.head)
		}
	}

	if n := len(c.steps) + 1; n > MaxVersions {
		b.fail("it has %d versions, at most %d are possible: drop the oldest steps", n, MaxVersions)
	}
}

// validateName reports whether s may name a schema.
func validateName(s string) error {
	parts := strings.Split(s, ".")
	if len(parts) > maxNameParts {
		return fmt.Errorf("schema %q has %d parts, want at most %d: kind.message.reply", s, len(parts), maxNameParts)
	}

	for _, p := range parts {
		if err := segue.ValidateKind(p); err != nil {
			return fmt.Errorf("schema %q: %w", s, err)
		}
	}

	return nil
}
