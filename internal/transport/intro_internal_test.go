package transport

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
	"github.com/segue-cluster/segue/internal/wire/wiretest"
)

func goldenIntro() Intro {
	return Intro{
		ClusterID:  [16]byte{0: 0xc1, 15: 0x1d},
		Generation: 2,
		Node:       segue.NodeID{0: 0xa, 6: 0x40, 8: 0x80, 15: 1},
		Name:       "donation_platform_1.0.1@10.0.3.11:7946",
		Start:      1<<63 + 5,
		ProtoMin:   1,
		ProtoMax:   3,
		Build:      "0.1.0 go1.26.8",
		Ext:        map[string][]byte{"zone": []byte("b"), "later": {0}},
	}
}

func TestGoldenFrames(t *testing.T) {
	var intro, plain, no bytes.Buffer

	short := goldenIntro()
	short.Ext = nil

	if err := errors.Join(
		writeIntro(&intro, goldenIntro()),
		writeIntro(&plain, short),
		writeRefusal(&no, segue.FromCode("wrong_cluster", "the peer belongs to another cluster")),
	); err != nil {
		t.Fatal(err)
	}

	wiretest.Golden(t, "intro_v1_ext", intro.Bytes())
	wiretest.Golden(t, "intro_v1", plain.Bytes())
	wiretest.Golden(t, "refuse_v1", no.Bytes())

	for want, frame := range map[string]*bytes.Buffer{"with": &intro, "without": &plain} {
		expect := goldenIntro()
		if want == "without" {
			expect.Ext = nil
		}

		got, err := readIntro(frame)
		if err != nil {
			t.Fatalf("readIntro of the frame %s ext: %v", want, err)
		}

		if diff := cmp.Diff(expect, got); diff != "" {
			t.Errorf("readIntro of the frame %s ext (-want +got):\n%s", want, diff)
		}
	}

	if _, err := readIntro(&no); !errors.Is(err, segue.ErrWrongCluster) {
		t.Errorf("readIntro of a refusal = %v, want %v", err, segue.ErrWrongCluster)
	}
}

func TestReadIntroReadsNoFurther(t *testing.T) {
	var b bytes.Buffer
	if err := writeIntro(&b, goldenIntro()); err != nil {
		t.Fatal(err)
	}

	b.WriteString("the protocol")

	if _, err := readIntro(&b); err != nil {
		t.Fatal(err)
	}

	if got := b.String(); got != "the protocol" {
		t.Errorf("after the introduction %q is left, want %q", got, "the protocol")
	}
}

func TestReadIntroRefusals(t *testing.T) {
	var whole bytes.Buffer
	if err := writeIntro(&whole, goldenIntro()); err != nil {
		t.Fatal(err)
	}

	damaged := bytes.Clone(whole.Bytes())
	damaged[len(damaged)-1] ^= 1

	huge, err := wire.AppendFrame(nil, wire.Call, make([]byte, wire.MaxBulkFrame))
	if err != nil {
		t.Fatal(err)
	}

	for name, c := range map[string]struct {
		stream string
		reason Reason
	}{
		"nothing":       {"", Gone},
		"a part":        {whole.String()[:whole.Len()-1], Gone},
		"a damaged one": {string(damaged), BadIntro},
		"another frame": {string(huge), BadIntro},
		"another world": {"HTTP/1.1 400 Bad Request\r\n\r\n", BadIntro},
	} {
		if _, err := readIntro(strings.NewReader(c.stream)); err == nil || reasonOf(err) != c.reason {
			t.Errorf("readIntro of %s = %v (%s), want an error of reason %s", name, err, reasonOf(err), c.reason)
		}
	}
}

// A refusal with a code that only a later release knows is still a refusal.
func TestUnknownRefusal(t *testing.T) {
	var b bytes.Buffer
	if err := writeFrame(&b, wire.Refuse, &refusal{Code: "too_tired", Detail: "ask tomorrow"}); err != nil {
		t.Fatal(err)
	}

	_, err := readIntro(&b)
	if !errors.Is(err, segue.ErrInternal) || !strings.Contains(err.Error(), "ask tomorrow (too_tired)") {
		t.Errorf("readIntro = %v, want %v with code and detail", err, segue.ErrInternal)
	}
}

func TestAgreeOnVersions(t *testing.T) {
	node := segue.NodeID{1}
	of := func(low, high uint32) Intro { return Intro{Node: node, ProtoMin: low, ProtoMax: high} }

	for _, c := range []struct {
		own, peer Intro
		version   uint32 // 0: none in common
	}{
		{of(1, 1), of(1, 1), 1},
		{of(1, 3), of(3, 5), 3},
		{of(3, 5), of(1, 3), 3},
		{of(1, 9), of(4, 5), 5},
		{of(4, 5), of(1, 9), 5},
		{of(1, 2), of(3, 4), 0},
		{of(3, 4), of(1, 2), 0},
	} {
		err := agree(c.own, c.peer, node)
		if errors.Is(err, segue.ErrUnsupported) != (c.version == 0) {
			t.Errorf("agree(%d to %d, %d to %d) = %v, want version %d", c.own.ProtoMin, c.own.ProtoMax,
				c.peer.ProtoMin, c.peer.ProtoMax, err, c.version)
		}

		if got := min(c.own.ProtoMax, c.peer.ProtoMax); err == nil && got != c.version {
			t.Errorf("version of %d to %d and %d to %d = %d, want %d", c.own.ProtoMin, c.own.ProtoMax,
				c.peer.ProtoMin, c.peer.ProtoMax, got, c.version)
		}
	}
}

// Whatever a peer sends, an introduction is refused or can be written again.
func FuzzReadIntro(f *testing.F) {
	var b bytes.Buffer
	if err := errors.Join(writeIntro(&b, goldenIntro()), writeRefusal(&b, segue.ErrFenced)); err != nil {
		f.Fatal(err)
	}

	f.Add(b.Bytes())
	f.Add(b.Bytes()[16:])
	f.Add([]byte("\x81\xa3ext\x81\xa1a\xc4\x01b"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		// The payload alone too: the fuzzer does not find checksums.
		framed, err := wire.AppendFrame(nil, wire.Intro, stream[:min(len(stream), wire.MaxControl)])
		if err != nil {
			t.Fatal(err)
		}

		for _, s := range [][]byte{stream, framed} {
			i, err := readIntro(bytes.NewReader(s))
			if err != nil || i.validate() != nil {
				continue
			}

			var again bytes.Buffer
			if err := writeIntro(&again, i); err != nil {
				t.Fatalf("writeIntro(%+v) = %v", i, err)
			}

			back, err := readIntro(io.MultiReader(&again))
			if err != nil {
				t.Fatalf("readIntro of what was written = %v", err)
			}

			if len(i.Ext) == 0 { // left out
				i.Ext = nil
			}

			if diff := cmp.Diff(i, back); diff != "" {
				t.Errorf("written and read again (-want +got):\n%s", diff)
			}
		}
	})
}
