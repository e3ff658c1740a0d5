package consensus_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// compact makes a node take snapshots often and keep few entries.
func compact(c *consensus.Config) {
	c.Compaction = consensus.Compaction{Entries: 50, Interval: time.Second, Trailing: 10}
}

// pass lets every node take a snapshot, if it has reason to.
func pass() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

// TestInstallSnapshot cuts a follower off until the entries that it misses are
// gone.
func TestInstallSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		peers := form(t, n, 3, compact)
		leader := leaderOf(t, peers...)
		behind := without(peers, leader)[0]
		wantRecords(t, propose(t, leader, 0, 20), 20, behind)

		n.isolate(behind.ID())

		fresh := newPeer(t, n, consensus.MemoryStore(), compact).run(t)
		must(t, leader.AddNonvoter(t.Context(), fresh.ID()))
		propose(t, leader, 20, 200)
		pass()

		if first, err := consensus.RaftView(leader.store).FirstIndex(); first < 100 || err != nil {
			t.Fatalf("the log of the leader begins at %d, %v, want it compacted", first, err)
		}

		n.heal(behind.ID())

		index := propose(t, leader, 220, 5)
		wantRecords(t, index, 225, append(peers, fresh)...)
		wantServers(t, behind, ids(peers...), ids(fresh))

		if behind.machine.restored != 1 {
			t.Errorf("the follower restored %d snapshots, want 1", behind.machine.restored)
		}

		stopAll(t, append(peers, fresh)...)
	})
}

// TestRestart stops three nodes on disks and starts them again.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}

		var peers []*peer
		for _, dir := range dirs {
			peers = append(peers, newPeer(t, n, open(t, dir), compact))
		}

		founders := ids(peers...)
		must(t, peers[0].Bootstrap(t.Context(), founders))

		for _, p := range peers {
			p.run(t)
		}

		leader := leaderOf(t, peers...)
		propose(t, leader, 0, 120)
		pass()

		index := propose(t, leader, 120, 10)
		wantRecords(t, index, 130, peers...)

		terms := make([]uint64, len(peers))
		for i, p := range peers {
			terms[i] = p.Term()
		}

		stopAll(t, peers...)

		for i, p := range peers {
			peers[i] = newPeer(t, n, reopen(t, dirs[i], p.store), compact)
			if peers[i].ID() != p.ID() || !peers[i].HasState() {
				t.Errorf("node %s came back as %s, with state: %v", p.ID(), peers[i].ID(), peers[i].HasState())
			}

			wantKnown(t, peers[i], founders)
			peers[i].run(t)
		}

		index = propose(t, leaderOf(t, peers...), 130, 10)
		wantRecords(t, index, 140, peers...)

		for i, p := range peers {
			if p.machine.restored != 1 || p.Term() <= terms[i] {
				t.Errorf("node %s restored %d snapshots, want 1; its term is %d after %d", p.ID(), p.machine.restored, p.Term(), terms[i])
			}
		}

		stopAll(t, peers...)

		for _, p := range peers {
			must(t, p.store.Close())
		}
	})
}

// wantKnown checks what a node knows before it runs.
func wantKnown(t *testing.T, p *peer, voters []segue.NodeID) {
	t.Helper()

	servers, index, err := p.Servers()
	if len(servers) != len(voters) || index != 1 || err != nil {
		t.Errorf("Servers() before Run = %v, %d, %v, want %v", servers, index, err, voters)
	}
}

// stream is the test's own place in the network of raft.
type stream struct {
	net.Listener

	n  *network
	id segue.NodeID
	t  *testing.T
}

func (s stream) Dial(to raft.ServerAddress, _ time.Duration) (net.Conn, error) {
	id, err := segue.ParseNodeID(string(to))
	must(s.t, err)

	return s.n.dialer(s.id)(s.t.Context(), id)
}

// TestVoteOfRaft lets raft itself vote, crashes it, and asks again: with an
// intact vote, and with one whose second half was not written.
func TestVoteOfRaft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		dir := t.TempDir()
		candidate := segue.NewNodeID()
		trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: stream{n.listen(candidate), n, candidate, t}, MaxPool: 1, Timeout: time.Second, Logger: hclog.NewNullLogger(),
		})
		ask := func(voter segue.NodeID, term, lastIndex uint64) bool {
			var resp raft.RequestVoteResponse

			name := []byte(candidate.String())
			must(t, trans.RequestVote(raft.ServerID(voter.String()), raft.ServerAddress(voter.String()), &raft.RequestVoteRequest{
				RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: name, Addr: name},
				Term:      term, LastLogIndex: lastIndex, LastLogTerm: 1,
			}, &resp))

			return resp.Granted
		}

		voter := newPeer(t, n, open(t, dir))
		must(t, voter.Bootstrap(t.Context(), []segue.NodeID{voter.ID(), candidate}))
		must(t, consensus.RaftView(voter.store).StoreLogs([]*raft.Log{{Index: 2, Term: 1, Type: raft.LogNoop}}))
		voter.run(t)
		await(t, voter, "runs", func() bool { return voter.Progress().State != consensus.Stopped })

		if !ask(voter.ID(), 5, 2) {
			t.Error("the vote for a candidate with the same log was not granted")
		}

		image := crashImage(t, dir)
		wantVote(t, image, 5, candidate.String())
		stopAll(t, voter)
		trans.CloseStreams()

		// The crash came after the first of the two writes of a vote in term 6.
		must(t, consensus.RaftView(image).SetUint64([]byte("LastVoteTerm"), 6))
		must(t, consensus.RaftView(image).SetUint64([]byte("CurrentTerm"), 6))

		again := newPeer(t, n, crashImage(t, image.Dir())).run(t)
		await(t, again, "runs", func() bool { return again.Progress().State != consensus.Stopped })

		if ask(again.ID(), 6, 1) {
			t.Error("a candidate with an older log was granted a vote after a torn write")
		}

		stopAll(t, again)
		trans.CloseStreams()
		must(t, errors.Join(trans.Close(), voter.store.Close(), image.Close(), again.store.Close()))
	})
}

// A machine that does not accept the snapshot of the store ends Run.
func TestRestoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		dir := t.TempDir()
		p := newPeer(t, n, open(t, dir), compact)
		must(t, p.Bootstrap(t.Context(), ids(p)))
		leaderOf(t, p.run(t))
		propose(t, p, 0, 100)
		pass()
		stopAll(t, p)

		p = newPeer(t, n, reopen(t, dir, p.store), func(c *consensus.Config) { c.Machine = broken{} }).run(t)
		if err := <-p.ended; err == nil {
			t.Error("Run() = nil, want the error of Restore")
		}

		must(t, p.store.Close())
	})
}

type broken struct{}

func (broken) Apply(uint64, []byte) any       { return nil }
func (broken) Snapshot() (io.WriterTo, error) { return nil, errors.New("broken") }
func (broken) Restore(io.Reader) error        { return errors.New("broken") }

// TestTooManyConnections opens one more than a node admits.
func TestTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		p := newPeer(t, n, consensus.MemoryStore()).run(t)
		dial := n.dialer(segue.NewNodeID())

		for i := range consensus.MaxAccepted + 1 {
			c, err := dial(t.Context(), p.ID())
			must(t, err)

			if i < consensus.MaxAccepted {
				continue
			}

			limit := time.AfterFunc(time.Second, func() { c.Close() })
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("connection %d: Read = %v, want it closed", i, err)
			}

			limit.Stop()
		}

		stopAll(t, p)
	})
}

// TestTCP runs three nodes on disks over the loopback interface.
func TestTCP(t *testing.T) {
	t.Parallel() // it waits for real time

	addrs := map[segue.NodeID]string{}

	var peers []*peer

	for range 3 {
		var lc net.ListenConfig

		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)

		s := open(t, t.TempDir())
		addrs[s.Identity().Node] = l.Addr().String()
		peers = append(peers, newPeer(t, newNetwork(), s, func(c *consensus.Config) {
			c.Listener = l
			c.Dial = tcpDialer(addrs)
			c.Timing.Heartbeat = 200 * time.Millisecond
		}))
	}

	must(t, peers[2].Bootstrap(t.Context(), ids(peers...)))

	for _, p := range peers {
		p.run(t)
	}

	index := insist(t, peers, 50)
	first := peers[0].machine.reach(t, index)

	for _, p := range peers[1:] {
		if got := p.machine.reach(t, index); !slices.Equal(got, first) {
			t.Errorf("node %s applied %v, node %s %v", p.ID(), got, peers[0].ID(), first)
		}
	}

	seen := map[string]bool{}
	for _, r := range first {
		seen[r.Data] = true
	}

	if len(seen) != 50 {
		t.Errorf("the nodes applied %d different proposals, want 50", len(seen))
	}

	stopAll(t, peers...)
}

// insist proposes the numbers below count, and again when leadership was lost:
// the machine may be so busy that heartbeats are late. It returns the last index.
func insist(t *testing.T, peers []*peer, count int) (index uint64) {
	t.Helper()

	leader := leaderOf(t, peers...)

	for i, attempts := 0, 0; i < count; attempts++ {
		got, _, err := leader.Propose(t.Context(), fmt.Appendf(nil, "%d", i))
		if err == nil {
			index = got
			i++

			continue
		}

		if attempts == 10*count {
			t.Fatalf("Propose(%d) = %v, again and again", i, err)
		}

		leader = leaderOf(t, peers...)
	}

	return index
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peers := form(t, newNetwork(), 3)
		leader := leaderOf(t, peers...)
		index := propose(t, leader, 0, 10)
		wantRecords(t, index, 10, peers...)

		for _, p := range peers {
			want := consensus.Follower
			if p == leader {
				want = consensus.Leader
			}

			got := p.Progress()
			if got.Applied != index || got.Commit != index || got.LastIndex != index || got.State != want || got.ConfigIndex != 1 ||
				got.Term != leader.Term() || time.Since(got.LastContact) > time.Second {
				t.Errorf("Progress() of a %v = %+v, want index %d", want, got, index)
			}
		}

		stopAll(t, peers...)
	})
}
