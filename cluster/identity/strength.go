package identity

import (
	"math"
	"strings"
	"unicode"
)

// maxEstimated limits the work of an estimate: further characters count as
// nothing.
const maxEstimated = 256

// Costs in bits. A literal costs the choice of one character of its class; the
// rest are what a guesser who enumerates patterns pays for one of them.
const (
	lowerBits     = 4.7 // 26 letters
	mixedCaseBits = 1   // more per letter where both cases occur
	digitBits     = 3.3
	hexBits       = 4
	symbolBits    = 4 // the usual ones come first
	againBits     = 1 // a symbol that occurred before
	otherBits     = 6 // a symbol outside ASCII

	wordFirstBits = 4   // of a word
	wordNextBits  = 1.5 // per further letter
	yearBits      = 6.6 // 1940 to 2039, roughly
	sequenceBits  = 5   // where it begins and which way it goes
	minPattern    = 3   // characters of a repetition or a sequence
)

// infamous are words that are tried first, lower case, in their order of shame.
const infamous = "monster secret password cookie segue erlang rabbitmq couchdb changeme change default admin root " +
	"letmein welcome master dragon iloveyou trustno login user guest public private token key hello world foo bar " +
	"insecure demo test example cluster node server service company please docker kubernetes production staging " +
	"development database mnesia system super magic none dummy sample temp pass word shadow sunshine princess football " +
	"baseball superman batman access"

// rows are what fingers walk along and people count along, also backwards.
const rows = "abcdefghijklmnopqrstuvwxyz 01234567890 qwertyuiop qwertzuiop azertyuiop asdfghjkl zxcvbnm yxcvbnm " +
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm !@#$%^&*()_+"

// bigrams are the commonest pairs of letters of English text: about 19 of 20
// pairs in a text, one of three in random letters.
const bigrams = "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de " +
	"hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut " +
	"ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi " +
	"pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu " +
	"ei ov by rm ep tt oc fa ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp ua up lu go ht ru ug ds lt pi rc " +
	"rr eg au ck ew mu br bi pt ak pu ui rg ib tl ny ki rk ys ob mm fu ph og ms ye ud mb ip ub oi rl gu dr wn ox"

// estimate returns about how many bits of work it takes to guess text: the
// cheapest way to put it together from characters and patterns, found by
// dynamic programming. It knows no quotations and nothing about its owner.
func estimate(text string) float64 {
	s := newScan(text)

	cheapest := make([]float64, len(s.runes)+1)
	for i := range cheapest[1:] {
		cheapest[i+1] = math.Inf(1)
	}

	for i := range s.runes {
		take := func(n int, bits float64) {
			if n > 0 {
				cheapest[i+n] = min(cheapest[i+n], cheapest[i]+bits)
			}
		}

		take(1, s.literal(i))
		take(s.word(i))
		take(s.year(i))
		take(s.sequence(i))
		take(s.repetition(i))

		for _, w := range s.words {
			if strings.HasPrefix(s.plain[i:], w) {
				take(len(w), math.Log2(float64(len(s.words))))
			}
		}
	}

	return cheapest[len(s.runes)]
}

// scan is a text with what the patterns need to know of it. All its forms have
// one element per character of the text.
type scan struct {
	runes []rune // the text
	lower string // ASCII in lower case; "\x80" for anything else
	plain string // the same with digits that stand for letters replaced

	words     []string // infamous
	mixedCase bool
	hex       bool
}

func newScan(text string) *scan {
	s := &scan{runes: []rune(text), words: strings.Fields(infamous), hex: true}
	s.runes = s.runes[:min(len(s.runes), maxEstimated)]

	lower := make([]byte, len(s.runes))
	upperSeen, lowerSeen, digitSeen := false, false, false

	for i, r := range s.runes {
		lower[i] = 0x80
		if r < 0x80 {
			lower[i] = strings.ToLower(string(r))[0]
		}

		upperSeen = upperSeen || unicode.IsUpper(r)
		lowerSeen = lowerSeen || unicode.IsLower(r)
		digitSeen = digitSeen || unicode.IsDigit(r)
		s.hex = s.hex && strings.IndexByte("0123456789abcdef-", lower[i]) >= 0
	}

	s.lower = string(lower)
	s.plain = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").
		Replace(s.lower)
	s.mixedCase = upperSeen && lowerSeen
	s.hex = s.hex && digitSeen && upperSeen != lowerSeen

	return s
}

// literal returns the cost of the character at i on its own.
func (s *scan) literal(i int) float64 {
	r := s.runes[i]

	switch {
	case s.hex && r != '-':
		return hexBits
	case r >= '0' && r <= '9':
		return digitBits
	case unicode.IsLetter(r) && s.mixedCase:
		return lowerBits + mixedCaseBits
	case unicode.IsLetter(r):
		return lowerBits
	case r == ' ' || strings.ContainsRune(string(s.runes[:i]), r):
		return againBits
	case r >= 0x80:
		return otherBits
	}

	return symbolBits
}

// word returns the length and the cost of the word that begins at i: a whole run
// of letters, divided where a capital follows a small letter, that looks like
// language. Two letters are a word only if they stand alone.
func (s *scan) word(i int) (n int, bits float64) {
	if !unicode.IsLetter(s.runes[i]) || i > 0 && unicode.IsLetter(s.runes[i-1]) && !s.hump(i) {
		return 0, 0
	}

	for n = 1; i+n < len(s.runes) && unicode.IsLetter(s.runes[i+n]) && !s.hump(i+n); n++ {
	}

	alone := (i == 0 || s.runes[i-1] == ' ') && (i+n == len(s.runes) || s.runes[i+n] == ' ')
	if n < 2 || n == 2 && !alone || n > 2 && !s.language(i, n) {
		return 0, 0
	}

	return n, wordFirstBits + wordNextBits*float64(n-1)
}

// hump reports whether a small letter is followed by a capital at i.
func (s *scan) hump(i int) bool {
	return unicode.IsUpper(s.runes[i]) && unicode.IsLower(s.runes[i-1])
}

// language reports whether three quarters of the pairs in the n letters from i are
// common ones. Of other scripts it assumes so.
func (s *scan) language(i, n int) bool {
	common := 0

	for j := i; j < i+n-1; j++ {
		if s.runes[j] >= 0x80 || s.runes[j+1] >= 0x80 || strings.Contains(bigrams, s.lower[j:j+2]) {
			common++
		}
	}

	return 4*common >= 3*(n-1)
}

// year returns the length and the cost of a year at i.
func (s *scan) year(i int) (n int, bits float64) {
	if len(s.lower) < i+4 || s.lower[i:i+2] != "19" && s.lower[i:i+2] != "20" {
		return 0, 0
	}

	for _, c := range s.lower[i+2 : i+4] {
		if c < '0' || c > '9' {
			return 0, 0
		}
	}

	return 4, yearBits
}

// sequence returns the length and the cost of the longest walk along a row that
// begins at i.
func (s *scan) sequence(i int) (n int, bits float64) {
	for row := range strings.FieldsSeq(rows) {
		for _, r := range []string{row, reverse(row)} {
			l := max(n, minPattern-1)
			for i+l < len(s.lower) && strings.Contains(r, s.lower[i:i+l+1]) {
				l++
				n = l
			}
		}
	}

	return n, sequenceBits + math.Log2(float64(max(n, 1)))
}

// repetition returns the length and the cost of the longest piece at i that
// begins somewhere before i too, overlapping included: "aaaa" is an "a" and a
// repetition.
func (s *scan) repetition(i int) (n int, bits float64) {
	for from := range i {
		l := 0
		for i+l < len(s.runes) && unicode.ToLower(s.runes[from+l]) == unicode.ToLower(s.runes[i+l]) {
			l++
		}

		n = max(n, l)
	}

	if n < minPattern {
		return 0, 0
	}

	return n, 1 + math.Log2(float64(i)) + math.Log2(float64(n))
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}

	return string(b)
}
