package wire

import (
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// This file is where the msgpack library ends. Each method of writer and of
// source lets it write or read one value, or the head of one; both sides are
// plain byte slices, so that the walks of this package can look at them.

// writer collects what the library writes.
type writer struct {
	lib   *msgpack.Encoder
	out   []byte
	limit int // of len(out)
}

func (w *writer) init() { w.lib = msgpack.NewEncoder(w) }

// Write implements [io.Writer] for the library.
func (w *writer) Write(b []byte) (int, error) {
	if len(b) > w.limit-len(w.out) {
		return 0, tooLong()
	}

	w.out = append(w.out, b...)

	return len(b), nil
}

// WriteByte implements [io.ByteWriter] for the library.
func (w *writer) WriteByte(c byte) error {
	if len(w.out) >= w.limit {
		return tooLong()
	}

	w.out = append(w.out, c)

	return nil
}

func tooLong() error {
	return &Error{Class: TooLarge, Offset: -1, Detail: fmt.Sprintf("the encoding is longer than %d bytes", MaxEncoded)}
}

func (w *writer) putNil() error              { return ours(w.lib.EncodeNil()) }
func (w *writer) putBool(x bool) error       { return ours(w.lib.EncodeBool(x)) }
func (w *writer) putInt(x int64) error       { return ours(w.lib.EncodeInt(x)) }
func (w *writer) putUint(x uint64) error     { return ours(w.lib.EncodeUint(x)) }
func (w *writer) putFloat32(x float32) error { return ours(w.lib.EncodeFloat32(x)) }
func (w *writer) putFloat64(x float64) error { return ours(w.lib.EncodeFloat64(x)) }
func (w *writer) putString(x string) error   { return ours(w.lib.EncodeString(x)) }
func (w *writer) putBytes(x []byte) error    { return ours(w.lib.EncodeBytes(x)) }
func (w *writer) putTime(x time.Time) error  { return ours(w.lib.EncodeTime(x)) }
func (w *writer) putArrayHead(n int) error   { return ours(w.lib.EncodeArrayLen(n)) }
func (w *writer) putMapHead(n int) error     { return ours(w.lib.EncodeMapLen(n)) }

// source is what the library reads.
type source struct {
	lib *msgpack.Decoder
	b   []byte
	pos int // of the next byte in b
}

func (s *source) init() { s.lib = msgpack.NewDecoder(s) }

// Read implements [io.Reader] for the library.
func (s *source) Read(p []byte) (int, error) {
	if s.pos == len(s.b) && len(p) > 0 {
		return 0, io.EOF
	}

	n := copy(p, s.b[s.pos:])
	s.pos += n

	return n, nil
}

// ReadByte implements [io.ByteReader] for the library.
func (s *source) ReadByte() (byte, error) {
	if s.pos == len(s.b) {
		return 0, io.EOF
	}

	c := s.b[s.pos]
	s.pos++

	return c, nil
}

// UnreadByte implements [io.ByteScanner] for the library, which only takes
// back what it has just read.
func (s *source) UnreadByte() error {
	s.pos--

	return nil
}

func (s *source) takeNil() error                  { return ours(s.lib.DecodeNil()) }
func (s *source) takeBool() (bool, error)         { return ourValue(s.lib.DecodeBool()) }
func (s *source) takeInt() (int64, error)         { return ourValue(s.lib.DecodeInt64()) }
func (s *source) takeUint() (uint64, error)       { return ourValue(s.lib.DecodeUint64()) }
func (s *source) takeFloat32() (float32, error)   { return ourValue(s.lib.DecodeFloat32()) }
func (s *source) takeFloat64() (float64, error)   { return ourValue(s.lib.DecodeFloat64()) }
func (s *source) takeString() (string, error)     { return ourValue(s.lib.DecodeString()) }
func (s *source) takeTime() (time.Time, error)    { return ourValue(s.lib.DecodeTime()) }
func (s *source) takeArrayHead() (n int, e error) { return ourValue(s.lib.DecodeArrayLen()) }
func (s *source) takeMapHead() (n int, err error) { return ourValue(s.lib.DecodeMapLen()) }
func (s *source) takeBinHead() (n int, err error) { return ourValue(s.lib.DecodeBytesLen()) }
func (s *source) takeBody(b []byte) error         { return ours(s.lib.ReadFull(b)) }

// ours makes an error of the library an *Error. Errors of writer pass.
func ours(err error) error {
	if err == nil {
		return nil
	}

	return foreign(err)
}

func ourValue[T any](x T, err error) (T, error) {
	if err == nil {
		return x, nil
	}

	return x, foreign(err)
}

func foreign(err error) error {
	if ClassOf(err) != 0 {
		return err
	}

	return &Error{Class: Type, Offset: -1, Detail: "the codec failed", Err: err}
}

// ownCodec returns the name of an interface by which values of t, or pointers
// to them, would ask the library for a wire form of their own.
func ownCodec(t reflect.Type) string {
	return implements(t,
		form{"msgpack.CustomEncoder", reflect.TypeFor[msgpack.CustomEncoder]()},
		form{"msgpack.CustomDecoder", reflect.TypeFor[msgpack.CustomDecoder]()},
		form{"msgpack.Marshaler", reflect.TypeFor[msgpack.Marshaler]()},
		form{"msgpack.Unmarshaler", reflect.TypeFor[msgpack.Unmarshaler]()},
	)
}
