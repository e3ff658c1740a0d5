package consensus_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// onDisk makes a cluster whose first node keeps its log on a disk and leads.
func onDisk(t *testing.T, n *network, s *consensus.Store) (leader *peer, rest []*peer) {
	t.Helper()

	peers := []*peer{newPeer(t, n, s)}
	for range 2 {
		peers = append(peers, newPeer(t, n, consensus.MemoryStore()))
	}

	must(t, peers[0].Bootstrap(t.Context(), ids(peers...)))

	for _, p := range peers {
		p.run(t)
	}

	if l := leaderOf(t, peers...); l != peers[0] {
		must(t, l.TransferTo(t.Context(), peers[0].ID()))
	}

	return peers[0], peers[1:]
}

// wantFatal checks that a node ended as its store did, while the rest goes on.
func wantFatal(t *testing.T, p *peer, want error, rest []*peer) {
	t.Helper()

	if err := <-p.ended; !errors.Is(err, want) {
		t.Errorf("Run() = %v, want %v", err, want)
	}

	p.fatal.want(t, p.store, want)

	leader := leaderOf(t, rest...)
	_, _, err := leader.Propose(t.Context(), []byte("after the failure"))
	must(t, err)
	stopAll(t, rest...)
}

// only makes a fault of some operations.
func only(what string, fault func() error) func(string) error {
	return func(got string) error {
		if strings.Contains(got, what) {
			return fault()
		}

		return nil
	}
}

func TestLeaderLosesDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		leader, rest := onDisk(t, newNetwork(), s)

		consensus.SetFault(s, only("appending", func() error { return errors.New("input/output error") }))

		_, _, err := leader.Propose(t.Context(), []byte("x"))
		wantErr(t, "Propose without a disk", err, segue.ErrOutcomeUnknown, consensus.ErrDisk)
		wantFatal(t, leader, consensus.ErrDisk, rest)
	})
}

// Raft panics if it cannot write its term. The process must live to see OnFatal.
func TestFollowerLosesDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		p, rest := onDisk(t, newNetwork(), s)

		consensus.SetFault(s, only("CurrentTerm", func() error { return errors.New("input/output error") }))

		if err := p.TransferTo(t.Context(), rest[0].ID()); err == nil {
			t.Error("TransferTo succeeded, want an error of the node that lost its disk")
		}

		wantFatal(t, p, consensus.ErrDisk, rest)
	})
}

func TestLeaderStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		leader, rest := onDisk(t, newNetwork(), s)
		back := make(chan struct{})

		consensus.SetFault(s, only("appending", func() error { <-back; return nil }))

		start := time.Now()
		_, _, err := leader.Propose(t.Context(), []byte("x"))
		wantErr(t, "Propose with a disk that stalls", err, segue.ErrOutcomeUnknown)
		wantFatal(t, leader, consensus.ErrStalled, rest)

		if d := time.Since(start); d < consensus.StallLimit || d > consensus.DefaultWait+5*time.Second {
			t.Errorf("the end came after %v, want it between %v and %v", d, consensus.StallLimit, consensus.DefaultWait)
		}

		close(back) // lets the goroutines end that hang
		synctest.Wait()
	})
}

// TestLeaderFindsDamage has a leader read a damaged entry for a new node.
func TestLeaderFindsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		n := newNetwork()
		leader, rest := onDisk(t, n, open(t, dir))
		_, _, err := leader.Propose(t.Context(), []byte("the damaged entry"))
		must(t, err)

		file, err := os.OpenFile(dir+"/"+consensus.FileName, os.O_RDWR, 0)
		must(t, err)
		b, err := io.ReadAll(file)
		must(t, err)
		_, err = file.WriteAt([]byte("T"), int64(strings.Index(string(b), "the damaged entry")))
		must(t, errors.Join(err, file.Close()))

		fresh := newPeer(t, n, consensus.MemoryStore()).run(t)
		if err := leader.AddNonvoter(t.Context(), fresh.ID()); err != nil {
			wantErr(t, "AddNonvoter", err, segue.ErrOutcomeUnknown)
		}

		wantFatal(t, leader, consensus.ErrDamaged, rest)
		stopAll(t, fresh)
	})
}
