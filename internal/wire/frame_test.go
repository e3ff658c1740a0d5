package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"github.com/segue-cluster/segue/internal/wire"
	"github.com/segue-cluster/segue/internal/wire/wiretest"
)

// frameTypes is the registry, as other releases know it.
var frameTypes = map[wire.FrameType]struct { //nolint:exhaustive // the numbers are what is tested
	name string
	bulk bool
}{
	0x01: {"INTRO", false}, 0x02: {"REFUSE", false},
	0x10: {"CALL", true}, 0x11: {"REPLY", true}, 0x12: {"REDIRECT", false}, 0x13: {"REQUEST", true}, 0x14: {"ANSWER", true},
	0x40: {"HELLO", false}, 0x41: {"WELCOME", false}, 0x42: {"ROSTER", true}, 0x43: {"FLIP", true}, 0x44: {"SWAPBACK", false},
	0x45: {"ACTIVE", false}, 0x46: {"NACK", false}, 0x47: {"FWD", true}, 0x48: {"RES", true}, 0x49: {"MIR", true},
	0x4a: {"CONFIRM", false}, 0x4b: {"FINAL", true}, 0x4c: {"MOVED", false}, 0x4d: {"BIRTH", false}, 0x4e: {"DEATH", false},
	0x4f: {"CREDIT", false}, 0x50: {"PING", false}, 0x51: {"RESUME", false}, 0x52: {"CLOSE", false},
}

func TestFrameTypes(t *testing.T) {
	for i := range 256 {
		typ := wire.FrameType(i)

		want, known := frameTypes[typ]
		if typ.Valid() != known || typ.Bulk() != want.bulk || known && typ.String() != want.name {
			t.Errorf("type 0x%02x is %v, valid %v, bulk %v, want %v", i, typ, typ.Valid(), typ.Bulk(), want)
		}

		frame, payload := 64<<10, 64<<10
		if want.bulk {
			frame, payload = 1<<20, 8<<20+64<<10
		}

		if typ.MaxFrame() != frame || typ.MaxPayload() != payload {
			t.Errorf("%v has limits %d, %d, want %d, %d", typ, typ.MaxFrame(), typ.MaxPayload(), frame, payload)
		}
	}
}

func appendFrame(t *testing.T, dst []byte, typ wire.FrameType, payload []byte) []byte {
	t.Helper()

	b, err := wire.AppendFrame(dst, typ, payload)
	if err != nil {
		t.Fatalf("AppendFrame(%v, %d bytes) = %v, want no error", typ, len(payload), err)
	}

	return b
}

func appendFragment(t *testing.T, dst []byte, typ wire.FrameType, group uint16, chunk string, more bool) []byte {
	t.Helper()

	b, err := wire.AppendFragment(dst, typ, group, []byte(chunk), more)
	if err != nil {
		t.Fatalf("AppendFragment(%v, %d, %q, %v) = %v, want no error", typ, group, chunk, more, err)
	}

	return b
}

// next expects a payload.
func next(t *testing.T, r *wire.Reader, typ wire.FrameType, payload string) {
	t.Helper()

	gotType, got, err := r.Next()
	if err != nil || gotType != typ || string(got) != payload {
		t.Fatalf("Next() = %v, %d bytes, %v, want %v, %d bytes", gotType, len(got), err, typ, len(payload))
	}
}

// end expects the clean end of the stream.
func end(t *testing.T, r *wire.Reader) {
	t.Helper()

	if _, _, err := r.Next(); err != io.EOF { //nolint:errorlint // exactly EOF is promised
		t.Errorf("Next() at the end = %v, want EOF", err)
	}
}

func TestGoldenFrames(t *testing.T) {
	b := appendFrame(t, nil, wire.Ping, nil)
	b = appendFrame(t, b, wire.Call, []byte("payload"))
	b = appendFragment(t, b, wire.Flip, 3, "first ", true)
	b = appendFragment(t, b, wire.Flip, 3, "last", false)
	wiretest.Golden(t, "frames", b)

	r := wire.NewReader(bytes.NewReader(b))
	next(t, r, wire.Ping, "")
	next(t, r, wire.Call, "payload")
	next(t, r, wire.Flip, "first last")
	end(t, r)
}

func TestFramesRoundTrip(t *testing.T) {
	payloads := [][]byte{
		{},
		{1},
		bytes.Repeat([]byte{2}, wire.MaxControl), bytes.Repeat([]byte{3}, wire.MaxBulkFrame),
		bytes.Repeat([]byte{4}, wire.MaxBulkFrame+1), bytes.Repeat([]byte{5}, wire.MaxPayload),
		{6},
	}

	var stream []byte

	for _, p := range payloads {
		before := len(stream)
		stream = appendFrame(t, stream, wire.Call, p)

		if got, want := wire.FrameSize(wire.Call, len(p)), len(stream)-before; got != want {
			t.Errorf("FrameSize(%d) = %d, want %d", len(p), got, want)
		}

		half := len(p) / 2
		if b, err := wire.AppendFrameParts([]byte("x"), wire.Call, p[:half], p[half:]); err != nil || !bytes.Equal(b[1:], stream[before:]) {
			t.Errorf("AppendFrameParts(%d bytes, %d bytes) differs from AppendFrame, error %v", half, len(p)-half, err)
		}
	}

	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(stream), "in halves": iotest.HalfReader(bytes.NewReader(stream)),
		"with the error": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		t.Run(name, func(t *testing.T) {
			r := wire.NewReader(r)
			for _, want := range payloads {
				next(t, r, wire.Call, string(want))
			}

			end(t, r)
		})
	}
}

func TestFragmentsInterleave(t *testing.T) {
	var b []byte

	for i := range wire.MaxGroups {
		b = appendFragment(t, b, wire.Flip, uint16(1000+i), string(rune('a'+i)), true)
		b = appendFrame(t, b, wire.Res, []byte("between"))
	}

	for i := range wire.MaxGroups {
		b = appendFragment(t, b, wire.Flip, uint16(1000+i), string(rune('A'+i)), true)
	}

	for i := range wire.MaxGroups {
		b = appendFragment(t, b, wire.Flip, uint16(1000+i), "!", false)
	}

	b = appendFragment(t, b, wire.Mir, 1000, "again ", true) // a group may be used again
	b = appendFragment(t, b, wire.Mir, 1000, "free", false)

	r := wire.NewReader(iotest.OneByteReader(bytes.NewReader(b)))
	for range wire.MaxGroups {
		next(t, r, wire.Res, "between")
	}

	for i := range wire.MaxGroups {
		next(t, r, wire.Flip, string(rune('a'+i))+string(rune('A'+i))+"!")
	}

	next(t, r, wire.Mir, "again free")
	end(t, r)
}

// raw returns a frame with a correct checksum and whatever else.
func raw(magic string, version, typ byte, flags, group uint16, length int, payload string) []byte {
	b := append([]byte(magic), version, typ)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, group)
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	sum := crc32.Checksum(append(bytes.Clone(b), payload...), crc32.MakeTable(crc32.Castagnoli))

	return append(binary.BigEndian.AppendUint32(b, sum), payload...)
}

func TestReaderRefuses(t *testing.T) {
	call := byte(wire.Call)
	ping := byte(wire.Ping)
	good := raw("SG", 1, call, 0, 0, 2, "ok")
	first := raw("SG", 1, call, 1, 5, 1, "x")

	var groups []byte
	for i := range wire.MaxGroups + 1 {
		groups = append(groups, raw("SG", 1, call, 1, uint16(i+1), 1, "x")...)
	}

	damaged := bytes.Clone(good)
	damaged[16] ^= 1

	for _, tt := range []struct {
		name   string
		stream []byte
		class  wire.Class
		offset int64
	}{
		{"not ours", []byte("GET / HTTP/1.1\r\n\r\n"), wire.BadMagic, 0},
		{"TLS alert", append([]byte{0x15, 3, 1}, make([]byte, 20)...), wire.BadMagic, 0},
		{"version", raw("SG", 2, call, 0, 0, 0, ""), wire.BadVersion, 2},
		{"type 0", raw("SG", 1, 0, 0, 0, 0, ""), wire.BadType, 3},
		{"type between families", raw("SG", 1, 0x20, 0, 0, 0, ""), wire.BadType, 3},
		{"flags", raw("SG", 1, call, 2, 0, 0, ""), wire.BadFlags, 4},
		{"more without group", raw("SG", 1, call, 1, 0, 1, "x"), wire.BadFlags, 4},
		{"control in fragments", raw("SG", 1, ping, 1, 1, 1, "x"), wire.BadFragment, 6},
		{"control in a group", raw("SG", 1, ping, 0, 1, 1, "x"), wire.BadFragment, 6},
		{"empty fragment", raw("SG", 1, call, 1, 1, 0, ""), wire.BadFragment, 8},
		{"empty last fragment", append(bytes.Clone(first), raw("SG", 1, call, 0, 5, 0, "")...), wire.BadFragment, 25},
		{"group of one", raw("SG", 1, call, 0, 7, 1, "x"), wire.BadFragment, 0},
		{"type changes", append(bytes.Clone(first), raw("SG", 1, byte(wire.Reply), 0, 5, 1, "y")...), wire.BadFragment, 17},
		{"too many groups", groups, wire.BadFragment, 17 * wire.MaxGroups},
		{"control over its limit", raw("SG", 1, ping, 0, 0, wire.MaxControl+1, ""), wire.TooLarge, 8},
		{"bulk over its limit", raw("SG", 1, call, 0, 0, wire.MaxBulkFrame+1, ""), wire.TooLarge, 8},
		{"4 GiB", raw("SG", 1, call, 0, 0, 1<<32-1, ""), wire.TooLarge, 8},
		{"damaged", damaged, wire.BadChecksum, 12},
		{"second frame", append(bytes.Clone(good), raw("XX", 1, call, 0, 0, 0, "")...), wire.BadMagic, 18},
		{"end in a header", good[:7], wire.Truncated, 7},
		{"end in a payload", good[:17], wire.Truncated, 17},
		{"end with an open group", first, wire.Truncated, 17},
	} {
		r := wire.NewReader(bytes.NewReader(tt.stream))

		var err error
		for err == nil {
			_, _, err = r.Next()
		}

		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Class != tt.class || e.Offset != tt.offset {
			t.Errorf("%s: Next() = %v, want class %v at byte %d", tt.name, err, tt.class, tt.offset)
		}

		if tt.class == wire.Truncated != errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: Next() = %v, matches ErrUnexpectedEOF: %v", tt.name, err, errors.Is(err, io.ErrUnexpectedEOF))
		}

		if _, _, again := r.Next(); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: Next() after an error = %v, want %v", tt.name, again, err)
		}
	}
}

func TestFragmentsOverLimit(t *testing.T) {
	full := string(bytes.Repeat([]byte{1}, wire.MaxBulkFrame))

	var b []byte
	for range wire.MaxRecord / wire.MaxBulkFrame {
		b = appendFragment(t, b, wire.Mir, 1, full, true)
	}

	at := appendFragment(t, bytes.Clone(b), wire.Mir, 1, full[:wire.MaxEnvelope], false)

	r := wire.NewReader(bytes.NewReader(at))
	if _, p, err := r.Next(); err != nil || len(p) != wire.MaxPayload {
		t.Errorf("Next() at the limit = %d bytes, %v, want %d bytes", len(p), err, wire.MaxPayload)
	}

	over := appendFragment(t, b, wire.Mir, 1, full[:wire.MaxEnvelope+1], false)

	r = wire.NewReader(bytes.NewReader(over))
	if _, _, err := r.Next(); wire.ClassOf(err) != wire.TooLarge {
		t.Errorf("Next() over the limit = %v, want class %v", err, wire.TooLarge)
	}
}

// No single flipped bit may yield another frame than the one that was sent.
func TestReaderFindsDamage(t *testing.T) {
	good := appendFrame(t, nil, wire.Call, []byte("some payload"))

	for bit := range len(good) * 8 {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)

		if typ, p, err := wire.NewReader(bytes.NewReader(b)).Next(); err == nil {
			t.Errorf("Next() with bit %d flipped = %v, %q, want an error", bit, typ, p)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	prefix := []byte("prefix")
	over := make([]byte, wire.MaxPayload+1)

	for name, do := range map[string]func() ([]byte, error){
		"unknown type":       func() ([]byte, error) { return wire.AppendFrame(prefix, 0, nil) },
		"control":            func() ([]byte, error) { return wire.AppendFrame(prefix, wire.Ping, over[:wire.MaxControl+1]) },
		"bulk":               func() ([]byte, error) { return wire.AppendFrame(prefix, wire.Call, over) },
		"fragment of ping":   func() ([]byte, error) { return wire.AppendFragment(prefix, wire.Ping, 1, over[:1], true) },
		"parts":              func() ([]byte, error) { return wire.AppendFrameParts(prefix, wire.Call, over[:1], over[1:]) },
		"group 0":            func() ([]byte, error) { return wire.AppendFragment(prefix, wire.Call, 0, over[:1], true) },
		"empty fragment":     func() ([]byte, error) { return wire.AppendFragment(prefix, wire.Call, 1, nil, true) },
		"long fragment":      func() ([]byte, error) { return wire.AppendFragment(prefix, wire.Call, 1, over[:1<<20+1], true) },
		"fragment of type 0": func() ([]byte, error) { return wire.AppendFragment(prefix, 0, 1, over[:1], true) },
	} {
		if b, err := do(); wire.ClassOf(err) == 0 || !bytes.Equal(b, prefix) {
			t.Errorf("%s: got %d bytes, %v, want the prefix and an error", name, len(b), err)
		}
	}
}

// interrupted returns an error now and then, as a connection with a deadline.
type interrupted struct {
	r io.Reader
	n int
}

func (i *interrupted) Read(p []byte) (int, error) {
	if i.n++; i.n%2 == 0 {
		return 0, os.ErrDeadlineExceeded
	}

	return i.r.Read(p[:min(len(p), 5)])
}

func TestReaderGoesOnAfterDeadline(t *testing.T) {
	b := appendFrame(t, nil, wire.Call, []byte("some longer payload"))
	b = appendFrame(t, b, wire.Reply, []byte("and another"))
	r := wire.NewReader(&interrupted{r: bytes.NewReader(b)})

	var got []string

	for range 100 {
		_, p, err := r.Next()
		if err == nil {
			got = append(got, string(p))

			continue
		}

		if err == io.EOF { //nolint:errorlint // exactly EOF is promised
			break
		}

		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Next() = %v, want a deadline", err)
		}
	}

	equal(t, "payloads", got, []string{"some longer payload", "and another"})
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestReaderGivesUpOnSilence(t *testing.T) {
	if _, _, err := wire.NewReader(silent{}).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Next() = %v, want %v", err, io.ErrNoProgress)
	}
}
