package identity

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/segue-cluster/segue"
)

// Every node makes the certificate of the authority for itself, and all of them
// must arrive at the same bytes, whatever their release or toolchain.
func TestAuthorityIsDeterministic(t *testing.T) {
	const (
		cookie    = "sc1_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypu46o5iy"
		publicHex = "3b505fd915de2e50aa1d1a16759efa5f540c222364a3b2f73842393a163b817f" // computed elsewhere
	)

	c, err := ParseCookie(cookie, RequireStrong)
	if err != nil {
		t.Fatal(err)
	}

	k, err := Derive(c, "donation_platform")
	if err != nil {
		t.Fatal(err)
	}

	if got := hex.EncodeToString(k.ca.PublicKey.(ed25519.PublicKey)); got != publicHex {
		t.Errorf("public key of the authority = %s, want %s", got, publicHex)
	}

	golden, err := os.ReadFile("testdata/ca.hex")
	if err != nil {
		t.Fatal(err)
	}

	if got, want := hex.EncodeToString(k.ca.Raw), strings.TrimSpace(string(golden)); got != want {
		t.Errorf("certificate of the authority =\n%s, want\n%s", got, want)
	}
}

func TestNameOf(t *testing.T) {
	const id = "7b1d7f0e-3c1f-4c53-8f43-8b2a6a2f1d90"

	uri := func(texts ...string) *x509.Certificate {
		cert := &x509.Certificate{}

		for _, text := range texts {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}

			cert.URIs = append(cert.URIs, u)
		}

		return cert
	}

	n, err := nameOf(uri("segue://donation_platform/node/" + id))
	if err != nil || n.cluster != "donation_platform" || n.node.String() != id {
		t.Errorf("nameOf = %v, %v, want node %s of donation_platform", n, err, id)
	}

	two := uri("segue://a/node/"+id, "segue://b/node/"+id)
	withHost := uri("segue://a/node/" + id)
	withHost.DNSNames = []string{"example.com"}

	withAddr := uri("segue://a/node/" + id)
	withAddr.IPAddresses = []net.IP{net.IPv6loopback}

	for what, cert := range map[string]*x509.Certificate{
		"none":           uri(),
		"two":            two,
		"a host too":     withHost,
		"an address too": withAddr,
		"another scheme": uri("spiffe://a/node/" + id),
		"another path":   uri("segue://a/user/" + id),
		"no cluster":     uri("segue:///node/" + id),
		"bad cluster":    uri("segue://-a/node/" + id),
		"port":           uri("segue://a:1/node/" + id),
		"user":           uri("segue://u@a/node/" + id),
		"query":          uri("segue://a/node/" + id + "?x"),
		"fragment":       uri("segue://a/node/" + id + "#x"),
		"escaped":        uri("segue://a/%6eode/" + id),
		"opaque":         uri("segue:a/node/" + id),
		"upper case":     uri("segue://a/node/" + strings.ToUpper(id)),
		"zero id":        uri("segue://a/node/00000000-0000-0000-0000-000000000000"),
		"bad id":         uri("segue://a/node/x"),
	} {
		if n, err := nameOf(cert); err == nil {
			t.Errorf("nameOf of a certificate with %s = %v, want an error", what, n)
		}
	}
}

// A certificate of the right authority is not enough if its holder is none that
// a node makes.
func TestForeignLeafOfOwnAuthority(t *testing.T) {
	c, err := ParseCookie(GenerateCookie(), RequireStrong)
	if err != nil {
		t.Fatal(err)
	}

	k, err := Derive(c, "demo")
	if err != nil {
		t.Fatal(err)
	}

	i, err := k.NewIdentity(segue.NewNodeID())
	if err != nil {
		t.Fatal(err)
	}

	if _, err := i.check(i.cert.Leaf); err != nil {
		t.Errorf("check of the own certificate = %v, want nil", err)
	}

	if _, err := i.check(k.ca); err == nil {
		t.Error("check of the authority's own certificate succeeded, want an error")
	}
}
