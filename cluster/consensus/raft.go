package consensus

import (
	"fmt"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// A Raft is one node's part in the cluster's log. Its methods may be called by
// several goroutines, before, during and after Run.
type Raft struct {
	cfg  Config
	self segue.NodeID
	fsm  *fsm
	bell bell // rings when the leader, or this node's state, changes

	// changing holds a token while the configuration is changed.
	changing chan struct{}

	mu    sync.Mutex // guards the fields below
	phase phase
	node  *raft.Raft    // while running or draining, nil otherwise
	calls int           // that wait for raft
	quiet chan struct{} // closed when calls drops to 0 while draining
}

// phase is how far Run has come.
type phase uint8

const (
	idle     phase = iota
	founding       // Bootstrap writes to the store
	starting       // raft is made from the store
	running
	draining // calls that have begun are finished, no new ones accepted
	stopped
)

// New returns a Raft on the store of cfg. It reads the store but starts
// nothing; call [Raft.Run].
func New(cfg Config) (*Raft, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("consensus: config: %w", err)
	}

	cfg = cfg.withDefaults()
	if err := cfg.Store.take(cfg.OnFatal); err != nil {
		return nil, fmt.Errorf("consensus: %w", err)
	}

	r := &Raft{
		cfg: cfg, self: cfg.Store.Identity().Node, fsm: &fsm{machine: cfg.Machine},
		changing: make(chan struct{}, 1),
	}
	if err := r.recall(); err != nil {
		return nil, fmt.Errorf("consensus: %w", err)
	}

	return r, nil
}

// recall takes the configuration from the store.
func (r *Raft) recall() error {
	c, index, err := r.cfg.Store.known(r.cfg.Logger)
	if err != nil {
		return err
	}

	r.fsm.StoreConfiguration(index, c)

	return nil
}

// ID returns the id of this node.
func (r *Raft) ID() segue.NodeID { return r.self }

// current returns raft while it runs, nil otherwise.
func (r *Raft) current() *raft.Raft {
	r.mu.Lock()
	defer r.mu.Unlock()

	return r.node
}

// Leader returns the node that this one believes to lead, and whether it
// believes in any. It is a hint: the leader may have changed.
func (r *Raft) Leader() (segue.NodeID, bool) {
	node := r.current()
	if node == nil {
		return segue.NodeID{}, false
	}

	_, server := node.LeaderWithID()

	id, err := segue.ParseNodeID(string(server))
	if err != nil { // raft's word for "none" is ""
		return segue.NodeID{}, false
	}

	return id, true
}

// IsLeader reports whether this node believes that it leads. It is a hint: a
// node that was paused goes on believing. Only a [Raft.Barrier] that succeeds
// proves it.
func (r *Raft) IsLeader() bool {
	node := r.current()

	return node != nil && node.State() == raft.Leader
}

// LeaderChanged returns a channel that is closed at the next change of the
// leader or of this node's state. Get it before looking at [Raft.Leader], so
// that no change is missed.
func (r *Raft) LeaderChanged() <-chan struct{} { return r.bell.next() }

// Term returns the current election term, 0 unless running.
func (r *Raft) Term() uint64 {
	if node := r.current(); node != nil {
		return node.CurrentTerm()
	}

	return 0
}

// HasState reports whether the store holds anything of a cluster: an entry, a
// snapshot or a term. A node without state may be bootstrapped or join. It also
// returns true if the store cannot be read.
func (r *Raft) HasState() bool {
	has, err := raft.HasExistingState(r.cfg.Store.logs, r.cfg.Store.stable, r.cfg.Store.snaps)

	return has || err != nil
}
