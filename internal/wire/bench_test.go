package wire_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// donation and campaign are a state of the size and shape that services keep.
type donation struct {
	Donor    string
	Cents    int64
	Currency string
	At       time.Time
}

type campaign struct {
	Name      string            `msgpack:"name"`
	Owner     segue.NodeID      `msgpack:"owner"`
	Totals    map[string]int64  `msgpack:"totals"`
	Labels    map[string]string `msgpack:"labels"`
	Donations []donation        `msgpack:"donations"`
	Goal      uint32            `msgpack:"goal"`
	Open      bool              `msgpack:"open"`
	Share     float64           `msgpack:"share"`
	Logo      []byte            `msgpack:"logo"`
	Parent    *int32            `msgpack:"parent"`
	Note      string            `msgpack:"note,omitempty"`
}

// call is a small message, the body of most frames.
type call struct {
	Client  [16]byte
	N       uint64
	Base    uint64
	Kind    string
	Key     string
	Message string
	Version uint32
	Hops    uint8
	Body    []byte
}

func newCampaign() *campaign {
	parent := int32(-7)
	c := &campaign{
		Name: "clean water", Owner: segue.NodeID{1, 2, 3}, Totals: map[string]int64{"USD": 125_00, "EUR": 1, "CHF": -4000},
		Labels: map[string]string{"region": "north", "tier": "gold"}, Goal: 1_000_000, Open: true, Share: 0.125,
		Logo: []byte{0, 1, 2, 3, 4, 5, 6, 7}, Parent: &parent,
	}

	for i := range 8 {
		c.Donations = append(c.Donations, donation{
			Donor: "somebody", Cents: int64(i) * 999, Currency: "USD", At: time.Unix(1_700_000_000+int64(i), 5).UTC(),
		})
	}

	return c
}

func newCall() *call {
	return &call{
		Client: [16]byte{9, 8, 7}, N: 77, Base: 70, Kind: "campaign", Key: "clean-water", Message: "donate", Version: 3,
		Body: bytes.Repeat([]byte{7}, 64),
	}
}

func BenchmarkScan(b *testing.B) {
	data, err := wire.Marshal(newCampaign())
	if err != nil {
		b.Fatal(err)
	}

	b.SetBytes(int64(len(data)))
	b.ReportAllocs()

	for b.Loop() {
		if err := wire.Scan(data, wire.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchMarshal[T any](b *testing.B, v *T) {
	b.Helper()
	b.Run("wire", func(b *testing.B) {
		b.ReportAllocs()

		var buf []byte

		for b.Loop() {
			out, err := wire.AppendMarshal(buf[:0], v)
			if err != nil {
				b.Fatal(err)
			}

			buf = out
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()

		for b.Loop() {
			if _, err := msgpack.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchUnmarshal[T any](b *testing.B, v *T) {
	b.Helper()
	b.Run("wire", func(b *testing.B) {
		data, err := wire.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}

		b.ReportAllocs()

		for b.Loop() {
			if err := wire.Unmarshal(data, new(T), wire.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		data, err := msgpack.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}

		b.ReportAllocs()

		for b.Loop() {
			if err := msgpack.Unmarshal(data, new(T)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMarshalState(b *testing.B)   { benchMarshal(b, newCampaign()) }
func BenchmarkMarshalCall(b *testing.B)    { benchMarshal(b, newCall()) }
func BenchmarkUnmarshalState(b *testing.B) { benchUnmarshal(b, newCampaign()) }
func BenchmarkUnmarshalCall(b *testing.B)  { benchUnmarshal(b, newCall()) }

func BenchmarkCanonical(b *testing.B) {
	data, err := wire.Marshal(newCampaign())
	if err != nil {
		b.Fatal(err)
	}

	b.ReportAllocs()

	var buf []byte

	for b.Loop() {
		if buf, err = wire.Canonical(buf[:0], data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplitMap(b *testing.B) {
	data, err := wire.Marshal(newCampaign())
	if err != nil {
		b.Fatal(err)
	}

	b.ReportAllocs()

	var fs []wire.Field

	for b.Loop() {
		if fs, err = wire.SplitMap(data, fs[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// loop is a stream that repeats itself.
type loop struct {
	data []byte
	pos  int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.pos:])
	l.pos = (l.pos + n) % len(l.data)

	return n, nil
}

var _ io.Reader = (*loop)(nil)

func BenchmarkFrame(b *testing.B) {
	payload := bytes.Repeat([]byte{7}, 200)

	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))

		var buf []byte

		for b.Loop() {
			out, err := wire.AppendFrame(buf[:0], wire.Call, payload)
			if err != nil {
				b.Fatal(err)
			}

			buf = out
		}
	})
	b.Run("next", func(b *testing.B) {
		data, err := wire.AppendFrame(nil, wire.Call, payload)
		if err != nil {
			b.Fatal(err)
		}

		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))

		r := wire.NewReader(&loop{data: data})
		for b.Loop() {
			if _, _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
