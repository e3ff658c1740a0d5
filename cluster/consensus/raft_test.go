package consensus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// TestLife takes a cluster of three through an election, a partition and a
// transfer, and replaces all its nodes by three others.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		old := form(t, n, 3)
		leader := leaderOf(t, old...)
		index := propose(t, leader, 0, 200)
		wantRecords(t, index, 200, old...)
		wantServers(t, leader, ids(old...), nil)

		if id, ok := leader.Leader(); id != leader.ID() || !ok || !leader.IsLeader() || leader.Term() == 0 {
			t.Errorf("leader believes in %s, %v, term %d", id, ok, leader.Term())
		}

		// A leader that is cut off cannot commit, and another one is elected.
		n.isolate(leader.ID())

		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, _, err := leader.Propose(ctx, []byte("lost"))
		cancel()
		wantErr(t, "Propose of a leader that is cut off", err, segue.ErrOutcomeUnknown)

		rest := without(old, leader)
		next := leaderOf(t, rest...)
		index = propose(t, next, 200, 50)
		wantRecords(t, index, 250, rest...)

		n.heal(leader.ID())
		wantRecords(t, index, 250, old...)

		_, _, err = leader.Propose(t.Context(), []byte("refused"))
		wantErr(t, "Propose of a follower", err, segue.ErrRetry)

		if hint, ok := errors.AsType[*consensus.NotLeaderError](err); !ok || hint.Leader != next.ID() {
			t.Errorf("hint of a follower = %v, want node %s", err, next.ID())
		}

		must(t, next.TransferTo(t.Context(), leader.ID()))

		if next.IsLeader() || !leader.IsLeader() {
			t.Errorf("after the transfer node %s leads: %v, node %s: %v", next.ID(), next.IsLeader(), leader.ID(), leader.IsLeader())
		}

		index = propose(t, leader, 250, 10)

		// Three nodes replace the three.
		var fresh []*peer

		for range 3 {
			p := newPeer(t, n, consensus.MemoryStore()).run(t)
			must(t, leader.AddNonvoter(t.Context(), p.ID()))
			fresh = append(fresh, p)
		}

		wantServers(t, leader, ids(old...), ids(fresh...))
		wantRecords(t, index, 260, append(fresh, old...)...)
		replace(t, leader, old, fresh)

		index = propose(t, fresh[0], 260, 40)
		wantRecords(t, index, 300, fresh...)
		wantServers(t, fresh[0], ids(fresh...), nil)
		stopAll(t, append(fresh, old...)...)
	})
}

// replace gives the votes of old, led by leader, to fresh, whose first node
// leads then.
func replace(t *testing.T, leader *peer, old, fresh []*peer) {
	t.Helper()

	ctx := t.Context()
	rest := without(old, leader)

	for i, p := range fresh[:2] {
		must(t, leader.Promote(ctx, p.ID()))
		must(t, leader.Remove(ctx, rest[i].ID()))
	}

	must(t, leader.Promote(ctx, fresh[2].ID()))
	must(t, leader.TransferTo(ctx, fresh[0].ID()))
	must(t, fresh[0].Barrier(ctx))
	must(t, fresh[0].Remove(ctx, leader.ID()))
}

func without(peers []*peer, leave *peer) []*peer {
	var rest []*peer

	for _, p := range peers {
		if p != leave {
			rest = append(rest, p)
		}
	}

	return rest
}

// TestBeforeAndAfterRun calls everything on a node that does not run.
func TestBeforeAndAfterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, newNetwork(), consensus.MemoryStore())
		other := segue.NewNodeID()

		check := func(when string, want error) {
			ctx := t.Context()
			_, _, err := p.Propose(ctx, []byte("x"))
			wantErr(t, when+": Propose", err, want)
			wantErr(t, when+": Barrier", p.Barrier(ctx), want)
			wantErr(t, when+": AddNonvoter", p.AddNonvoter(ctx, other), want)
			wantErr(t, when+": Remove", p.Remove(ctx, other), want)

			if _, ok := p.Leader(); ok || p.IsLeader() || p.Term() != 0 || p.Progress() != (consensus.Progress{}) {
				t.Errorf("%s: the node knows a leader or has made progress: %+v", when, p.Progress())
			}
		}

		check("before Run", segue.ErrNoLeader)

		if servers, index, err := p.Servers(); len(servers) != 0 || index != 0 || err != nil || p.HasState() {
			t.Errorf("Servers() of a new node = %v, %d, %v", servers, index, err)
		}

		must(t, p.Bootstrap(t.Context(), []segue.NodeID{p.ID()}))
		wantServersBeforeRun(t, p)
		wantErr(t, "a second bootstrap", p.Bootstrap(t.Context(), []segue.NodeID{p.ID()}), segue.ErrRefused)

		p.run(t)
		leaderOf(t, p)
		propose(t, p, 0, 3)

		if err := p.Run(t.Context()); err == nil {
			t.Error("a second Run succeeded")
		}

		stopAll(t, p)
		check("after Run", segue.ErrStopping)
		check("after Run", segue.ErrRetry)
		wantErr(t, "a bootstrap after Run", p.Bootstrap(t.Context(), []segue.NodeID{p.ID()}), segue.ErrRefused)
	})
}

func wantServersBeforeRun(t *testing.T, p *peer) {
	t.Helper()

	servers, index, err := p.Servers()
	if len(servers) != 1 || servers[0] != (consensus.Server{ID: p.ID(), Voter: true}) || index != 1 || err != nil || !p.HasState() {
		t.Errorf("Servers() after a bootstrap = %v, %d, %v, want this node", servers, index, err)
	}
}

func TestBadRequests(t *testing.T) {
	p := newPeer(t, newNetwork(), consensus.MemoryStore())
	ctx := t.Context()

	_, _, err := p.Propose(ctx, nil)
	wantErr(t, "Propose(nothing)", err, segue.ErrBadRequest)
	_, _, err = p.Propose(ctx, make([]byte, consensus.MaxProposal+1))
	wantErr(t, "Propose(too much)", err, segue.ErrTooLarge)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	wantErr(t, "Barrier with a ctx that has ended", p.Barrier(ended), segue.ErrRetry, context.Canceled)
	wantErr(t, "Bootstrap without this node", p.Bootstrap(ctx, []segue.NodeID{segue.NewNodeID()}), segue.ErrBadRequest)
	wantErr(t, "Bootstrap of nobody", p.Bootstrap(ctx, nil), segue.ErrBadRequest)
	wantErr(t, "Bootstrap twice of one", p.Bootstrap(ctx, []segue.NodeID{p.ID(), p.ID()}), segue.ErrBadRequest)
	wantErr(t, "Bootstrap of no node", p.Bootstrap(ctx, []segue.NodeID{p.ID(), {}}), segue.ErrBadRequest)
}

func TestLargestProposal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		peers := form(t, n, 3)
		leader := leaderOf(t, peers...)
		data := []byte(strings.Repeat("x", consensus.MaxProposal))
		index, _, err := leader.Propose(t.Context(), data)
		must(t, err)
		data[0] = 'y' // it is the caller's again

		for _, p := range peers {
			if got := p.machine.reach(t, index); got[0].Data != strings.Repeat("x", consensus.MaxProposal) {
				t.Errorf("node %s applied %d bytes that begin with %.1s", p.ID(), len(got[0].Data), got[0].Data)
			}
		}

		// It gets the entry from the log of the leader.
		fresh := newPeer(t, n, consensus.MemoryStore()).run(t)
		must(t, leader.AddNonvoter(t.Context(), fresh.ID()))

		if got := fresh.machine.reach(t, index); got[0].Data[0] != 'x' {
			t.Error("the log of the leader changed with the data of the proposer")
		}

		stopAll(t, append(peers, fresh)...)
	})
}

func TestValidate(t *testing.T) {
	err := consensus.Config{Timing: consensus.Timing{
		Heartbeat: time.Second, Election: time.Millisecond, LeaderLease: 2 * time.Second, Commit: -1,
	}}.Validate()
	for _, want := range []string{"store", "machine", "dial", "listener", "on fatal", "election", "lease", "commit"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() = %v, want %q in it", err, want)
		}
	}

	if _, err := consensus.New(consensus.Config{}); err == nil {
		t.Error("New of an empty Config succeeded")
	}
}

func TestStateString(t *testing.T) {
	got := []string{
		consensus.Stopped.String(), consensus.Follower.String(), consensus.Candidate.String(), consensus.Leader.String(),
		consensus.State(9).String(),
	}
	if s := strings.Join(got, " "); s != "stopped follower candidate leader state 9" {
		t.Errorf("the states are %q", s)
	}
}
