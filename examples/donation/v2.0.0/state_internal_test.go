package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/examples/donation/ledger"
	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/node"
)

// sample is what releases 1.0.0 and 1.0.1 wrote, as this release keeps it.
func sample() *campaign {
	return &campaign{
		Title: "Clean water", Story: "A well for the village.", Currency: "USD",
		Donations: []donation{
			{ID: 1, Donor: "Ada", Cents: 500, Currency: "USD"},
			{ID: 3, Donor: "Grace", Cents: 700, Currency: "USD"},
		},
		Totals:  map[string]int64{"USD": 1200},
		Donated: ledger.Ledger{Ranges: []ledger.Range{{First: 1, Last: 1}, {First: 3, Last: 3}}},
		Offers:  []offer{{ID: 2, Sponsor: "Edsger", Cents: 10_000}},
		Expired: ledger.Ledger{Ranges: []ledger.Range{{First: 1, Last: 1}}},
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

	b, err := s.Save(sample(), 3)
	if err != nil {
		t.Fatal(err)
	}

	if want := golden(t, "campaign-3.msgpack", b); !bytes.Equal(b, want) {
		t.Errorf("Save(sample, 3) = %x, want %x", b, want)
	}
}

// What older releases sent is served here, and goes back as it came.
func TestUpAndBack(t *testing.T) {
	s := campaignSchema()

	for version, name := range map[schema.Version]string{1: "campaign-1.msgpack", 2: "campaign-2.msgpack"} {
		sent := golden(t, name, nil)

		got, err := s.Load(sent, version)
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(sample(), got); diff != "" {
			t.Errorf("Load(from %d) (-want +got):\n%s", version, diff)
		}

		back, err := s.Save(got, version)
		if err != nil {
			t.Fatal(err)
		}

		if !bytes.Equal(back, sent) {
			t.Errorf("Save(to %d) = %x, want what came, %x", version, back, sent)
		}
	}
}

// What an older release cannot say is not sent there.
func TestBackRefused(t *testing.T) {
	c := sample()
	c.Totals["EUR"] = 300

	for _, version := range []schema.Version{1, 2} {

		_, err := campaignSchema().Save(c, version)
		if err == nil || !strings.Contains(err.Error(), "it has donations in EUR beside USD") {
			t.Errorf("two currencies: Save(to %d) = %v, want an error that says so", version, err)
		}
	}
}

// Everything that a node checks at its start, the messages included.
func TestKind(t *testing.T) {
	cfg := node.Config{App: "donation", Release: "2.0.0", CookieFile: "cookie", Kinds: []node.Kind{campaignKind()}}
	if err := cfg.Validate(); err != nil {
		t.Errorf("Validate() = %v, want nil", err)
	}
}
