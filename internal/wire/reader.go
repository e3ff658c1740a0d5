package wire

import (
	"errors"
	"fmt"
	"io"
)

const (
	// Size of the buffer that an idle Reader holds: two TLS records.
	readBuffer = 32 << 10
	// The step between a small buffer and one for a full frame.
	midBuffer = 256 << 10
	// The number of small frames in a row after which a large
	// buffer is given back.
	shrinkAfter = 32
	// How often a reader may return nothing in a row.
	maxEmptyReads = 100
)

// A Reader takes frames from a stream. It reads ahead: nothing else may read
// from the stream once a Reader does. A Reader is used by one goroutine.
type Reader struct {
	r io.Reader

	// buf[start:end] has been read and not been returned. The first last
	// bytes of it are the frame that the caller of Next holds.
	buf              []byte
	start, end, last int
	small            int   // small frames since the buffer was last needed
	offset           int64 // of buf[start] in the stream

	open   []fragments // invariant: at most MaxGroups, groups differ
	broken error       // the stream cannot be understood from here on
}

// fragments is a payload of which more is to come.
type fragments struct {
	group uint16
	typ   FrameType
	data  []byte
}

// NewReader returns a Reader of the frames in r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next returns the type and the payload of the next frame, or of the next
// payload whose last fragment arrived. The payload is valid, and may be
// changed, until the next call.
//
// The error is [io.EOF] only if the stream ended at the border of a frame and
// no payload was left open. What is not a well-formed frame gives an *[Error],
// at this and at every later call; if the stream ended too early, its class is
// [Truncated] and it matches [io.ErrUnexpectedEOF]. Other errors of the
// underlying reader are wrapped; after a deadline Next may be called again and
// goes on where it stopped.
func (r *Reader) Next() (FrameType, []byte, error) {
	if r.broken != nil {
		return 0, nil, r.broken
	}

	r.release()

	for {
		h, payload, err := r.frame()
		if err != nil {
			if ClassOf(err) != 0 {
				r.broken = err
			}

			return 0, nil, err
		}

		if h.group == 0 {
			return h.typ, payload, nil
		}

		whole, done := r.fragment(h, payload)

		r.release()

		if done {
			return h.typ, whole, nil
		}
	}
}

// frame reads and checks one frame and leaves it in the buffer.
func (r *Reader) frame() (header, []byte, error) {
	if err := r.fill(HeaderSize); err != nil {
		return header{}, nil, err
	}

	h, err := parseHeader(r.buf[r.start:r.end], r.offset)
	if err != nil {
		return header{}, nil, err
	}

	if h.group != 0 {
		if err := r.admit(h); err != nil {
			return header{}, nil, err
		}
	}

	if err := r.fill(HeaderSize + h.length); err != nil {
		return header{}, nil, err
	}

	frame := r.buf[r.start : r.start+HeaderSize+h.length : r.start+HeaderSize+h.length]
	payload := frame[HeaderSize:]

	if checksum(frame) != h.sum {
		return header{}, nil, refuse(BadChecksum, r.offset+12, "a frame of %v of %d bytes is damaged", h.typ, h.length)
	}

	r.last = len(frame)

	return h, payload, nil
}

// admit checks a fragment against those before it, before its payload is read.
func (r *Reader) admit(h header) error {
	i := r.find(h.group)

	switch {
	case i < 0 && !h.more:
		return refuse(BadFragment, r.offset, "the last fragment of a payload of %v that was never begun", h.typ)
	case i < 0 && len(r.open) >= MaxGroups:
		return refuse(BadFragment, r.offset, "more than %d payloads are open in fragments", MaxGroups)
	case i < 0:
		return nil
	case r.open[i].typ != h.typ:
		return refuse(BadFragment, r.offset, "a fragment of %v in a payload of %v", h.typ, r.open[i].typ)
	case len(r.open[i].data)+h.length > h.typ.MaxPayload():
		return refuse(TooLarge, r.offset, "the fragments of a payload of %v are more than %d bytes",
			h.typ, h.typ.MaxPayload())
	}

	return nil
}

// fragment stores an admitted fragment, and returns the payload with its last.
func (r *Reader) fragment(h header, chunk []byte) (whole []byte, done bool) {
	i := r.find(h.group)
	if i < 0 {
		i = len(r.open)
		r.open = append(r.open, fragments{group: h.group, typ: h.typ})
	}

	f := &r.open[i]
	f.data = append(f.data, chunk...)

	if h.more {
		return nil, false
	}

	whole = f.data
	r.open[i] = r.open[len(r.open)-1]
	r.open[len(r.open)-1] = fragments{}
	r.open = r.open[:len(r.open)-1]

	return whole, true
}

func (r *Reader) find(group uint16) int {
	for i := range r.open {
		if r.open[i].group == group {
			return i
		}
	}

	return -1
}

// release drops the frame that was returned last.
func (r *Reader) release() {
	if r.last <= readBuffer {
		r.small++
	} else {
		r.small = 0
	}

	r.offset += int64(r.last)
	r.start += r.last
	r.last = 0

	switch rest := r.end - r.start; {
	case len(r.buf) > readBuffer && r.small >= shrinkAfter && rest <= readBuffer:
		buf := make([]byte, readBuffer)
		r.end = copy(buf, r.buf[r.start:r.end])
		r.start, r.buf = 0, buf
	case rest == 0:
		r.start, r.end = 0, 0
	}
}

// fill reads until n bytes are in the buffer.
func (r *Reader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}

	r.room(n)

	for empty := 0; r.end-r.start < n; {
		m, err := r.r.Read(r.buf[r.end:])
		r.end += m

		if r.end-r.start >= n {
			break // an error comes again with the next read
		}

		if err == nil {
			if m > 0 {
				empty = 0
			} else if empty++; empty > maxEmptyReads {
				return fmt.Errorf("read a frame at byte %d: %w", r.offset, io.ErrNoProgress)
			}

			continue
		}

		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("read a frame at byte %d: %w", r.offset, err)
		}

		if r.start == r.end && len(r.open) == 0 {
			return io.EOF
		}

		return &Error{
			Class: Truncated, Offset: r.offset + int64(r.end-r.start),
			Detail: "the stream ended inside of a frame", Err: io.ErrUnexpectedEOF,
		}
	}

	return nil
}

// room makes the buffer large enough for n bytes from start on.
func (r *Reader) room(n int) {
	if r.start+n <= len(r.buf) {
		return
	}

	buf := r.buf
	if n > len(buf) {
		size := readBuffer

		switch {
		case n > midBuffer:
			size = HeaderSize + MaxBulkFrame
		case n > readBuffer:
			size = midBuffer
		}

		buf = make([]byte, size)
	}

	r.end = copy(buf, r.buf[r.start:r.end])
	r.start, r.buf = 0, buf
}
