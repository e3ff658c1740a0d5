package wire_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/segue-cluster/segue/internal/wire"
)

func TestFramesRoundTrip(t *testing.T) {
	payloads := [][]byte{
		{},
		{1},
		bytes.Repeat([]byte{2}, wire.MaxControl), bytes.Repeat([]byte{3}, wire.MaxBulkFrame),
		bytes.Repeat([]byte{4}, wire.MaxBulkFrame+1), bytes.Repeat([]byte{5}, wire.MaxPayload),
	}

	var stream []byte

	for _, p := range payloads {
		before := len(stream)

		var err error
		if stream, err = wire.AppendFrame(stream, wire.Call, p); err != nil {
			t.Fatalf("AppendFrame(%d bytes) = %v, want no error", len(p), err)
		}

		if got, want := len(stream)-before, wire.FrameSize(wire.Call, len(p)); got != want {
			t.Errorf("FrameSize(%d) = %d, want %d", len(p), want, got)
		}
	}

	r := wire.NewReader(bytes.NewReader(stream))

	for _, want := range payloads {
		typ, got, err := r.Next()
		if err != nil || typ != wire.Call || !bytes.Equal(got, want) {
			t.Fatalf("Next() = %v, %d bytes, %v, want CALL, %d bytes", typ, len(got), err, len(want))
		}
	}

	if _, _, err := r.Next(); err != io.EOF { //nolint:errorlint // exactly EOF is promised
		t.Errorf("Next() at the end = %v, want EOF", err)
	}
}
