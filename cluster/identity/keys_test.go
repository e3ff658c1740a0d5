package identity_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/cluster/identity"
)

// generated is the cookie whose random bytes are 0 to 31.
const generated = "sc1_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypu46o5iy"

// The values were computed by another implementation of CRC-32C, argon2id and
// HKDF. They can never change. Chosen cookies are slow to derive: no other test
// does it.
func TestDerivedKeys(t *testing.T) {
	for _, c := range []struct{ cookie, id, gossip string }{
		{generated, "599ed9e1aafe", "fcf6873b3b6ba3eba76d4274020eed6fff55e28d60ec68c1c4938d6d5f9980d1"},
		{chosen, "d48b9d197cd1", "0bfc55a4bc888f970f02e4b026e9a08735d594e01df44d01c044c51213104bdf"},
	} {
		k := mustDerive(t, mustParse(t, c.cookie), "donation_platform")

		if got := k.ID(); got != c.id {
			t.Errorf("ID() = %s, want %s", got, c.id)
		}

		if got := hex.EncodeToString(k.GossipKey()); got != c.gossip {
			t.Errorf("GossipKey() = %s, want %s", got, c.gossip)
		}
	}
}

func TestDeriveSeparates(t *testing.T) {
	one, two := mustParse(t, identity.GenerateCookie()), mustParse(t, identity.GenerateCookie())

	seen := map[string]string{}
	for what, k := range map[string]*identity.Keys{
		"cookie 1, cluster a": mustDerive(t, one, "a"),
		"cookie 1, cluster b": mustDerive(t, one, "b"),
		"cookie 2, cluster a": mustDerive(t, two, "a"),
	} {
		for kind, v := range map[string]string{"id": k.ID(), "gossip key": string(k.GossipKey())} {
			if other, ok := seen[v]; ok {
				t.Errorf("%s of %s is the same as of %s", kind, what, other)
			}

			seen[v] = what
		}
	}

	k, again := mustDerive(t, one, "a"), mustDerive(t, one, "a")
	if k.ID() != again.ID() || !bytes.Equal(k.GossipKey(), again.GossipKey()) {
		t.Error("Derive of the same cookie twice gave different keys")
	}

	k.GossipKey()[0] ^= 1
	if !bytes.Equal(k.GossipKey(), again.GossipKey()) {
		t.Error("writing to the result of GossipKey changed the keys")
	}
}

func TestDeriveRefusals(t *testing.T) {
	if _, err := identity.Derive(identity.Cookie{}, "demo"); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("Derive of no cookie = %v, want an error that says so", err)
	}

	if _, err := identity.Derive(mustParse(t, identity.GenerateCookie()), "a b"); err == nil {
		t.Error(`Derive for cluster "a b" succeeded, want an error`)
	}
}

func TestValidateCluster(t *testing.T) {
	for _, good := range []string{"a", "7", "donation_platform", "com.example.app-2", strings.Repeat("x", 63), "A_-_b"} {
		if err := identity.ValidateCluster(good); err != nil {
			t.Errorf("ValidateCluster(%q) = %v, want nil", good, err)
		}
	}

	for _, bad := range []string{"", ".", "a.", ".a", "a..b", "a.-b", "-a", "_a", "a b", "a/b", "a@b", "a:1", "ü", "a\n", strings.Repeat("x", 64)} {
		if err := identity.ValidateCluster(bad); err == nil {
			t.Errorf("ValidateCluster(%q) = nil, want an error", bad)
		}
	}
}

func mustDerive(t *testing.T, c identity.Cookie, cluster string) *identity.Keys {
	t.Helper()

	k, err := identity.Derive(c, cluster)
	if err != nil {
		t.Fatalf("Derive: %v", err)
	}

	return k
}
