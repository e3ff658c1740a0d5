package schema

import (
	"errors"
	"fmt"
	"strings"
)

// A Class says what kind of failure an [Error] is. It is wire: a node reports
// it for each process that could not be moved. Never change one, add new ones.
type Class string

// The classes, with what the caller does.
const (
	// ClassPlan: no path leads from one version to the other. Nothing may be
	// moved; go through a release that knows both.
	ClassPlan Class = "plan"
	// ClassDiverged: the peer means another shape by that version. Nothing may
	// be moved.
	ClassDiverged Class = "diverged"
	// ClassDecode: the bytes are not what their version says. Fetch them once
	// more, then quarantine the process.
	ClassDecode Class = "decode"
	// ClassEncode: the value cannot be written, as with a cycle of pointers.
	// Quarantine the process.
	ClassEncode Class = "encode"
	// ClassTransform: a step returned an error. Quarantine the process.
	ClassTransform Class = "transform"
	// ClassPanic: code of the kind panicked. Quarantine the process.
	ClassPanic Class = "panic"
	// ClassValidate: the invariant of the head does not hold. Quarantine the
	// process.
	ClassValidate Class = "validate"
	// ClassLimit: over a limit of the kind. Quarantine the process, or raise
	// the limit by [WithLimits] in a release.
	ClassLimit Class = "limit"
	// ClassResidue: what a hop could not represent does not fit or does not
	// belong. Quarantine the process.
	ClassResidue Class = "residue"
)

// An Error says which process failed, where on its way, and why. Its text holds
// names, numbers and positions, never a byte of the state, as long as the
// errors of the kind's own functions do not: their text is part of it.
type Error struct {
	// Class of the failure.
	Class Class
	// Kind is the name of the schema.
	Kind string
	// Process is the key of the process, if the caller gave one in [Ctx].
	Process string
	// From and To are the ends of the whole way. They are equal where nothing
	// was migrated.
	From, To Version
	// HopFrom and HopTo are the ends of the step that failed, 0 if none did.
	HopFrom, HopTo Version
	// Op is the sentence of the op that failed, "" if none did.
	Op string
	// Path is the field of the state, as in "Items[3].Price", "" if unknown.
	Path string
	// Direction of the step that failed, 0 if none did.
	Direction Direction
	// Stack is the stack of a panic, for a log, nil for other classes.
	Stack []byte
	// Err is the cause.
	Err error
}

// Error returns one line.
func (e *Error) Error() string {
	var b strings.Builder

	if e.Kind != "" {
		e.writeWay(&b)
	}

	if e.HopFrom != 0 {
		fmt.Fprintf(&b, ", step %d -> %d %s", e.HopFrom, e.HopTo, e.Direction)
	}

	if e.Op != "" {
		b.WriteString(", " + e.Op)
	}

	if e.Path != "" {
		b.WriteString(", at " + e.Path)
	}

	if b.Len() > 0 {
		b.WriteString(": ")
	}

	b.WriteString(string(e.Class))

	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}

	return b.String()
}

// writeWay writes whose state it was and where it was going.
func (e *Error) writeWay(b *strings.Builder) {
	b.WriteString(e.Kind)

	if e.Process != "" {
		b.WriteString("/" + e.Process)
	}

	fmt.Fprintf(b, " schema %d", e.From)

	if e.From != e.To {
		fmt.Fprintf(b, " -> %d", e.To)
	}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure returns an [Error] that its caller still has to place.
func failure(c Class, err error) *Error { return &Error{Class: c, Err: err} }

// asFailure returns err as an [Error] that its caller may place: err itself if
// it is one, else one around it, of class c unless err knows better.
func asFailure(c Class, err error) *Error {
	if e, ok := err.(*Error); ok && e.Kind == "" { //nolint:errorlint // what is wrapped keeps its text
		return e
	}

	if e, ok := errors.AsType[*Error](err); ok && e.Kind == "" {
		c = e.Class
	}

	return failure(c, err)
}
