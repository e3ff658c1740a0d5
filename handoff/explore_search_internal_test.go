package handoff

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// result is what a search found.
type result struct {
	states    int
	complete  bool
	violation string
	trace     []string
	elapsed   time.Duration
}

func (r result) String() string {
	end := "complete"
	if !r.complete {
		end = "bound reached"
	}

	if r.violation != "" {
		end = "violation: " + r.violation
	}

	return fmt.Sprintf("%d states, %s, %v", r.states, end, r.elapsed.Round(time.Millisecond))
}

// bounds end a search that is not complete.
type bounds struct {
	states int
	time   time.Duration
}

// search visits every state that can be reached, breadth first, so that a
// trace is as short as it can be. States are kept as 128-bit hashes; only the
// frontier holds worlds.
type search struct {
	h      hasher
	buf    [2][]byte
	seen   map[key]uint32
	parent []uint32
	good   []bool
	edges  [][2]uint32 // steps that are neither fault nor repair
	start  *world
}

func explore(p *plan, b bounds) result {
	began := time.Now()
	s := &search{h: newHasher(), seen: map[key]uint32{}, start: newWorld(p)}
	frontier := []*world{s.start}
	ids := []uint32{s.add(s.start, 0)}
	res := result{}

	for len(frontier) > 0 && res.violation == "" {
		if len(s.parent) > b.states || time.Since(began) > b.time {
			res.states, res.elapsed = len(s.parent), time.Since(began)

			return res
		}

		var (
			next    []*world
			nextIDs []uint32
		)

		for i, w := range frontier {
			frontier[i] = nil

			for _, a := range w.actions() {
				v, happened := step(w, a)
				if !happened {
					continue
				}

				if v.violation != "" {
					res.violation = v.violation
					res.trace = append(s.trace(ids[i]), a.name())

					break
				}

				known := len(s.parent)
				id := s.add(v, ids[i])

				if !a.fault && id != ids[i] {
					s.edges = append(s.edges, [2]uint32{id, ids[i]})
				}

				if int(id) == known {
					next, nextIDs = append(next, v), append(nextIDs, id)
				}
			}

			if res.violation != "" {
				break
			}
		}

		frontier, ids = next, nextIDs
	}

	if res.violation == "" {
		if stuck, n := s.stuck(); n > 0 {
			res.violation = fmt.Sprintf("I10: %d states have no way on without a repair", n)
			res.trace = s.trace(stuck)
		}
	}

	res.states, res.complete, res.elapsed = len(s.parent), res.violation == "", time.Since(began)

	return res
}

func step(w *world, a action) (v *world, happened bool) {
	v = w.clone()

	defer func() {
		if r := recover(); r != nil {
			v.fail("%v", r)
			happened = true
		}
	}()

	if !a.do(v) {
		return nil, false
	}

	v.check()

	return v, true
}

func (s *search) add(w *world, from uint32) uint32 {
	k := s.h.key(w, &s.buf)
	if id, ok := s.seen[k]; ok {
		return id
	}

	id := uint32(len(s.parent))
	s.seen[k] = id
	s.parent = append(s.parent, from)
	s.good = append(s.good, w.good())

	return id
}

// good: everything is answered or reported as lost.
func (w *world) good() bool {
	if w.gone {
		return true
	}

	for p := range w.plan.processes {
		for c := range 2 {
			if !w.lost[p] && w.next[p][c] <= w.plan.requests[c] {
				return false
			}
		}
	}

	return true
}

// stuck is I10: it goes backwards from the good states.
func (s *search) stuck() (first uint32, n int) {
	slices.SortFunc(s.edges, func(a, b [2]uint32) int { return int(a[0]) - int(b[0]) })

	var queue []uint32
	ok := slices.Clone(s.good)

	for i, g := range ok {
		if g {
			queue = append(queue, uint32(i))
		}
	}

	for len(queue) > 0 {
		to := queue[0]
		queue = queue[1:]
		i, _ := slices.BinarySearchFunc(s.edges, to, func(e [2]uint32, id uint32) int { return int(e[0]) - int(id) })

		for ; i < len(s.edges) && s.edges[i][0] == to; i++ {
			if from := s.edges[i][1]; !ok[from] {
				ok[from] = true
				queue = append(queue, from)
			}
		}
	}

	for i, way := range ok {
		if !way {
			if n == 0 {
				first = uint32(i)
			}

			n++
		}
	}

	return first, n
}

// trace finds the names of the steps to a state, by doing them again.
func (s *search) trace(to uint32) []string {
	var path []uint32
	for id := to; id != 0; id = s.parent[id] {
		path = append(path, id)
	}

	slices.Reverse(path)

	var names []string
	w := s.start

	for _, id := range path {
		for _, a := range w.actions() {
			v, happened := step(w, a)
			if !happened || v.violation != "" {
				continue
			}

			if got, ok := s.seen[s.h.key(v, &s.buf)]; ok && got == id {
				names = append(names, a.name())
				w = v

				break
			}
		}
	}

	return names
}

func (r result) story() string { return "\n  " + strings.Join(r.trace, "\n  ") }
