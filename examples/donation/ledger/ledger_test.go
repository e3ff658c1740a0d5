package ledger_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/examples/donation/ledger"
)

func TestAdd(t *testing.T) {
	tests := []struct {
		name string
		add  []uint64
		want ledger.Ledger
	}{
		{name: "nothing"},
		{name: "in order", add: []uint64{1, 2, 3}, want: ledger.Ledger{Ranges: []ledger.Range{{1, 3}}}},
		{name: "backwards", add: []uint64{3, 2, 1}, want: ledger.Ledger{Ranges: []ledger.Range{{1, 3}}}},
		{name: "a gap", add: []uint64{1, 4}, want: ledger.Ledger{Ranges: []ledger.Range{{1, 1}, {4, 4}}}},
		{name: "a gap filled", add: []uint64{1, 3, 2}, want: ledger.Ledger{Ranges: []ledger.Range{{1, 3}}}},
		{
			name: "twice", add: []uint64{1, 2, 3, 2},
			want: ledger.Ledger{Ranges: []ledger.Range{{1, 3}}, Again: 1, Twice: []uint64{2}},
		},
		{
			name: "the ends", add: []uint64{0, math.MaxUint64, 0},
			want: ledger.Ledger{Ranges: []ledger.Range{{0, 0}, {math.MaxUint64, math.MaxUint64}}, Again: 1, Twice: []uint64{0}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l ledger.Ledger

			for _, n := range test.add {
				if err := l.Add(n); err != nil {
					t.Fatalf("Add(%d) = %v, want nil", n, err)
				}
			}

			if diff := cmp.Diff(test.want, l); diff != "" {
				t.Errorf("after %v (-want +got):\n%s", test.add, diff)
			}

			if err := l.Validate(); err != nil {
				t.Errorf("Validate() = %v, want nil", err)
			}
		})
	}
}

func TestAddAtItsLimits(t *testing.T) {
	var l ledger.Ledger

	for i := range uint64(ledger.MaxRanges) {
		if err := l.Add(2 * i); err != nil {
			t.Fatalf("Add(%d) = %v, want nil", 2*i, err)
		}
	}

	if err := l.Add(1 << 20); err == nil {
		t.Error("Add of a number that opens one range too many = nil, want an error")
	}

	if l.Has(1 << 20) {
		t.Error("a refused number is there")
	}

	if err := l.Add(1); err != nil {
		t.Errorf("Add(1), which joins two ranges, = %v, want nil", err)
	}

	for i := range uint64(ledger.MaxTwice + 1) {
		if err := l.Add(2 * i); err != nil {
			t.Fatalf("Add(%d) once more = %v, want nil", 2*i, err)
		}
	}

	if l.Again != ledger.MaxTwice+1 || len(l.Twice) != ledger.MaxTwice || l.Twice[0] != 2 {
		t.Errorf("Again, Twice = %d, %v, want %d and the latest %d numbers", l.Again, l.Twice, ledger.MaxTwice+1, ledger.MaxTwice)
	}

	if err := l.Validate(); err != nil {
		t.Errorf("Validate() = %v, want nil", err)
	}
}

// A ledger holds what a set holds.
func TestAddLikeASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))

	for range 200 {
		var (
			l     ledger.Ledger
			set   = map[uint64]bool{}
			again uint64
		)

		for range 200 {
			n := random.Uint64N(100)
			if err := l.Add(n); err != nil {
				t.Fatal(err)
			}

			if set[n] {
				again++
			}

			set[n] = true
		}

		for n := range uint64(100) {
			if l.Has(n) != set[n] {
				t.Fatalf("Has(%d) = %v, want %v in %v", n, l.Has(n), set[n], l.Ranges)
			}
		}

		if l.Len() != uint64(len(set)) || l.Again != again {
			t.Fatalf("Len, Again = %d, %d, want %d, %d", l.Len(), l.Again, len(set), again)
		}

		if err := l.Validate(); err != nil {
			t.Fatalf("Validate() = %v, want nil", err)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, l := range map[string]ledger.Ledger{
		"a range backwards": {Ranges: []ledger.Range{{2, 1}}},
		"out of order":      {Ranges: []ledger.Range{{5, 6}, {1, 2}}},
		"overlapping":       {Ranges: []ledger.Range{{1, 3}, {3, 5}}},
		"no gap":            {Ranges: []ledger.Range{{1, 3}, {4, 5}}},
		"zero second":       {Ranges: []ledger.Range{{1, 3}, {0, 5}}},
		"twice uncounted":   {Twice: []uint64{1}},
	} {
		if err := l.Validate(); err == nil {
			t.Errorf("%s: Validate() = nil, want an error", name)
		}
	}
}
