package wire

import (
	"io"
	"testing"
)

// chunks returns one chunk per Read, as a peer that writes frame by frame.
type chunks [][]byte

func (c *chunks) Read(p []byte) (int, error) {
	if len(*c) == 0 {
		return 0, io.EOF
	}

	n := copy(p, (*c)[0])
	if (*c)[0] = (*c)[0][n:]; len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}

	return n, nil
}

// A Reader gives a large buffer back once only small frames come.
func TestReaderShrinks(t *testing.T) {
	large, err := AppendFrame(nil, Call, make([]byte, MaxBulkFrame))
	if err != nil {
		t.Fatal(err)
	}

	small, err := AppendFrame(nil, Call, make([]byte, 100))
	if err != nil {
		t.Fatal(err)
	}

	stream := chunks{large}
	for range shrinkAfter + 1 {
		stream = append(stream, small)
	}

	r := NewReader(&stream)

	if _, _, err := r.Next(); err != nil || len(r.buf) != HeaderSize+MaxBulkFrame {
		t.Errorf("buffer after a full frame = %d bytes, %v, want %d", len(r.buf), err, HeaderSize+MaxBulkFrame)
	}

	for range shrinkAfter + 1 {
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}

	if len(r.buf) != readBuffer {
		t.Errorf("buffer after %d small frames = %d bytes, want %d", shrinkAfter+1, len(r.buf), readBuffer)
	}

	stream = chunks{large}
	if _, p, err := r.Next(); err != nil || len(p) != MaxBulkFrame {
		t.Errorf("Next() = %d bytes, %v, want a full frame", len(p), err)
	}
}
