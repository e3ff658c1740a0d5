package wire

import (
	"errors"
	"fmt"
	"strings"
)

// A Class says what is wrong with bytes, or with a Go value or type, that this
// package refused.
type Class uint8

// The classes of [Error]. They stay inside one process: they may be reordered.
const (
	// BadMagic: the stream is not one of Segue's frames.
	BadMagic Class = iota + 1
	// BadVersion: a frame of another version of the framing.
	BadVersion
	// BadType: a frame type that the registry does not have.
	BadType
	// BadFlags: a reserved flag is set, or flag and group contradict each other.
	BadFlags
	// BadFragment: a fragment that does not fit the fragments before it.
	BadFragment
	// BadChecksum: the frame was damaged on its way.
	BadChecksum
	// TooLarge: more bytes than the limit allows.
	TooLarge
	// Truncated: the bytes end inside of a frame or of a value.
	Truncated
	// Trailing: bytes follow the one value.
	Trailing
	// Depth: containers are nested deeper than the limit, or a Go value
	// contains itself.
	Depth
	// Elements: one array or map has more entries than the limit.
	Elements
	// Values: there are more values in all than the limit.
	Values
	// KeyLength: the key of a map is longer than the limit.
	KeyLength
	// Reserved: the byte 0xc1, which msgpack never uses.
	Reserved
	// Ext: an extension other than a well-formed timestamp.
	Ext
	// Duplicate: two entries of a map have the same key.
	Duplicate
	// Type: a value of another msgpack type than the Go type asks for.
	Type
	// Range: a number that the Go type cannot hold.
	Range
	// Length: an array of another length than the Go type has.
	Length
	// UTF8: a string that is not valid UTF-8.
	UTF8
	// Unknown: a field that the Go struct does not have.
	Unknown
	// Budget: the decoded value would take more memory than the limit.
	Budget
	// Unsupported: a Go type that has no form on the wire.
	Unsupported
	// Destination: the target of [Unmarshal] is not a pointer to a zero value.
	Destination
)

// String returns the lower-case name of c.
func (c Class) String() string {
	switch c {
	case BadMagic:
		return "bad magic"
	case BadVersion:
		return "bad version"
	case BadType:
		return "bad frame type"
	case BadFlags:
		return "bad flags"
	case BadFragment:
		return "bad fragment"
	case BadChecksum:
		return "bad checksum"
	case TooLarge:
		return "too large"
	case Truncated:
		return "truncated"
	case Trailing:
		return "trailing bytes"
	case Depth:
		return "too deep"
	case Elements:
		return "too many elements"
	case Values:
		return "too many values"
	case KeyLength:
		return "key too long"
	case Reserved:
		return "reserved code"
	case Ext:
		return "bad extension"
	case Duplicate:
		return "duplicate key"
	case Type:
		return "wrong type"
	case Range:
		return "out of range"
	case Length:
		return "wrong length"
	case UTF8:
		return "invalid UTF-8"
	case Unknown:
		return "unknown field"
	case Budget:
		return "over the memory budget"
	case Unsupported:
		return "unsupported Go type"
	case Destination:
		return "bad destination"
	}

	return fmt.Sprintf("class(%d)", uint8(c))
}

// An Error says what was refused, where and why. Its text never contains
// bytes of a payload, only lengths, positions and the names of Go fields.
type Error struct {
	// Class is the kind of the problem.
	Class Class
	// Offset is the position of the problem in bytes: from the start of the
	// stream for frames, from the start of the value otherwise, and -1 for
	// problems of Go values and types.
	Offset int64
	// Path names the Go field, as in "Items[3].Price"; "" is the whole value.
	// The n-th entry of a map is written "[#n]", since keys are payload.
	Path string
	// Detail says what was found and what was expected.
	Detail string
	// Err is the cause, or nil.
	Err error
}

// Error formats e on one line.
func (e *Error) Error() string {
	var b strings.Builder

	b.WriteString("wire: ")

	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}

	b.WriteString(e.Class.String())

	if e.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}

	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}

	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}

	return b.String()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the first [Error] in the tree of err, and 0 if
// there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}

	return 0
}

// refuse makes an error of the framing or of the guard scan.
func refuse[N int | int64](c Class, offset N, format string, args ...any) *Error {
	return &Error{Class: c, Offset: int64(offset), Detail: fmt.Sprintf(format, args...)}
}

// under prefixes the path of err with one more field or index.
func under(prefix string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Class: Type, Offset: -1, Err: err}
	}

	switch {
	case e.Path == "" || e.Path[0] == '[':
		e.Path = prefix + e.Path
	default:
		e.Path = prefix + "." + e.Path
	}

	return e
}
