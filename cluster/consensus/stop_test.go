package consensus_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// TestStopWithoutMajority ends a leader whose proposals cannot be committed.
func TestStopWithoutMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		peers := form(t, n, 3)
		leader := leaderOf(t, peers...)
		outcomes := make(chan error, 20)

		n.isolate(leader.ID())

		for range cap(outcomes) {
			go func() {
				_, _, err := leader.Propose(t.Context(), []byte("x"))
				outcomes <- err
			}()
		}

		synctest.Wait()

		start := time.Now()
		stopAll(t, leader)

		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("Run ended after %v, want at most 5 s", d)
		}

		for range cap(outcomes) {
			wantErr(t, "Propose", <-outcomes, segue.ErrOutcomeUnknown)
		}

		stopAll(t, without(peers, leader)...)
	})
}

// TestStopWithSlowFollowers ends a leader whose followers answer, but do not
// store anything.
func TestStopWithSlowFollowers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		leader := leaderOf(t, form(t, n, 1)...)
		peers := []*peer{leader}
		back := make(chan struct{})

		for range 2 {
			p := newPeer(t, n, open(t, t.TempDir())).run(t)
			must(t, leader.AddNonvoter(t.Context(), p.ID()))
			peers = append(peers, p)
		}

		wantRecords(t, propose(t, leader, 0, 1), 1, peers...)

		for _, p := range peers[1:] {
			must(t, leader.Promote(t.Context(), p.ID()))
		}

		for _, p := range peers[1:] {
			consensus.SetFault(p.store, only("appending", func() error { <-back; return nil }))
		}

		outcome := make(chan error, 1)

		go func() {
			_, _, err := leader.Propose(t.Context(), []byte("x"))
			outcome <- err
		}()

		synctest.Wait()

		start := time.Now()
		stopAll(t, leader)

		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("Run ended after %v, want at most 3 s", d)
		}

		wantErr(t, "Propose", <-outcome, segue.ErrOutcomeUnknown)
		close(back)
		stopAll(t, peers[1:]...)

		for _, p := range peers[1:] {
			must(t, p.store.Close())
		}
	})
}

// TestStopFinishesProposals ends a node between proposals: each is done,
// refused, or unknown, and what is done is in the log.
func TestStopFinishesProposals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := leaderOf(t, form(t, newNetwork(), 1)...)
		outcomes := make(chan error, 200)

		for range cap(outcomes) {
			go func() {
				_, _, err := p.Propose(t.Context(), []byte("x"))
				outcomes <- err
			}()
		}

		stopAll(t, p)

		done := 0

		for range cap(outcomes) {
			switch err := <-outcomes; {
			case err == nil:
				done++
			case !errors.Is(err, segue.ErrStopping):
				t.Errorf("Propose while stopping = %v, want nil or %v", err, segue.ErrStopping)
			}
		}

		if records, _ := p.machine.state(); len(records) != done {
			t.Errorf("%d proposals are done, the machine has %d", done, len(records))
		}
	})
}
