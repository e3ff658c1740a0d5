package histogram_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/segue-cluster/segue/internal/histogram"
)

func TestQuantilesAreWithinTheStatedError(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))

	var (
		h    histogram.Histogram
		all  []time.Duration
		half [2]histogram.Histogram
	)

	for i := range 20_000 {
		d := time.Duration(rng.ExpFloat64() * float64(3*time.Millisecond))
		h.Add(d)
		half[i%2].Add(d)
		all = append(all, d)
	}

	slices.Sort(all)

	half[0].Merge(half[1])

	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]

		got := h.Quantile(q)
		if lo, hi := want-want/20-time.Microsecond, want+want/15+time.Microsecond; got < lo || got > hi {
			t.Errorf("Quantile(%v) = %v, want within 5 %% of %v", q, got, want)
		}

		if m := half[0].Quantile(q); m != got {
			t.Errorf("Quantile(%v) of the merged halves = %v, want %v", q, m, got)
		}
	}

	if h.Max() != all[len(all)-1] || h.Count() != uint64(len(all)) {
		t.Errorf("Max, Count = %v, %d, want %v, %d", h.Max(), h.Count(), all[len(all)-1], len(all))
	}
}

func TestBinaryRoundTrip(t *testing.T) {
	var h, empty histogram.Histogram
	for _, d := range []time.Duration{-1, 0, 1, time.Microsecond, 90 * time.Microsecond, time.Second, time.Hour} {
		h.Add(d)
	}

	for _, in := range []*histogram.Histogram{&h, &empty} {
		b, err := in.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}

		var out histogram.Histogram
		if err := out.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}

		for _, q := range []float64{0, 0.3, 0.5, 0.9, 1} {
			if out.Quantile(q) != in.Quantile(q) {
				t.Errorf("Quantile(%v) after a round trip = %v, want %v", q, out.Quantile(q), in.Quantile(q))
			}
		}

		if out.Count() != in.Count() || out.Max() != in.Max() {
			t.Errorf("Count, Max after a round trip = %d, %v, want %d, %v", out.Count(), out.Max(), in.Count(), in.Max())
		}
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	var h histogram.Histogram
	for i := range 50 {
		h.Add(time.Duration(i*i) * time.Microsecond)
	}

	b, err := h.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}

	f.Add(b)
	f.Add([]byte{})
	f.Add([]byte{0, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		var h histogram.Histogram
		if h.UnmarshalBinary(in) != nil {
			return
		}

		out, err := h.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}

		var again histogram.Histogram
		if err := again.UnmarshalBinary(out); err != nil || again.Count() != h.Count() {
			t.Errorf("second round trip: %v, count %d, want %d", err, again.Count(), h.Count())
		}
	})
}
