package identity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// What a person may take for a secret, and what it is worth. The bounds are wide
// on purpose: the order of magnitude is the contract.
func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		text     string
		min, max float64
	}{
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 15},
		{"abababababababababababababababab", 0, 20},
		{"monstermonstermonster", 0, 25},
		{"M0nster-C00kie-S3cret!", 0, 35},
		{"secretpasswordcookie", 0, 25},
		{"qwertyuiopasdfghjkl", 0, 20},
		{"1234567890123456789", 0, 20},
		{"abcdefghijklmnopqrstuvwxyz", 0, 15},
		{"1qaz2wsx3edc4rfv5tgb", 0, 12},
		{"Donation-Platform-2024!", 0, 50},
		{"correct horse battery staple", 30, 58},
		{"correcthorsebatterystaple", 30, 58},
		{"The Quick Brown Fox", 20, 50},
		{"0000000000000000000000000001", 0, 20},
		{"жжжжжжжжжжжжжжжжжжжж", 0, 15},
		{"пароль для кластера", 10, 50},
		{"9182736455463728190", 40, 63}, // 19 digits, made by no rule that is known here

		{"correct horse battery staple mantle urchin", 60, 85},
		{"7c2d91f04be8a6537c90d1ee42b6f8a3", 105, 128},         // 128 random bits
		{"1b9e3f0c-7a52-4d86-9c13-e0f4a8d2b675", 90, 136},      // a UUID
		{"kX9vQ2mZ7tLw4RbN8sYd", 85, 120},                      // 20 of 62 characters
		{"q7x2m9k4w8z3p6v1", 60, 83},                           // 16 of 36 characters
		{"Zr8!kQ2#vX5&mW9?", 64, 105},                          // 16 of 95 characters
		{"dGhpcyBpcyBub3QgYSBzZWNyZXQgYnV0IGl0IGlz", 120, 240}, // base64
	} {
		if got := estimate(c.text); got < c.min || got > c.max {
			t.Errorf("estimate(%q) = %.1f, want %.0f to %.0f", c.text, got, c.min, c.max)
		}
	}
}

// A random text must hardly ever be taken for a cheap one.
func TestEstimateOfRandomText(t *testing.T) {
	const tries, chars = 500, "abcdefghijklmnopqrstuvwxyz234567"

	random, cheap := rand.New(rand.NewPCG(1, 2)), 0

	for range tries {
		text := make([]byte, 20)
		for i := range text {
			text[i] = chars[random.IntN(len(chars))]
		}

		if estimate(string(text)) < MinCookieBits {
			cheap++
		}
	}

	if cheap > tries/50 {
		t.Errorf("%d of %d random texts of 100 bits are estimated below %d bits", cheap, tries, MinCookieBits)
	}
}

func FuzzEstimate(f *testing.F) {
	f.Add("correct horse battery staple")
	f.Add("\xff\x00é🂡ǅ")
	f.Fuzz(func(t *testing.T, text string) {
		got := estimate(text)
		if math.IsNaN(got) || math.IsInf(got, 0) || got < 0 || got > maxEstimated*otherBits {
			t.Errorf("estimate(%q) = %v, want a finite cost", text, got)
		}

		if more := estimate(text + " " + text); more > got+20 && len(text) < maxEstimated/2 {
			t.Errorf("estimate of %q twice = %v, once = %v, want hardly more", text, more, got)
		}
	})
}
