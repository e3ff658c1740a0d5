package identity_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/cluster/identity"
)

const chosen = "violet rhubarb tennis cabinet orbit lemon 58"

func TestGeneratedCookie(t *testing.T) {
	text := identity.GenerateCookie()
	if !strings.HasPrefix(text, "sc1_") || len(text) != 62 || text != strings.ToLower(text) {
		t.Errorf("GenerateCookie() has %d characters and begins with %q, want 62 lower-case ones beginning with sc1_",
			len(text), text[:4])
	}

	if other := identity.GenerateCookie(); other == text {
		t.Error("GenerateCookie() returned the same cookie twice")
	}

	c := mustParse(t, text)
	if upper := mustParse(t, strings.ToUpper(text)); upper != c {
		t.Error("ParseCookie of the upper-case form is another cookie")
	}
}

// Every single wrong character and every swap of neighbours must be caught.
func TestGeneratedCookieTypos(t *testing.T) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

	text := identity.GenerateCookie()
	check := func(bad, what string) {
		t.Helper()

		if bad == text {
			return
		}

		_, err := identity.ParseCookie(bad, identity.AllowWeak)
		if err == nil {
			t.Errorf("ParseCookie with %s succeeded, want an error", what)
		} else if !strings.Contains(err.Error(), "mistyped") || strings.Contains(err.Error(), bad[4:]) {
			t.Errorf("ParseCookie with %s = %v, want an error about a typo that does not quote the cookie", what, err)
		}
	}

	for i := 4; i < len(text); i++ {
		for _, c := range alphabet {
			check(text[:i]+string(c)+text[i+1:], fmt.Sprintf("character %d replaced", i))
		}

		if i+1 < len(text) {
			check(text[:i]+text[i+1:i+2]+text[i:i+1]+text[i+2:], fmt.Sprintf("characters %d and %d swapped", i, i+1))
		}
	}

	check(text[:30]+"1"+text[31:], "a character outside of the alphabet")
}

func TestParseCookieRefusals(t *testing.T) {
	generated := identity.GenerateCookie()

	for _, c := range []struct {
		what, text, want string
		weak             bool
	}{
		{what: "nothing", text: "", want: "empty"},
		{what: "a part of a generated one", text: generated[:40], want: "not copied whole"},
		{what: "a generated one and more", text: generated + "a", want: "not copied whole"},
		{what: "too long", text: strings.Repeat("ab1 ", 1025), want: "at most 4096"},
		{what: "not UTF-8", text: chosen + "\xff", want: "UTF-8"},
		{what: "two lines", text: chosen + "\n" + chosen, want: fmt.Sprintf("at byte %d", len(chosen))},
		{what: "a byte order mark", text: "\ufeff" + chosen, want: "at byte 0"},
		{what: "a space behind", text: chosen + " ", want: "space"},
		{what: "15 characters", text: "kX9vQ2mZ7tLw4Rb", want: "15 characters, at least 16", weak: true},
		{what: "15 characters in 30 bytes", text: strings.Repeat("é", 15), want: "15 characters", weak: true},
		{what: "infamous words", text: "monster-secret-cookie", want: "segue cookie gen", weak: true},
	} {
		_, err := identity.ParseCookie(c.text, identity.RequireStrong)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseCookie of %s = %v, want an error with %q", c.what, err, c.want)
		}

		if errors.Is(err, identity.ErrWeakCookie) != c.weak {
			t.Errorf("ParseCookie of %s = %v, want it to be ErrWeakCookie: %t", c.what, err, c.weak)
		}

		if _, err := identity.ParseCookie(c.text, identity.AllowWeak); (err == nil) != c.weak {
			t.Errorf("ParseCookie of %s with AllowWeak = %v, want success: %t", c.what, err, c.weak)
		}
	}
}

// Whatever prints a cookie or its keys prints no secret.
func TestSecretsDoNotPrint(t *testing.T) {
	c := mustParse(t, chosen)
	k := mustDerive(t, mustParse(t, identity.GenerateCookie()), "demo")

	i, err := k.NewIdentity(nodeA)
	if err != nil {
		t.Fatal(err)
	}

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t"} {
		for want, v := range map[string]any{"[cookie]": c, "keys " + k.ID(): k, "identity of node " + nodeA.String(): i} {
			if got := fmt.Sprintf(verb, v); got != want {
				t.Errorf("Sprintf(%q) = %q, want %q", verb, got, want)
			}
		}
	}

	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "cookie", c, "keys", k, "identity", i)

	want := fmt.Sprintf(`"cookie":"[cookie]","keys":"%s","identity":"%s"}`, k.ID(), nodeA)
	if got := strings.TrimSpace(log.String()); !strings.HasSuffix(got, want) {
		t.Errorf("logged %s, want it to end with %s", got, want)
	}
}

func mustParse(t *testing.T, text string) identity.Cookie {
	t.Helper()

	c, err := identity.ParseCookie(text, identity.RequireStrong)
	if err != nil {
		t.Fatalf("ParseCookie: %v", err)
	}

	return c
}
