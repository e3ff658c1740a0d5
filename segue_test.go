package segue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/segue-cluster/segue"
)

func TestNodeIDRoundTrip(t *testing.T) {
	id := segue.NewNodeID()

	got, err := segue.ParseNodeID(id.String())
	if err != nil || got != id {
		t.Errorf("ParseNodeID(%q) = %v, %v, want the same id", id, got, err)
	}

	for _, bad := range []string{"", "-", strings.Repeat("a", 36), id.String() + "0", "zz" + id.String()[2:]} {
		if _, err := segue.ParseNodeID(bad); err == nil {
			t.Errorf("ParseNodeID(%q) succeeded, want an error", bad)
		}
	}
}

func TestTokenOrderAndText(t *testing.T) {
	tokens := []segue.Token{{}, {0, 0, 9}, {0, 1, 0}, {0, 1, 2}, {1, 0, 0}}
	for i, a := range tokens {
		for j, b := range tokens {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = +1
			}

			if got := a.Compare(b); got != want {
				t.Errorf("%v.Compare(%v) = %d, want %d", a, b, got, want)
			}
		}

		back, err := segue.ParseToken(a.String())
		if err != nil || back != a {
			t.Errorf("ParseToken(%q) = %v, %v, want %v", a, back, err, a)
		}
	}

	for _, bad := range []string{"", "1", "1.2", "1.2.3.4", "a.2.3", "1.2.-3", "1..3"} {
		if _, err := segue.ParseToken(bad); err == nil {
			t.Errorf("ParseToken(%q) succeeded, want an error", bad)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]segue.Address{
		"campaign/clean-water": {Kind: "campaign", Key: "clean-water"},
		"a/b/c":                {Kind: "a", Key: "b/c"},
		"k9_-/ü":               {Kind: "k9_-", Key: "ü"},
	} {
		got, err := segue.ParseAddress(in)
		if err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %v, %v, want %v", in, got, err, want)
		}

		if got.String() != in {
			t.Errorf("String() = %q, want %q", got.String(), in)
		}
	}

	for _, bad := range []string{
		"", "campaign", "/x", "campaign/", "Campaign/x", "9k/x", "_k/x", "k/\x00", "k/\xff",
		"k/" + strings.Repeat("x", 513), strings.Repeat("k", 64) + "/x",
	} {
		if got, err := segue.ParseAddress(bad); err == nil {
			t.Errorf("ParseAddress(%q) = %v, want an error", bad, got)
		}
	}
}

// The hash is part of every cluster's identity: these values, computed by
// another implementation of SHA-256, may never change.
func TestShardOfIsFixed(t *testing.T) {
	for _, tt := range []struct {
		addr   string
		shards uint32
		want   segue.ShardID
	}{
		{"campaign/clean-water", 256, 117},
		{"campaign/clean-water", 4096, 3701},
		{"session/1", 256, 235},
	} {
		a, err := segue.ParseAddress(tt.addr)
		if err != nil {
			t.Fatal(err)
		}

		if got := segue.ShardOf(a, tt.shards); got != tt.want {
			t.Errorf("ShardOf(%s, %d) = %d, want %d", tt.addr, tt.shards, got, tt.want)
		}
	}
}

func TestParseNodeName(t *testing.T) {
	for in, want := range map[string]segue.NodeName{
		"donation_platform_1.0.1@10.0.3.11":      {App: "donation_platform", Release: "1.0.1", Host: "10.0.3.11"},
		"a_2.0.0-rc.1+b5@[::1]:7946":             {App: "a", Release: "2.0.0-rc.1+b5", Host: "[::1]:7946"},
		"donation_platform_1.0.1@localhost:7946": {App: "donation_platform", Release: "1.0.1", Host: "localhost:7946"},
	} {
		got, err := segue.ParseNodeName(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("ParseNodeName(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}

	for _, bad := range []string{"", "x", "x@y", "_1@h", "a_@h", "a_1@", "a b_1@h", "a#_1@h", "a_1@" + strings.Repeat("h", 160)} {
		if got, err := segue.ParseNodeName(bad); err == nil {
			t.Errorf("ParseNodeName(%q) = %+v, want an error", bad, got)
		}
	}
}

func TestErrorsCrossTheWire(t *testing.T) {
	sent := fmt.Errorf("campaign/x: 128 requests wait: %w", segue.ErrMailboxFull)
	got := segue.FromCode(segue.CodeOf(sent), sent.Error())

	if !errors.Is(got, segue.ErrMailboxFull) || got.Error() != sent.Error() {
		t.Errorf("rebuilt error = %v, want one that matches ErrMailboxFull and prints %q", got, sent)
	}

	if code := segue.CodeOf(&segue.NotOwnerError{Shard: 3}); code != "not_owner" {
		t.Errorf("CodeOf(NotOwnerError) = %q, want not_owner", code)
	}

	if code := segue.CodeOf(errors.New("disk")); code != "internal" {
		t.Errorf("CodeOf(plain error) = %q, want internal", code)
	}

	if err := segue.FromCode("from_the_future", "x"); !errors.Is(err, segue.ErrInternal) {
		t.Errorf("FromCode of an unknown code = %v, want ErrInternal", err)
	}
}
