package consensus

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// State is a node's role in the log.
type State uint8

// The states of a node.
const (
	Stopped State = iota // Run has not begun, or has ended
	Follower
	Candidate
	Leader
)

// String returns the name of s in lower case.
func (s State) String() string {
	switch s {
	case Stopped:
		return "stopped"
	case Follower:
		return "follower"
	case Candidate:
		return "candidate"
	case Leader:
		return "leader"
	}

	return fmt.Sprintf("state %d", uint8(s))
}

func stateOf(s raft.RaftState) State {
	switch s {
	case raft.Follower:
		return Follower
	case raft.Candidate:
		return Candidate
	case raft.Leader:
		return Leader
	case raft.Shutdown:
		return Stopped
	}

	return Stopped
}

// Progress is how far a node has come. The zero value means that it does not
// run.
type Progress struct {
	// Applied is the index of the last entry that was given to the machine. It
	// may still be busy with it; the index it was called with says more.
	Applied uint64

	LastIndex uint64 // of the newest entry, or of the snapshot if that is newer
	Commit    uint64 // index up to which this node knows entries to be committed
	Term      uint64 // current election term

	// ConfigIndex is the index of the configuration that [Raft.Servers]
	// returns.
	ConfigIndex uint64

	// LastContact is when the leader was heard last, by the local clock, or
	// now on the leader itself. Zero: never.
	LastContact time.Time

	State State
}

// Progress returns how far this node has come. The fields are read one after
// the other, Applied before Commit before LastIndex.
func (r *Raft) Progress() Progress {
	node := r.current()
	if node == nil {
		return Progress{}
	}

	p := Progress{
		Applied:     node.AppliedIndex(),
		Commit:      node.CommitIndex(),
		LastIndex:   node.LastIndex(),
		Term:        node.CurrentTerm(),
		LastContact: node.LastContact(),
		State:       stateOf(node.State()),
	}
	_, p.ConfigIndex = r.fsm.configuration()

	if p.State == Leader {
		p.LastContact = time.Now()
	}

	return p
}
