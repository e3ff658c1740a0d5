// Package histogram counts durations in buckets of constant relative width, so
// that distributions can be merged and sent in a few bytes.
//
// A bucket spans a factor of 2^(1/16), so a quantile is at most 4.5 % above
// the true value; the range is 1 microsecond to 68 seconds, durations outside
// are counted in the first or last bucket. The layout is part of the wire
// format of rollout ledgers and never changes.
//
// The idea of logarithmic buckets follows "DDSketch: a fast and
// fully-mergeable quantile sketch with relative-error guarantees" (VLDB 2019).
package histogram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	perOctave = 16
	octaves   = 26 // 2^26 us = 67 s
	buckets   = perOctave*octaves + 1
	unit      = time.Microsecond
)

// A Histogram is a distribution of durations. The zero value is empty and ready
// to use. It is not safe for concurrent use.
type Histogram struct {
	counts []uint64 // by bucket, nil while empty
	total  uint64
	max    time.Duration
}

// Add counts d.
func (h *Histogram) Add(d time.Duration) {
	if h.counts == nil {
		h.counts = make([]uint64, buckets)
	}

	h.counts[bucketOf(d)]++
	h.total++
	h.max = max(h.max, d)
}

// Merge adds the counts of o.
func (h *Histogram) Merge(o Histogram) {
	if o.total == 0 {
		return
	}

	if h.counts == nil {
		h.counts = make([]uint64, buckets)
	}

	for i, c := range o.counts {
		h.counts[i] += c
	}

	h.total += o.total
	h.max = max(h.max, o.max)
}

// Reset empties h.
func (h *Histogram) Reset() { *h = Histogram{} }

// Count returns the number of durations counted.
func (h *Histogram) Count() uint64 { return h.total }

// Max returns the largest duration counted, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns an upper bound of the q-quantile, 0 <= q <= 1, that is at
// most 4.5 % too large. It returns 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}

	rank := uint64(math.Ceil(q * float64(h.total)))
	rank = min(max(rank, 1), h.total)

	var seen uint64
	for i, c := range h.counts {
		seen += c
		if seen >= rank {
			return min(upperBound(i), h.max)
		}
	}

	return h.max
}

// Clone returns a copy that shares nothing with h.
func (h *Histogram) Clone() Histogram {
	c := *h
	c.counts = append([]uint64(nil), h.counts...)

	return c
}

// AppendBinary appends the sparse form of h: the maximum in nanoseconds, then
// pairs of bucket distance and count, all as unsigned varints.
func (h *Histogram) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(max(h.max, 0)))

	last := 0
	for i, c := range h.counts {
		if c > 0 {
			b = binary.AppendUvarint(b, uint64(i-last)) //nolint:gosec // i grows
			b = binary.AppendUvarint(b, c)
			last = i
		}
	}

	return b, nil
}

var errFormat = errors.New("histogram: malformed")

// UnmarshalBinary replaces h by what [Histogram.AppendBinary] wrote. It refuses
// unknown buckets, repeated buckets and overflowing counts.
func (h *Histogram) UnmarshalBinary(b []byte) error {
	var n Histogram

	top, w := binary.Uvarint(b)
	if w <= 0 || top > math.MaxInt64 {
		return errFormat
	}

	n.max = time.Duration(top)
	b = b[w:]

	for at := uint64(0); len(b) > 0; {
		step, w1 := binary.Uvarint(b)
		if w1 <= 0 {
			return errFormat
		}

		count, w2 := binary.Uvarint(b[w1:])
		if w2 <= 0 || count == 0 {
			return errFormat
		}

		b = b[w1+w2:]

		if step >= buckets || n.counts != nil && step == 0 || n.total+count < n.total {
			return errFormat
		}

		at += step
		if at >= buckets {
			return fmt.Errorf("%w: bucket %d", errFormat, at)
		}

		if n.counts == nil {
			n.counts = make([]uint64, buckets)
		}

		n.counts[at] = count
		n.total += count
	}

	*h = n

	return nil
}

// bucketOf returns the first bucket whose upper bound is not below d.
func bucketOf(d time.Duration) int {
	if d <= unit {
		return 0
	}

	i := int(math.Ceil(math.Log2(float64(d)/float64(unit)) * perOctave))

	return min(max(i, 0), buckets-1)
}

func upperBound(i int) time.Duration {
	return time.Duration(math.Exp2(float64(i)/perOctave) * float64(unit))
}
