package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a cookie.
const (
	// MaxCookieBytes is the length in bytes above which a cookie, or the file
	// that holds it, is refused.
	MaxCookieBytes = 4096

	// MinCookieChars is the length in characters below which a cookie that a
	// person chose is refused.
	MinCookieChars = 16

	// MinCookieBits is the cost of guessing, in bits, below which a cookie that
	// a person chose is refused. With a tenth of a second of computing per
	// guess, 60 bits are some billion core-years.
	//
	// The estimate errs on the low side. It counts what a guesser who knows how
	// people choose would try: words and names by their length, not by their
	// letters; infamous words ("monster", "secret", "password", "cookie", also
	// with digits for letters), years, sequences of the alphabet and of the
	// keyboard, and repetitions as next to nothing; a separator after its first
	// use as one bit. Six unrelated words pass, four do not. A quotation is worth
	// less than its estimate.
	MinCookieBits = 60
)

// A Policy says which cookies [ParseCookie] accepts.
type Policy uint8

// The policies.
const (
	// RequireStrong refuses a chosen cookie that is short or cheap to guess.
	RequireStrong Policy = iota

	// AllowWeak accepts every cookie that is not empty. It is for nodes that
	// only listen on the loopback interface; the caller checks that.
	AllowWeak
)

// ErrWeakCookie is returned for a cookie that is too cheap to guess. A caller
// cannot go on with it; "segue cookie gen" makes a good one.
var ErrWeakCookie = errors.New("the cookie is weak")

const (
	prefix      = "sc1_"
	randomBytes = 32
	redacted    = "[cookie]"
)

// A Cookie is the secret that the nodes of a cluster share. It formats as a
// placeholder under every verb. The zero Cookie is empty and derives nothing.
type Cookie struct {
	secret  string // the random bytes of a generated cookie, the text of a chosen one
	machine bool
}

// GenerateCookie returns the text of a new cookie: "sc1_" and, in lower-case
// base32 without padding, 32 random bytes followed by their checksum.
func GenerateCookie() string {
	random := make([]byte, randomBytes, randomBytes+crc32.Size)
	_, _ = rand.Read(random) // crypto/rand.Read never fails: it ends the program instead

	return prefix + encoding().EncodeToString(appendChecksum(random))
}

// ParseCookie reads the text of a cookie. A generated one is told by its prefix
// and must have a correct checksum, which catches every single mistyped
// character and every pair of swapped neighbours; upper case is accepted.
// Anything else is a cookie that a person chose: valid UTF-8, printable, not
// bordered by spaces, and as strong as policy says. Equal cookies are equal
// bytes: an accented letter can be typed in two ways that differ.
//
// The error never quotes the cookie. It matches [ErrWeakCookie] if a better
// cookie is the fix.
func ParseCookie(text string, policy Policy) (Cookie, error) {
	switch {
	case text == "":
		return Cookie{}, errors.New("the cookie is empty")
	case len(text) > MaxCookieBytes:
		return Cookie{}, fmt.Errorf("the cookie has %d bytes, at most %d are allowed", len(text), MaxCookieBytes)
	case len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix):
		return parseGenerated(text)
	}

	if err := checkText(text); err != nil {
		return Cookie{}, err
	}

	if policy != AllowWeak {
		if err := checkStrength(text); err != nil {
			return Cookie{}, err
		}
	}

	return Cookie{secret: text}, nil
}

// IsZero reports whether c is empty.
func (c Cookie) IsZero() bool { return c.secret == "" }

// String returns a placeholder.
func (Cookie) String() string { return redacted }

// Format writes a placeholder, whatever the verb.
func (Cookie) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(redacted)) //nolint:errcheck // a Formatter has nobody to tell
}

// LogValue returns a placeholder.
func (Cookie) LogValue() slog.Value { return slog.StringValue(redacted) }

func parseGenerated(text string) (Cookie, error) {
	body := strings.ToLower(text[len(prefix):])

	want := encoding().EncodedLen(randomBytes + crc32.Size)
	if len(body) != want {
		return Cookie{}, fmt.Errorf("the cookie begins with %q like a generated one but has %d characters "+
			"instead of %d: it was not copied whole", prefix, len(text), len(prefix)+want)
	}

	raw, err := encoding().DecodeString(body)
	if err != nil || encoding().EncodeToString(raw) != body { // the second: unused bits must be 0
		return Cookie{}, fmt.Errorf("the cookie begins with %q like a generated one but has a character "+
			"that generated ones do not have (they have a-z and 2-7): it was mistyped", prefix)
	}

	random := raw[:randomBytes:randomBytes]
	if string(appendChecksum(random)) != string(raw) {
		return Cookie{}, fmt.Errorf("the cookie begins with %q like a generated one but its checksum is wrong: "+
			"a character was mistyped", prefix)
	}

	return Cookie{secret: string(random), machine: true}, nil
}

func checkText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the cookie is not valid UTF-8")
	}

	for i, r := range text {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("the cookie has a character that cannot be printed at byte %d", i)
		}
	}

	if text[0] == ' ' || text[len(text)-1] == ' ' {
		return errors.New("the cookie begins or ends with a space")
	}

	return nil
}

func checkStrength(text string) error {
	chars := utf8.RuneCountInString(text)
	if chars < MinCookieChars {
		return fmt.Errorf("%w: it has %d characters, at least %d are needed; make a good one with \"segue cookie gen\"",
			ErrWeakCookie, chars, MinCookieChars)
	}

	if bits := estimate(text); bits < MinCookieBits {
		return fmt.Errorf("%w: it can be guessed with the work of about %.0f bits, at least %d are needed; "+
			"make a good one with \"segue cookie gen\"", ErrWeakCookie, bits, MinCookieBits)
	}

	return nil
}

// appendChecksum appends the CRC-32C of random, low byte first: in that order
// the code catches every burst of errors of up to 32 bits.
func appendChecksum(random []byte) []byte {
	return binary.LittleEndian.AppendUint32(random, crc32.Checksum(random, crc32.MakeTable(crc32.Castagnoli)))
}

func encoding() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}
