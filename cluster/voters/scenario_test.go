package voters_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/voters"
)

func first(int) int { return 0 }

// until steps until accept accepts the world, at most for a minute.
func (w *world) until(what string, accept func() bool) {
	w.t.Helper()

	for range 2400 {
		if accept() {
			return
		}

		w.step(first)
	}

	w.t.Fatalf("%s did not happen within a minute; last %+v\n%v", what, w.last, w.trace)
}

// calm steps until nothing is to be done.
func (w *world) calm() {
	w.t.Helper()
	w.step(first)
	w.until("rest", func() bool { return !w.leader.IsZero() && w.last.Kind == voters.None })
}

// kinds lists what was done, as kind and node.
func (w *world) kinds(from int) []string {
	var done []string
	for _, a := range w.trace[from:] {
		done = append(done, a.Kind.String()+" "+string('0'+a.Node[0]))
	}

	return done
}

// replacement is a cluster of n old nodes that all want to leave at once, beside
// n new ones that follow.
func replacement(t *testing.T, n int) (w *world, from int) {
	t.Helper()

	w = newWorld(t, n, n)
	for range n {
		w.join("1.0.1", false)
	}

	w.calm()
	from = len(w.trace)

	for id := range n {
		w.ask(w.peers[segue.NodeID{byte(id + 1)}])
	}

	return w, from
}

// Three old voters leave at once while three new nodes are there: votes go over
// one by one, and leadership last.
func TestThreeForThree(t *testing.T) {
	w, from := replacement(t, 3)

	w.until("rest", func() bool {
		if n, up := w.upVoters(w.peers[w.leader].config()); up < n || n < 3 {
			t.Fatalf("%d of %d voters, want at least 3, all up", up, n)
		}

		return len(w.trace) > from && w.last.Kind == voters.None
	})

	want := []string{
		"promote 4", "remove 2", "promote 5", "remove 1", "promote 6", "transfer 4", "remove 3",
	}
	if diff := cmp.Diff(want, w.kinds(from)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}

	w.checkRest()
}

// Whichever node crashes after whichever step of that, the cluster goes on.
func TestThreeForThreeWithACrash(t *testing.T) {
	for steps := range 8 {
		for victim := range byte(6) {
			w, from := replacement(t, 3)
			w.until("step", func() bool { return len(w.trace) == from+steps })

			p := w.peers[segue.NodeID{victim + 1}]
			if p.gone {
				continue
			}

			w.crash(p)
			w.settle(first)

			if w.unlucky || w.leader.IsZero() {
				t.Errorf("crash of node %d after %v: leader %v\n%v", victim+1, w.kinds(from)[:steps], w.leader, w.trace)
			}
		}
	}
}

func TestOneForOne(t *testing.T) {
	w, from := replacement(t, 1)
	w.settle(first)

	if diff := cmp.Diff([]string{"promote 2", "transfer 2", "remove 1"}, w.kinds(from)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Between one voter and the next, the leader survives the crash of the other by
// removing it while it still leads. Only its own crash stops the cluster.
func TestOneForOneWithACrash(t *testing.T) {
	for steps := range 4 {
		for victim := range byte(2) {
			w, from := replacement(t, 1)
			w.until("step", func() bool { return len(w.trace) == from+steps })

			p := w.peers[segue.NodeID{victim + 1}]
			if p.gone {
				continue
			}

			n, _ := w.upVoters(w.peers[w.leader].config())
			last := slices.ContainsFunc(w.peers[w.leader].config(), func(s voters.Server) bool { return s.Voter && s.ID == p.id }) && n == 1
			stops := w.leader == p.id && n == 2 || last

			w.crash(p)

			for range 400 {
				w.step(first)
			}

			if stopped := w.leader.IsZero(); stopped != stops {
				t.Errorf("crash of node %d after %v: stopped %v, want %v\n%v", victim+1, w.kinds(from)[:steps], stopped, stops, w.trace)
			}
		}
	}
}

// A voter that cannot come back is removed first and replaced then: nothing ever
// depends on the newcomer.
func TestADisklessVoterDies(t *testing.T) {
	w := newWorld(t, 3, 3)
	for _, p := range w.peers {
		p.durable = false
		w.start(p) // once more, as one that keeps no log
	}

	w.join("1.0.0", false)
	w.calm()
	from := len(w.trace)
	w.crash(w.peers[segue.NodeID{1}])
	w.until("replacement", func() bool { return len(w.trace) >= from+2 })

	if diff := cmp.Diff([]string{"remove 1", "promote 4"}, w.kinds(from)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}

	w.calm()
	w.checkRest()
}

// A voter that may come back is given up only for another one.
func TestADurableVoterDies(t *testing.T) {
	w := newWorld(t, 3, 3)
	w.calm()

	dead := w.peers[segue.NodeID{1}]
	w.crash(dead)

	for range 400 {
		w.step(first)
	}

	if len(w.trace) > 0 || !w.table.Members[dead.id].Fenced {
		t.Fatalf("after the death of a durable voter: %v, fenced %v, want it to stay", w.trace, w.table.Members[dead.id].Fenced)
	}

	w.start(dead)
	w.calm()
	w.checkRest()

	w.crash(dead)
	w.join("1.0.0", true)
	w.settle(first)

	if diff := cmp.Diff([]string{"add_nonvoter 4", "promote 4", "remove 1"}, w.kinds(0)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}

	// It comes back to find another in its place.
	w.start(dead)
	w.settle(first)

	if diff := cmp.Diff([]string{"add_nonvoter 1"}, w.kinds(3)); diff != "" {
		t.Errorf("changes after its return (-want +got):\n%s", diff)
	}
}

// Nodes come one by one: votes are given when that makes the cluster stronger.
func TestGrowth(t *testing.T) {
	w := newWorld(t, 1, 5)
	w.calm()

	for n, want := range []int{1, 3, 3, 5, 5} {
		w.join("1.0.0", true)
		w.settle(first)

		if got, _ := w.upVoters(w.peers[w.leader].config()); got != want {
			t.Errorf("%d voters among %d nodes, want %d", got, n+2, want)
		}
	}
}

// Nodes leave one by one with nobody to replace them.
func TestDecline(t *testing.T) {
	w := newWorld(t, 5, 5)
	w.calm()

	for n, want := range []int{3, 3, 1, 1} {
		w.ask(w.peers[segue.NodeID{byte(5 - n)}])
		w.settle(first)

		if got, _ := w.upVoters(w.peers[w.leader].config()); got != want {
			t.Errorf("%d voters among %d nodes, want %d", got, 4-n, want)
		}
	}
}
