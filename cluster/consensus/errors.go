package consensus

import (
	"errors"
	"fmt"

	"github.com/segue-cluster/segue"
)

// The conditions of a data directory.
var (
	// ErrDamaged is returned, and reported as fatal, when the directory does
	// not hold what was written to it. The node must not go on with its id:
	// move the directory away and join as a new node.
	ErrDamaged = errors.New("the data directory is damaged")

	// ErrInUse is returned by [OpenStore] while another process has the
	// directory open. Stop the other process or use another directory.
	ErrInUse = errors.New("another process uses this data directory")

	// ErrRetired is returned by [OpenStore] for the directory of a node that
	// left its cluster for good. Use another directory.
	ErrRetired = errors.New("the node of this data directory has left its cluster for good")

	// ErrDisk is reported as fatal when a write or an fsync failed. Exit; the
	// directory may be opened again by a new process.
	ErrDisk = errors.New("writing to the data directory failed")

	// ErrStalled is reported as fatal when an operation took longer than
	// [StallLimit]. Exit; the directory may be opened again by a new process.
	ErrStalled = errors.New("the disk of the data directory stalls")
)

var (
	errNotFound = errors.New("not found") // raft knows a missing key by this text
	errClosed   = errors.New("the store is closed")
)

// A NotLeaderError refuses what only the leader can do. It matches
// [segue.ErrRetry] if another node is known to lead, and [segue.ErrNoLeader]
// otherwise.
type NotLeaderError struct {
	Leader segue.NodeID // a hint where to ask; zero if unknown
}

// Error formats e on one line.
func (e *NotLeaderError) Error() string {
	if e.Leader.IsZero() {
		return "this node does not lead, and no leader is known"
	}

	return fmt.Sprintf("this node does not lead: node %s does", e.Leader)
}

// Unwrap returns the condition that e stands for.
func (e *NotLeaderError) Unwrap() error {
	if e.Leader.IsZero() {
		return segue.ErrNoLeader
	}

	return segue.ErrRetry
}

// damaged is an [ErrDamaged] that says what to do.
func damaged(path, format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w; it can only be joined under a new id: move the directory away and start again",
		path, fmt.Sprintf(format, args...), ErrDamaged)
}
