package consensus_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// TestConfigurationRules tries changes that must be refused, and repeats
// changes that were made.
func TestConfigurationRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		peers := form(t, n, 3)
		leader := leaderOf(t, peers...)
		follower := without(peers, leader)[0]
		fresh := newPeer(t, n, consensus.MemoryStore()).run(t)
		ctx := t.Context()

		wantErr(t, "promoting a stranger", leader.Promote(ctx, fresh.ID()), segue.ErrRefused)
		wantErr(t, "transfer to a stranger", leader.TransferTo(ctx, fresh.ID()), segue.ErrRefused)
		must(t, leader.AddNonvoter(ctx, fresh.ID()))
		must(t, leader.AddNonvoter(ctx, fresh.ID()))
		wantErr(t, "transfer to a nonvoter", leader.TransferTo(ctx, fresh.ID()), segue.ErrRefused)
		must(t, leader.Promote(ctx, fresh.ID()))
		must(t, leader.Promote(ctx, fresh.ID()))
		must(t, leader.AddNonvoter(ctx, fresh.ID())) // does not take the vote away
		wantServers(t, leader, ids(append(peers, fresh)...), nil)
		must(t, leader.Remove(ctx, fresh.ID()))
		must(t, leader.Remove(ctx, fresh.ID()))
		must(t, leader.TransferTo(ctx, leader.ID()))

		_, before, err := leader.Servers()
		must(t, err)

		wantErr(t, "the leader removing itself", leader.Remove(ctx, leader.ID()), segue.ErrRefused)
		wantErr(t, "adding no node", leader.AddNonvoter(ctx, segue.NodeID{}), segue.ErrBadRequest)
		wantErr(t, "adding at a follower", follower.AddNonvoter(ctx, fresh.ID()), segue.ErrRetry)
		wantErr(t, "removing at a follower", follower.Remove(ctx, fresh.ID()), segue.ErrRetry)
		wantErr(t, "transfer at a follower", follower.TransferTo(ctx, follower.ID()), segue.ErrRetry)
		wantErr(t, "barrier at a follower", follower.Barrier(ctx), segue.ErrRetry)
		wantErr(t, "a second bootstrap", leader.Bootstrap(ctx, ids(peers...)), segue.ErrRefused)

		if _, after, _ := leader.Servers(); after != before {
			t.Errorf("the configuration changed from index %d to %d by refused requests", before, after)
		}

		must(t, leader.Remove(ctx, follower.ID()))
		last := without(without(peers, leader), follower)[0]
		must(t, leader.Remove(ctx, last.ID()))
		wantErr(t, "removing the last voter", leader.Remove(ctx, leader.ID()), segue.ErrRefused)
		propose(t, leader, 0, 5)
		stopAll(t, append(peers, fresh)...)
	})
}

// TestTransferFails asks voters to lead that cannot, and proposes meanwhile.
func TestTransferFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		peers := form(t, n, 3)
		leader := leaderOf(t, peers...)
		away := without(peers, leader)[0]
		wantRecords(t, propose(t, leader, 0, 3), 3, peers...)

		n.isolate(away.ID())
		wantErr(t, "transfer to a voter that is away", leader.TransferTo(t.Context(), away.ID()), segue.ErrRetry)
		synctest.Wait() // raft admits proposals a moment later

		propose(t, leader, 3, 3) // which the voter does not have

		outcome := make(chan error, 1)

		go func() { outcome <- leader.TransferTo(t.Context(), away.ID()) }()

		time.Sleep(100 * time.Millisecond) // of the second that raft tries
		_, _, err := leader.Propose(t.Context(), []byte("refused"))
		wantErr(t, "Propose during a transfer", err, segue.ErrRetry)
		wantErr(t, "AddNonvoter during a transfer", leader.AddNonvoter(t.Context(), segue.NewNodeID()), segue.ErrRetry)
		wantErr(t, "a second transfer", leader.TransferTo(t.Context(), without(peers, leader)[1].ID()), segue.ErrRetry)
		wantErr(t, "transfer to a voter that is behind", <-outcome, segue.ErrRetry)
		synctest.Wait()

		n.heal(away.ID())
		wantRecords(t, propose(t, leader, 6, 3), 9, peers...)

		if !leader.IsLeader() {
			t.Errorf("node %s does not lead any more", leader.ID())
		}

		stopAll(t, peers...)
	})
}

// TestRescue loses the new one of two voters; the old one must go on alone if it
// removes it within the lease.
func TestRescue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		leader := leaderOf(t, form(t, n, 1)...)
		fresh := newPeer(t, n, consensus.MemoryStore()).run(t)
		must(t, leader.AddNonvoter(t.Context(), fresh.ID()))
		wantRecords(t, propose(t, leader, 0, 10), 10, fresh)
		must(t, leader.Promote(t.Context(), fresh.ID()))
		n.isolate(fresh.ID())
		time.Sleep(300 * time.Millisecond) // of the second that the lease lasts
		must(t, leader.Remove(t.Context(), fresh.ID()))
		propose(t, leader, 10, 10)
		stopAll(t, leader, fresh)
	})
}
