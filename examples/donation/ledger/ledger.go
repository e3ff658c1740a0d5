// Package ledger remembers which numbers were taken, and whether one was taken
// twice.
//
// A [Ledger] is part of the state of a campaign in every release, so its shape
// on the wire must stay as it is. A release that needs another shape defines
// another type and a step that leads there.
//
// Guarantee: after any calls of Add that returned no error, Ranges hold exactly
// the numbers that were given, and Again counts how often one came once more.
//
// Not promised: to hold numbers that are scattered. Whoever gives them out
// counts up.
package ledger

import (
	"errors"
	"fmt"
	"slices"
)

// Limits of a [Ledger].
const (
	MaxRanges = 64 // gaps between the numbers, plus one
	MaxTwice  = 16 // numbers that are named in Twice
)

// A Ledger is a set of numbers, in little space if they were counted up. The
// zero Ledger is empty. It is not safe for concurrent use.
type Ledger struct {
	// Ranges of numbers, rising, with a gap between any two.
	Ranges []Range `json:"ranges"`
	// Again counts how often a number came that was there already.
	Again uint64 `json:"again"`
	// Twice are such numbers, the latest at the end.
	Twice []uint64 `json:"twice"`
}

// A Range holds the numbers from First to Last.
type Range struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Add notes the number n. It returns an error, and changes nothing, if the
// numbers are too scattered.
func (l *Ledger) Add(n uint64) error {
	i, found := l.find(n)
	if found {
		l.Again++
		if l.Twice = append(l.Twice, n); len(l.Twice) > MaxTwice {
			l.Twice = slices.Delete(l.Twice, 0, 1)
		}

		return nil
	}

	// Range i is the first one above n.
	follows := i > 0 && l.Ranges[i-1].Last+1 == n
	precedes := i < len(l.Ranges) && l.Ranges[i].First == n+1

	switch {
	case follows && precedes:
		l.Ranges[i-1].Last = l.Ranges[i].Last
		l.Ranges = slices.Delete(l.Ranges, i, i+1)
	case follows:
		l.Ranges[i-1].Last = n
	case precedes:
		l.Ranges[i].First = n
	case len(l.Ranges) >= MaxRanges:
		return fmt.Errorf("number %d opens range %d, at most %d are kept: count up without gaps", n, MaxRanges+1, MaxRanges)
	default:
		l.Ranges = slices.Insert(l.Ranges, i, Range{n, n})
	}

	return nil
}

// Has reports whether the number n was added.
func (l *Ledger) Has(n uint64) bool {
	_, found := l.find(n)

	return found
}

// Len returns how many different numbers were added.
func (l *Ledger) Len() uint64 {
	var sum uint64
	for _, r := range l.Ranges {
		sum += r.Last - r.First + 1
	}

	return sum
}

// Validate reports the first thing that no calls of [Ledger.Add] can lead to.
func (l *Ledger) Validate() error {
	for i, r := range l.Ranges {
		if r.First > r.Last {
			return fmt.Errorf("range %d ends before it begins", i)
		}

		if i > 0 && (r.First == 0 || l.Ranges[i-1].Last >= r.First-1) {
			return fmt.Errorf("range %d is not above the one before", i)
		}
	}

	if len(l.Ranges) > MaxRanges || len(l.Twice) > MaxTwice || uint64(len(l.Twice)) > l.Again {
		return errors.New("more entries than there can be")
	}

	return nil
}

// find returns the range that holds n, or else the place of the first one above.
func (l *Ledger) find(n uint64) (int, bool) {
	return slices.BinarySearchFunc(l.Ranges, n, func(r Range, n uint64) int {
		switch {
		case r.Last < n:
			return -1
		case r.First > n:
			return +1
		}

		return 0
	})
}
