package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/examples/donation/ledger"
	"github.com/segue-cluster/segue/node"
)

// sample is what release 1.0.0 wrote, as this release keeps it.
func sample() *campaign {
	return &campaign{
		Title: "Clean water", Story: "A well for the village.", Currency: "USD",
		Donations: []donation{
			{ID: 1, Donor: "Ada", Cents: 500, Currency: "USD"},
			{ID: 3, Donor: "Grace", Cents: 700, Currency: "USD"},
		},
		Total:   1200,
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

	b, err := s.Save(sample(), 2)
	if err != nil {
		t.Fatal(err)
	}

	if want := golden(t, "campaign-2.msgpack", b); !bytes.Equal(b, want) {
		t.Errorf("Save(sample, 2) = %x, want %x", b, want)
	}
}

// What release 1.0.0 sent is served here, and goes back as it came.
func TestUpAndBack(t *testing.T) {
	s, sent := campaignSchema(), golden(t, "campaign-1.msgpack", nil)

	got, err := s.Load(sent, 1)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("Load(from 1) (-want +got):\n%s", diff)
	}

	back, err := s.Save(got, 1)
	if err != nil {
		t.Fatal(err)
	}

	if !bytes.Equal(back, sent) {
		t.Errorf("Save(to 1) = %x, want what came, %x", back, sent)
	}
}

// An empty campaign of release 1.0.0 has no lists at all.
func TestUpFromEmpty(t *testing.T) {
	s := campaignSchema()

	b, err := s.Save(&campaign{Currency: "USD"}, 1)
	if err != nil {
		t.Fatal(err)
	}

	got, err := s.Load(b, 1)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(&campaign{Currency: "USD"}, got); diff != "" {
		t.Errorf("Load(Save(empty, 1), 1) (-want +got):\n%s", diff)
	}
}

// What release 1.0.0 cannot say is not sent there.
func TestBackRefused(t *testing.T) {
	for name, spoil := range map[string]func(*campaign){
		"the campaign":      func(c *campaign) { c.Currency = "EUR" },
		"one donation of 2": func(c *campaign) { c.Donations[1].Currency = "EUR" },
	} {
		c := sample()
		spoil(c)

		_, err := campaignSchema().Save(c, 1)
		if err == nil || !strings.Contains(err.Error(), "it is in EUR, and release 1.0.0 knows only USD") {
			t.Errorf("%s in EUR: Save(to 1) = %v, want an error that says so", name, err)
		}
	}
}

// Everything that a node checks at its start, the messages included.
func TestKind(t *testing.T) {
	cfg := node.Config{App: "donation", Release: "1.0.1", CookieFile: "cookie", Kinds: []node.Kind{campaignKind()}}
	if err := cfg.Validate(); err != nil {
		t.Errorf("Validate() = %v, want nil", err)
	}
}
