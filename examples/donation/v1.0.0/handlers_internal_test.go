package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/examples/donation/ledger"
	"github.com/segue-cluster/segue/node"
)

const water = "campaign/clean-water"

// start runs a cluster of one node until the test ends.
func start(t *testing.T) *node.Node {
	t.Helper()

	cookie := filepath.Join(t.TempDir(), "cookie")
	if _, err := identity.WriteCookieFile(cookie); err != nil {
		t.Fatal(err)
	}

	n, err := node.New(node.Config{
		App: "donation", Release: "1.0.0", Bind: "127.0.0.1:0", CookieFile: cookie, Kinds: []node.Kind{campaignKind()},
	})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)

	go func() { done <- n.Run(ctx) }()

	t.Cleanup(func() {
		cancel()

		if err := <-done; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
	})

	return n
}

func TestService(t *testing.T) {
	n := start(t)

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	t.Run("donations", func(t *testing.T) { donations(ctx, t, n) })
	t.Run("an offer expires", func(t *testing.T) { offerExpires(ctx, t, n) })
}

func donations(ctx context.Context, t *testing.T, n *node.Node) {
	t.Helper()

	if _, err := node.Ask[total](ctx, n, water, "total", nil); !errors.Is(err, segue.ErrNotFound) {
		t.Errorf("the total of a campaign that does not exist: %v, want %v", err, segue.ErrNotFound)
	}

	if _, err := node.Call[struct{}](ctx, n, water, open{Title: "Clean water"}); err != nil {
		t.Fatal(err)
	}

	for id := range uint64(maxLatest + 1) {
		got, err := node.Call[receipt](ctx, n, water, donate{ID: id + 1, Donor: "Ada", Cents: 100})
		if want := (receipt{ID: id + 1, Total: 100 * (int64(id) + 1)}); err != nil || got != want {
			t.Fatalf("donation %d: %v, %v, want %v", id+1, got, err, want)
		}
	}

	for name, message := range map[string]any{
		"no id":               donate{Donor: "Ada", Cents: 1},
		"no donor":            donate{ID: 99, Cents: 1},
		"no money":            donate{ID: 99, Donor: "Ada"},
		"an offer of no time": makeOffer{ID: 99, Sponsor: "Grace", Cents: 1},
		"no such offer":       expire{Offer: 99},
	} {
		if _, err := node.Call[receipt](ctx, n, water, message); !errors.Is(err, segue.ErrHandler) {
			t.Errorf("%s: %v, want %v", name, err, segue.ErrHandler)
		}
	}

	got, err := node.Ask[total](ctx, n, water, "total", nil)
	if want := (total{Cents: 1300, Donations: maxLatest + 1}); err != nil || got != want {
		t.Errorf("total = %v, %v, want %v", got, err, want)
	}
}

// An offer ends once, and one that would end again is noted.
func offerExpires(ctx context.Context, t *testing.T, n *node.Node) {
	t.Helper()

	offer := makeOffer{ID: 1, Sponsor: "Grace", Cents: 5000, Millis: 20}
	if _, err := node.Call[struct{}](ctx, n, water, offer); err != nil {
		t.Fatal(err)
	}

	h := until(ctx, t, n, func(h history) bool { return len(h.Offers) == 0 })
	if want := (ledger.Ledger{Ranges: []ledger.Range{{First: 1, Last: 1}}}); !cmp.Equal(h.Expired, want) {
		t.Errorf("expired: %v, want %v", h.Expired, want)
	}

	if _, err := node.Call[struct{}](ctx, n, water, offer); !errors.Is(err, segue.ErrHandler) {
		t.Errorf("the same offer again: %v, want %v", err, segue.ErrHandler)
	}

	if _, err := node.Call[struct{}](ctx, n, water, expire{Offer: 1}); err != nil {
		t.Fatal(err)
	}

	h = until(ctx, t, n, func(history) bool { return true })
	if want := (ledger.Ledger{Ranges: []ledger.Range{{First: 1, Last: 1}}, Again: 1, Twice: []uint64{1}}); !cmp.Equal(h.Expired, want) {
		t.Errorf("expired: %v, want %v", h.Expired, want)
	}
}

// until asks for the history until it is as it should be.
func until(ctx context.Context, t *testing.T, n *node.Node, good func(history) bool) history {
	t.Helper()

	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()

	for {
		h, err := node.Ask[history](ctx, n, water, "history", nil)
		if err != nil {
			t.Fatal(err)
		}

		if good(h) {
			return h
		}

		<-tick.C
	}
}
