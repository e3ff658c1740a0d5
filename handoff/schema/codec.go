package schema

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/segue-cluster/segue/internal/wire"
)

// marshal encodes what v points to, with the failure classed.
func marshal(v any) ([]byte, error) {
	b, err := wire.Marshal(v)
	if err != nil {
		return nil, failure(ClassEncode, err)
	}

	return b, nil
}

// unmarshal decodes b strictly into the zero value that v points to, with the
// failure classed.
func unmarshal(b []byte, v any, l wire.Limits) error {
	if err := wire.Unmarshal(b, v, l); err != nil {
		return classify(err)
	}

	return nil
}

// scan checks b against the limits without decoding it.
func scan(b []byte, l wire.Limits) error {
	if err := wire.Scan(b, l); err != nil {
		return classify(err)
	}

	return nil
}

// protect runs a function of the kind's author: its error is of class c, and
// a panic becomes one of [ClassPanic].
func protect[T any](c Class, fn func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = *new(T), &Error{Class: ClassPanic, Stack: debug.Stack(), Err: panicError(r)}
		}
	}()

	v, err = fn()
	if err != nil {
		return *new(T), failure(c, err)
	}

	return v, nil
}

// panicError describes the value of a panic.
func panicError(r any) error {
	switch v := r.(type) {
	case error:
		return v
	case string:
		return errors.New(v)
	}

	return fmt.Errorf("a value of type %T", r)
}

// classify turns an error of the codec into one of this package.
func classify(err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return failure(ClassDecode, err)
	}

	cause := *e
	cause.Path = "" // it moves to the outer error

	return &Error{Class: classOf(e.Class), Path: e.Path, Err: &cause}
}

// classOf says which refusals of the codec are limits, not damage.
func classOf(c wire.Class) Class {
	switch c { //nolint:exhaustive // all others are damage
	case wire.TooLarge, wire.Depth, wire.Elements, wire.Values, wire.KeyLength, wire.Budget:
		return ClassLimit
	}

	return ClassDecode
}
