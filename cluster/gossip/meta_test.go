package gossip_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
)

func fullMeta() gossip.Meta {
	return gossip.Meta{
		Node:     segue.NodeID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Cluster:  [8]byte{17, 18, 19, 20, 21, 22, 23, 24},
		DataHost: "10.0.3.11", DataPort: 7947, Release: "1.0.1-rc.1+b7", ProtoMin: 1, ProtoMax: 0x0203, Expect: 3,
		Flags:    gossip.FlagVirgin | gossip.FlagVoter | gossip.FlagLeaving,
		BootHash: [8]byte{25, 26, 27, 28, 29, 30, 31, 32},
	}
}

// The bytes of each version are fixed for ever: never rewrite the file.
func TestMetaGolden(t *testing.T) {
	path := filepath.Join("testdata", "meta_v1.hex")

	b, err := fullMeta().Encode()
	if err != nil {
		t.Fatal(err)
	}

	got := hex.EncodeToString(b) + "\n"

	want, err := os.ReadFile(path)
	if os.IsNotExist(err) && os.Getenv("UPDATE_GOLDEN") != "" {
		want, err = []byte(got), os.WriteFile(path, []byte(got), 0o600)
	}

	if err != nil {
		t.Fatal(err)
	}

	if got != string(want) {
		t.Errorf("Encode() = %s, want %s", got, want)
	}

	raw, err := hex.DecodeString(strings.TrimSpace(string(want)))
	if err != nil {
		t.Fatal(err)
	}

	m, err := gossip.DecodeMeta(raw)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(fullMeta(), m); diff != "" {
		t.Errorf("DecodeMeta(Encode(m)) (-want +got):\n%s", diff)
	}
}

func TestDecodeMeta(t *testing.T) {
	good, err := fullMeta().Encode()
	if err != nil {
		t.Fatal(err)
	}

	later := append([]byte{2}, good[1:]...)
	later = append(later, "a field of the future"...)

	if m, err := gossip.DecodeMeta(later); err != nil || m != fullMeta() {
		t.Errorf("DecodeMeta(later version) = %+v, %v, want the fields that are known", m, err)
	}

	for i := range good {
		if m, err := gossip.DecodeMeta(good[:i]); err == nil {
			t.Errorf("DecodeMeta(%d of %d bytes) = %+v, want an error", i, len(good), m)
		}
	}

	for what, bad := range map[string][]byte{
		"version 0":      append([]byte{0}, good[1:]...),
		"a byte more":    append(slices.Clip(good), 0),
		"a newline":      []byte(strings.Replace(string(good), "10.0.3.11", "10.0\n3.11", 1)),
		"no node id":     append(append([]byte{1}, make([]byte, 16)...), good[17:]...),
		"an empty input": nil,
	} {
		if m, err := gossip.DecodeMeta(bad); err == nil {
			t.Errorf("DecodeMeta(%s) = %+v, want an error", what, m)
		}
	}
}

func TestMetaLimits(t *testing.T) {
	m := fullMeta()
	m.DataHost, m.Release = strings.Repeat("h", 96), strings.Repeat("1", 60)

	if b, err := m.Encode(); err != nil || len(b) != gossip.MaxMetaLen {
		t.Errorf("Encode() of the longest = %d bytes, %v, want %d", len(b), err, gossip.MaxMetaLen)
	}

	for what, edit := range map[string]func(*gossip.Meta){
		"201 bytes, at most 200":                   func(m *gossip.Meta) { m.Release += "1" },
		"has 97 bytes":                             func(m *gossip.Meta) { m.DataHost += "h" },
		"has 65 bytes":                             func(m *gossip.Meta) { m.Release = strings.Repeat("1", 65) },
		"outside of ASCII":                         func(m *gossip.Meta) { m.Release = "1.0.0 ü" },
		"node id is required":                      func(m *gossip.Meta) { m.Node = segue.NodeID{} },
		"release is required":                      func(m *gossip.Meta) { m.Release = "" },
		"lowest protocol version 516 is above the": func(m *gossip.Meta) { m.ProtoMin = 516 },
	} {
		bad := m
		edit(&bad)

		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("Validate() = %v, want %q", err, what)
		}
	}
}

func TestFlagsString(t *testing.T) {
	f := gossip.FlagVirgin | gossip.FlagDraining | gossip.FlagVoter | gossip.FlagLeader | gossip.FlagStopping | gossip.FlagLeaving
	if got, want := f.String(), "virgin,draining,voter,leader,stopping,leaving"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func FuzzDecodeMeta(f *testing.F) {
	good, err := fullMeta().Encode()
	if err != nil {
		f.Fatal(err)
	}

	f.Add(good)
	f.Add(append([]byte{9}, good[1:]...))

	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := gossip.DecodeMeta(b)
		if err != nil {
			return
		}

		again, err := m.Encode()
		if err != nil || len(again) > gossip.MaxMetaLen {
			t.Fatalf("Encode(%+v) = %d bytes, %v", m, len(again), err)
		}

		if back, err := gossip.DecodeMeta(again); err != nil || back != m {
			t.Fatalf("DecodeMeta(Encode(%+v)) = %+v, %v", m, back, err)
		}
	})
}
