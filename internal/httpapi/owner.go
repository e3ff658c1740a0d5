package httpapi

import (
	"slices"

	"github.com/segue-cluster/segue"
)

// A ShardState says what goes on with a shard. Wire.
type ShardState string

// The states of a shard, the strongest word first: a shard that lost processes
// is lost, whatever else is true of it.
const (
	ShardLost    ShardState = "lost"    // lost processes with a dead owner, not reset since
	ShardUnowned ShardState = "unowned" // nobody serves it
	ShardHeld    ShardState = "held"    // should move, and stays; Hold says why
	ShardMoving  ShardState = "moving"  // a session is open
	ShardOpening ShardState = "opening" // assigned elsewhere, no session yet
	ShardOwned   ShardState = "owned"
)

// An Owner is the row of one shard.
type Owner struct {
	Shard    segue.ShardID   `json:"shard"`
	Owner    string          `json:"owner"`    // name, "" if nobody owns it
	OwnerID  segue.NodeID    `json:"owner_id"` // "" if nobody owns it
	Release  string          `json:"release"`  // of the owner
	Epoch    segue.Epoch     `json:"epoch"`
	State    ShardState      `json:"state"`
	Assigned string          `json:"assigned,omitempty"` // name of the owner it should have, "" for "as it is"
	Session  segue.SessionID `json:"session,omitempty"`  // the open one, 0 if none is
	Mirror   string          `json:"mirror,omitempty"`   // name of the node that follows the owner
	Hold     *Hold           `json:"hold,omitempty"`     // why it stays
	Lost     uint64          `json:"lost,omitempty"`     // processes that nobody can name, lost and not reset
}

// A Hold is the reason why a shard stays where it is.
type Hold struct {
	Reason  string `json:"reason"`
	Process string `json:"process,omitempty"` // address of the process that caused it
}

// An OwnerFilter picks shards; its zero value picks all.
type OwnerFilter struct {
	Shards  []segue.ShardID // any of these
	Node    string          // name or id of the owner
	Release string          // of the owner
	State   ShardState
}

// Match reports whether f picks o.
func (f OwnerFilter) Match(o Owner) bool {
	return (len(f.Shards) == 0 || slices.Contains(f.Shards, o.Shard)) &&
		(f.Node == "" || f.Node == o.Owner || f.Node == o.OwnerID.String()) &&
		(f.Release == "" || f.Release == o.Release) &&
		(f.State == "" || f.State == o.State)
}
