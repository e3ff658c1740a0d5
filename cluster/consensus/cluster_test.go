package consensus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// A record is one call of Apply.
type record struct {
	Index uint64 `json:"index"`
	Data  string `json:"data"`
}

// A recorder is a machine that remembers what was applied to it.
type recorder struct {
	mu       sync.Mutex // guards the fields below
	records  []record
	restored int
	changed  chan struct{} // closed by the next change
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{})} }

func (m *recorder) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()

	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *recorder) Apply(index uint64, data []byte) any {
	m.change(func() { m.records = append(m.records, record{index, string(data)}) })

	return fmt.Sprintf("did %s", data)
}

func (m *recorder) Snapshot() (io.WriterTo, error) {
	records, _ := m.state()
	b, err := json.Marshal(records)

	return bytes.NewReader(b), err
}

func (m *recorder) Restore(r io.Reader) error {
	var records []record
	if err := json.NewDecoder(r).Decode(&records); err != nil {
		return err
	}

	m.change(func() { m.records, m.restored = records, m.restored+1 })

	return nil
}

func (m *recorder) state() ([]record, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()

	return slices.Clone(m.records), m.changed
}

// reach waits until the entry of that index is applied.
func (m *recorder) reach(t *testing.T, index uint64) []record {
	t.Helper()

	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()

	for {
		records, changed := m.state()
		if n := len(records); n > 0 && records[n-1].Index >= index {
			return records
		}

		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("entry %d is not applied, the last ones are %v", index, records[max(len(records)-3, 0):])
		}
	}
}

// A peer is a node under test.
type peer struct {
	*consensus.Raft

	store   *consensus.Store
	machine *recorder
	fatal   *fatal
	cancel  context.CancelFunc
	ended   chan error
}

// newPeer makes a node that does not run.
func newPeer(t *testing.T, n *network, s *consensus.Store, adjust ...func(*consensus.Config)) *peer {
	t.Helper()

	id := s.Identity().Node
	p := &peer{store: s, machine: newRecorder(), fatal: &fatal{}, ended: make(chan error, 1)}
	cfg := consensus.Config{
		Store: s, Machine: p.machine, Dial: n.dialer(id), Listener: n.listen(id), OnFatal: p.fatal.report,
	}

	for _, f := range adjust {
		f(&cfg)
	}

	var err error

	p.Raft, err = consensus.New(cfg)
	must(t, err)

	return p
}

// run starts the node.
func (p *peer) run(t *testing.T) *peer {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel

	go func() { p.ended <- p.Run(ctx) }()

	return p
}

// stop ends the node and returns what Run returned.
func (p *peer) stop() error {
	p.cancel()

	return <-p.ended
}

func stopAll(t *testing.T, peers ...*peer) {
	t.Helper()

	for _, p := range peers {
		if err := p.stop(); err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
	}
}

// await waits until ok, which is asked again after each change of p's leader or
// state.
func await(t *testing.T, p *peer, what string, ok func() bool) {
	t.Helper()

	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()

	for {
		changed := p.LeaderChanged()
		if ok() {
			return
		}

		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("node %s: %s: not so after 30 s: %+v", p.ID(), what, p.Progress())
		}
	}
}

// leaderOf waits until all peers follow one of them, which can commit, and
// returns it.
func leaderOf(t *testing.T, peers ...*peer) *peer {
	t.Helper()

	follows := func(p *peer) int {
		id, _ := p.Leader()

		return slices.IndexFunc(peers, func(q *peer) bool { return q.ID() == id })
	}

	for {
		await(t, peers[0], "follows one of the peers", func() bool { return follows(peers[0]) >= 0 })

		i := follows(peers[0])
		if i < 0 || peers[i].Barrier(t.Context()) != nil {
			await(t, peers[0], "follows another one", func() bool { return follows(peers[0]) != i })

			continue
		}

		agreed := true

		for _, p := range peers {
			await(t, p, "follows the leader", func() bool { return follows(p) == i || !peers[i].IsLeader() })

			agreed = agreed && follows(p) == i
		}

		if agreed {
			return peers[i]
		}
	}
}

func ids(peers ...*peer) []segue.NodeID {
	var list []segue.NodeID
	for _, p := range peers {
		list = append(list, p.ID())
	}

	return list
}

// form starts n nodes in memory and makes them a cluster.
func form(t *testing.T, n *network, count int, adjust ...func(*consensus.Config)) []*peer {
	t.Helper()

	var peers []*peer
	for range count {
		peers = append(peers, newPeer(t, n, consensus.MemoryStore(), adjust...).run(t))
	}

	await(t, peers[0], "runs", func() bool { return peers[0].Progress().State != consensus.Stopped })
	must(t, peers[0].Bootstrap(t.Context(), ids(peers...)))

	return peers
}

// propose makes count proposals and returns the index of the last one.
func propose(t *testing.T, p *peer, from, count int) (index uint64) {
	t.Helper()

	for i := from; i < from+count; i++ {
		got, result, err := p.Propose(t.Context(), fmt.Appendf(nil, "%d", i))
		if err != nil || result != fmt.Sprintf("did %d", i) || got <= index {
			t.Fatalf("Propose(%d) = %d, %v, %v, want an index above %d", i, got, result, err, index)
		}

		index = got
	}

	return index
}

// wantRecords checks that the machines of all peers agree and have applied the
// numbers from 0 up to count, each once.
func wantRecords(t *testing.T, index uint64, count int, peers ...*peer) {
	t.Helper()

	first := peers[0].machine.reach(t, index)
	for i := range count {
		if len(first) != count || first[i].Data != fmt.Sprint(i) {
			t.Fatalf("node %s applied %v, want 0 to %d", peers[0].ID(), first, count-1)
		}
	}

	for _, p := range peers[1:] {
		if got := p.machine.reach(t, index); !slices.Equal(got, first) {
			t.Errorf("node %s applied %v, node %s %v", p.ID(), got, peers[0].ID(), first)
		}
	}
}

// wantServers checks the configuration that p has applied.
func wantServers(t *testing.T, p *peer, voters, nonvoters []segue.NodeID) {
	t.Helper()

	servers, index, err := p.Servers()
	must(t, err)

	got := map[segue.NodeID]bool{}
	for _, s := range servers {
		got[s.ID] = s.Voter
	}

	want := map[segue.NodeID]bool{}
	for _, id := range voters {
		want[id] = true
	}

	for _, id := range nonvoters {
		want[id] = false
	}

	if fmt.Sprint(got) != fmt.Sprint(want) || len(servers) != len(want) || index == 0 || index != p.Progress().ConfigIndex {
		t.Errorf("Servers() of node %s = %v at %d, want %v", p.ID(), servers, index, want)
	}
}

// wantErr checks that err matches all of want.
func wantErr(t *testing.T, what string, err error, want ...error) {
	t.Helper()

	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%s = %v, want %v", what, err, w)
		}
	}
}
