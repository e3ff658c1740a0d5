package voters_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/segue-cluster/segue/cluster/voters"
)

// From whatever joins, crashes, restarts and wishes to leave have made of a
// cluster that always had a quorum, it comes to the wanted number of live
// voters under a leader that stays.
func TestVotersSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.SampledFrom([]int{1, 3, 5}).Draw(t, "wanted")
		w := newWorld(t, rapid.SampledFrom([]int{1, 3, 5}).Draw(t, "voting"), wanted)
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "elected") }

		for range rapid.IntRange(0, 60).Draw(t, "events") {
			w.event(t)

			for range rapid.SampledFrom([]int{1, 3, 10, 60}).Draw(t, "ticks") {
				w.step(pick)
			}
		}

		for _, p := range w.peers {
			p.slow = false
		}

		w.settle(pick)
	})
}

// event does one thing that may happen, if it may happen now.
func (w *world) event(t *rapid.T) {
	var (
		up   = w.sorted(func(p *peer) bool { return p.up })
		one  = up[rapid.IntRange(0, len(up)-1).Draw(t, "node")]
		down = w.sorted(func(p *peer) bool { return !p.up && !p.gone && p.durable })
	)

	switch rapid.SampledFrom([]string{"join", "join", "join", "crash", "restart", "restart", "ask", "ask", "slow", "fast", "swap"}).Draw(t, "event") {
	case "join":
		if len(w.peers) < 20 {
			w.join(rapid.SampledFrom([]string{"1.0.0", "1.0.1", "1.0.1", "keeper"}).Draw(t, "release"), rapid.Bool().Draw(t, "durable"))
		}
	case "crash":
		if !w.leader.IsZero() && w.free(one) {
			w.crash(one)
		}
	case "restart":
		if len(down) > 0 && !w.leader.IsZero() {
			w.start(down[0])
		}
	case "ask":
		if one.asked.IsZero() && !w.leader.IsZero() {
			w.ask(one)
		}
	case "slow":
		one.slow = !w.leader.IsZero() && one.id != w.leader && w.free(one)
	case "fast":
		one.slow = false
	case "swap": // a whole release leaves, another one is there
		if len(w.peers) < 15 && !w.leader.IsZero() {
			for range 3 {
				w.join("1.0.2", false)
			}

			for _, p := range up {
				if p.asked.IsZero() {
					w.ask(p)
				}
			}
		}
	}
}

// free reports whether the cluster goes on without p, whichever of its nodes
// leads then.
func (w *world) free(p *peer) bool {
	servers := w.peers[w.leader].config()
	n, up := w.upVoters(servers)

	for _, s := range servers {
		if o := w.peers[s.ID]; s.Voter && o.up && (o == p || o.slow || len(o.log) < len(w.peers[w.leader].log)) {
			up--
		}
	}

	return up > n/2 && w.peers[w.leader].commit >= w.peers[w.leader].configIndex()
}

// settle waits until nothing is to be done any more and checks the result.
func (w *world) settle(pick func(n int) int) {
	quiet := w.now

	for range int(2 * time.Minute / tick) {
		w.step(pick)

		switch {
		case w.unlucky:
			return
		case w.leader.IsZero() || w.last.Kind != voters.None:
			quiet = w.now
		case w.now.Sub(quiet) > 3*time.Second:
			w.checkRest()

			return
		}
	}

	if stay := w.sorted(func(p *peer) bool { return p.up && p.asked.IsZero() }); len(stay) > 0 {
		w.t.Fatalf("after two minutes without a failure: leader %v, %+v\n%v", w.leader, w.last, w.trace)
	}
}

// checkRest checks a cluster that has come to rest.
func (w *world) checkRest() {
	l := w.peers[w.leader]
	servers := l.config()
	n, up := w.upVoters(servers)
	able := len(w.sorted(func(p *peer) bool { return p.up && p.asked.IsZero() }))

	if !l.asked.IsZero() {
		w.t.Fatalf("leader %v wants to leave, and still leads", w.leader)
	}

	want := min(w.wanted, able)
	want -= 1 - want%2 // the largest odd number

	for _, s := range servers {
		p := w.peers[s.ID]

		switch m, member := w.table.Members[s.ID]; {
		case !member, p.up && !p.asked.IsZero(), m.Fenced && !m.Durable:
			w.t.Fatalf("node %v is still in %v", s.ID, servers)
		case s.Voter && m.Fenced && able > up:
			w.t.Fatalf("dead node %v votes in %v, although there are %d live members", s.ID, servers, able)
		case s.Voter && m.Fenced: // nobody is there to replace it
			want = n
		}
	}

	if n != want || up < min(want, able) || n%2 == 0 {
		w.t.Fatalf("%d of %d voters are up, %d members, want %d voters: %v\n%v", up, n, able, want, servers, w.trace)
	}

	for _, p := range w.sorted(func(p *peer) bool { return p.up }) {
		in := false
		for _, s := range servers {
			in = in || s.ID == p.id
		}

		if !in {
			w.t.Fatalf("member %v is not in %v", p.id, servers)
		}
	}
}
