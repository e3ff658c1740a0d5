package schema_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/segue-cluster/segue/handoff/schema"
)

// pack writes a map of fields whose values are given encoded.
func pack(fields ...string) []byte {
	b := []byte{0x80 | byte(len(fields)/2)}
	for i := 0; i < len(fields); i += 2 {
		b = append(b, 0xa0|byte(len(fields[i])))
		b = append(b, fields[i]...)
		b = append(b, fields[i+1]...)
	}

	return b
}

func TestDecodeFromRefuses(t *testing.T) {
	k := schema.MustDefine[itemV2]("item", 3,
		schema.Lens(1, "A note.",
			schema.Rename("Name", "Title"), schema.Drop("Old", false), schema.Add("Stock", uint16(1)),
			schema.Convert("Price",
				func(p int32) (int64, error) { return int64(p) * 100, nil },
				func(p int64) (int32, error) { return int32(p / 100), nil })),
		schema.Typed(2, "The same again.", typedSame[itemV2], typedSame[itemV2]),
		schema.WithLimits(schema.Limits{Bytes: 256, Depth: 3, Elements: 8, Values: 40}))

	good := pack("Name", "\xa3tea", "Price", "\x05", "Old", "\xc3")
	if v, err := k.Load(good, 1); err != nil || *v != (itemV2{"tea", 500, 1}) {
		t.Fatalf("Load(good) = %+v, %v", v, err)
	}

	if v, err := k.Load([]byte{0x80}, 1); err != nil || *v != (itemV2{"", 0, 1}) {
		t.Fatalf("Load(empty) = %+v, %v, want absent fields to be zero", v, err)
	}

	tests := []struct {
		name  string
		b     []byte
		class schema.Class
		path  string
		text  string
	}{
		{"nothing", nil, schema.ClassDecode, "", "truncated"},
		{"cut off", good[:len(good)-1], schema.ClassDecode, "", "truncated"},
		{"trailing", append(bytes.Clone(good), 0), schema.ClassDecode, "", "trailing"},
		{"no map", []byte{0x93, 1, 2, 3}, schema.ClassDecode, "", "want a map"},
		{"nil", []byte{0xc0}, schema.ClassDecode, "", ""},
		{"reserved", pack("Name", "\xc1"), schema.ClassDecode, "", "reserved"},
		{"unknown field", pack("Name", "\xa0", "Colour", "\xa3red"), schema.ClassDecode, "", `unknown field "Colour"`},
		{"field of the newer version", pack("Name", "\xa0", "Stock", "\x01"), schema.ClassDecode, "", `"Stock" is there`},
		{"both names", pack("Name", "\xa0", "Title", "\xa0"), schema.ClassDecode, "", `"Title" is there`},
		{"equal names", pack("Name", "\xa0", "Name", "\xa1x"), schema.ClassDecode, "", "duplicate key"},
		{"equal names of a dropped field", pack("Old", "\xc3", "Old", "\xc3"), schema.ClassDecode, "", "duplicate key"},
		{"name is no text", []byte{0x81, 0x05, 0xa0}, schema.ClassDecode, "", "want a string"},
		{"type", pack("Price", "\xa1x"), schema.ClassDecode, "Price", "wrong type"},
		{"range", pack("Price", "\xce\xff\xff\xff\xff"), schema.ClassDecode, "Price", "out of range"},
		{"nil number", pack("Price", "\xc0"), schema.ClassDecode, "Price", ""},
		{"text is not UTF-8", pack("Name", "\xa2\xff\xfe"), schema.ClassDecode, "Title", "invalid UTF-8"},
		{"type of a field that only moves", pack("Name", "\x05"), schema.ClassDecode, "Title", "wrong type"},
		{"array that is not there", pack("Old", "\xdd\xff\xff\xff\xff"), schema.ClassLimit, "", "elements"},
		{"more fields", pack("A", "\x01", "B", "\x01", "C", "\x01", "D", "\x01"), schema.ClassDecode, "", "4 fields, but version 1 has 3"},
		{"many fields", []byte{0xde, 0xff, 0xff, 0xa0}, schema.ClassDecode, "", "65535 fields"},
		{"very many fields", []byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0}, schema.ClassDecode, "", "4294967295 fields"},
		{"depth", pack("Name", "\x91\x91\x91\x90"), schema.ClassLimit, "", "deep"},
		{"elements", pack("Name", "\x99"+strings.Repeat("\xc0", 9)), schema.ClassLimit, "", "elements"},
		{"values", pack("Name", "\x98"+strings.Repeat("\x96"+strings.Repeat("\xc0", 6), 8)), schema.ClassLimit, "", "values"},
		{"bytes", pack("Name", "\xda\x01\x00"+strings.Repeat("x", 256)), schema.ClassLimit, "", "256"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := bytes.Clone(tt.b)
			v, err := k.DecodeFrom(nil, tt.b, 1)

			e := asError(t, err)
			if v != nil || e.Class != tt.class || e.Path != tt.path || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("DecodeFrom() = %v, %v\nwant class %s at %q with %q", v, err, tt.class, tt.path, tt.text)
			}

			if !bytes.Equal(before, tt.b) {
				t.Error("DecodeFrom changed its input")
			}
		})
	}
}

// Whatever comes, DecodeFrom gives a placed error or a value that encodes.
func TestDecodeFromSurvivesDamage(t *testing.T) {
	rs := releases()

	rapid.Check(t, func(t *rapid.T) {
		v := schema.Version(rapid.IntRange(1, heads).Draw(t, "version"))
		b := must[[]byte](t)(rs[v].Encode(draw(t, v)))

		for range rapid.IntRange(1, 4).Draw(t, "damages") {
			i := rapid.IntRange(0, len(b)).Draw(t, "at")
			junk := rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "junk")
			cut := rapid.IntRange(i, min(i+3, len(b))).Draw(t, "to")
			b = append(bytes.Clone(b[:i]), append(junk, b[cut:]...)...)
		}

		decodeSafely(t, b, v)
	})
}

func FuzzDecodeFrom(f *testing.F) {
	for v, r := range releases() {
		if r == nil {
			continue
		}

		b, err := r.Encode(r.New())
		if err != nil {
			f.Fatal(err)
		}

		f.Add(uint32(v), b)
	}

	f.Fuzz(func(t *testing.T, v uint32, b []byte) { decodeSafely(t, b, schema.Version(v)) })
}

func decodeSafely(t interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}, b []byte, v schema.Version,
) {
	t.Helper()

	before := bytes.Clone(b)

	got, err := Session.DecodeFrom(nil, b, v)
	if !bytes.Equal(before, b) {
		t.Errorf("DecodeFrom(%x, %d) changed its input", before, v)
	}

	if err != nil {
		if e, ok := err.(*schema.Error); !ok || e.Kind != "session" || e.From != v || e.To != heads || e.Class == schema.ClassPanic { //nolint:errorlint // it must be the outermost
			t.Errorf("DecodeFrom(%x, %d) = %#v, want a placed error that is no panic", b, v, err)
		}

		return
	}

	again, err := Session.Encode(got)
	if err != nil {
		t.Fatalf("Encode(DecodeFrom(%x, %d)) = %v", b, v, err)
	}

	if _, err := Session.Decode(again); err != nil {
		t.Errorf("Decode(Encode(DecodeFrom(%x, %d))) = %v", b, v, err)
	}
}
