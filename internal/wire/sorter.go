package wire

import (
	"bytes"
	"slices"
)

// A sorter puts the entries of maps in the order of their encoded keys, after
// they were written in another order. Maps inside of maps are finished first.
type sorter struct {
	spans  []span // entries of the open maps, innermost last
	sorted []byte
}

// span is one entry of a map in the output: its key ends at mid.
type span struct{ start, mid, end int }

// begin opens a map. Its mark is what end needs.
func (s *sorter) begin() (mark int) { return len(s.spans) }

// add notes an entry of the innermost map, right behind the one before.
func (s *sorter) add(e span) { s.spans = append(s.spans, e) }

// end closes the innermost map: it rearranges its entries in out, and reports
// whether their keys differ.
func (s *sorter) end(out []byte, mark int) (distinct bool) {
	entries := s.spans[mark:]
	s.spans = s.spans[:mark]
	compare := func(x, y span) int { return bytes.Compare(out[x.start:x.mid], out[y.start:y.mid]) }
	ordered, distinct := true, true

	for i := 1; i < len(entries) && ordered; i++ {
		switch c := compare(entries[i-1], entries[i]); {
		case c > 0:
			ordered = false
		case c == 0:
			distinct = false
		}
	}

	if ordered {
		return distinct
	}

	base := entries[0].start
	slices.SortFunc(entries, compare)

	s.sorted = s.sorted[:0]

	for i, e := range entries {
		distinct = distinct && (i == 0 || compare(entries[i-1], e) != 0)
		s.sorted = append(s.sorted, out[e.start:e.end]...)
	}

	copy(out[base:], s.sorted)

	return distinct
}

// reset forgets the maps that an error left open.
func (s *sorter) reset() { s.spans = s.spans[:0] }

// size returns the memory that s holds, in bytes.
func (s *sorter) size() int { return cap(s.sorted) + cap(s.spans)*24 }
