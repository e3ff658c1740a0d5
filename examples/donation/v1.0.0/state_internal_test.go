package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/examples/donation/ledger"
	"github.com/segue-cluster/segue/node"
)

func sample() *campaign {
	return &campaign{
		Title: "Clean water", Story: "A well for the village.",
		Donations: []donation{{ID: 1, Donor: "Ada", Cents: 500}, {ID: 3, Donor: "Grace", Cents: 700}},
		Total:     1200,
		Donated:   ledger.Ledger{Ranges: []ledger.Range{{First: 1, Last: 1}, {First: 3, Last: 3}}},
		Offers:    []offer{{ID: 2, Sponsor: "Edsger", Cents: 10_000}},
		Expired:   ledger.Ledger{Ranges: []ledger.Range{{First: 1, Last: 1}}},
	}
}

// golden returns the bytes of a state as the release that brought the schema
// version wrote them. The file is written once, with UPDATE_GOLDEN=1, and never
// again: they are what nodes of that release send.
func golden(t *testing.T, name string, written []byte) []byte {
	t.Helper()

	path := filepath.Join("..", "testdata", name)

	b, err := os.ReadFile(path)
	if os.IsNotExist(err) && os.Getenv("UPDATE_GOLDEN") != "" {
		b, err = written, os.WriteFile(path, written, 0o644)
	}

	if err != nil {
		t.Fatal(err)
	}

	return b
}

func TestStateOnTheWire(t *testing.T) {
	s := campaignSchema()

	b, err := s.Save(sample(), 1)
	if err != nil {
		t.Fatal(err)
	}

	if want := golden(t, "campaign-1.msgpack", b); !bytes.Equal(b, want) {
		t.Errorf("Save(sample, 1) = %x, want %x", b, want)
	}

	got, err := s.Load(b, 1)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("Load(Save(sample)) (-want +got):\n%s", diff)
	}
}

func TestStateRefused(t *testing.T) {
	bad := sample()
	bad.Donated.Ranges[0] = ledger.Range{First: 5, Last: 4}

	b, err := campaignSchema().Save(bad, 1)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := campaignSchema().Load(b, 1); err == nil {
		t.Error("a state that no turn can lead to is loaded, want an error")
	}
}

// Everything that a node checks at its start, the messages included.
func TestKind(t *testing.T) {
	cfg := node.Config{App: "donation", Release: "1.0.0", CookieFile: "cookie", Kinds: []node.Kind{campaignKind()}}
	if err := cfg.Validate(); err != nil {
		t.Errorf("Validate() = %v, want nil", err)
	}
}
