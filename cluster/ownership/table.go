package ownership

import (
	"maps"
	"slices"

	"github.com/segue-cluster/segue"
)

// Limits of a cluster. They bound the size of a snapshot.
const (
	MinShards     = 1
	MaxShards     = 4096
	MaxMembers    = 1024
	MaxRollouts   = 64  // kept in history, the oldest are dropped
	MaxLosses     = 256 // kept in history, the oldest are dropped
	MaxLossNames  = 64  // processes named in one loss
	MaxTextLen    = 512 // of one name, reason or address, in bytes
	MaxBatch      = MaxShards
	DefaultShards = 256
)

// ShardHash is the function that [segue.ShardOf] computes, as recorded at the
// formation of a cluster.
const ShardHash = 1

// A Table is the replicated state. The zero Table is a cluster that has not
// been formed.
type Table struct {
	Cluster    string    // the cluster's name
	ID         ClusterID // zero until Genesis was applied
	Generation uint64    // first field of every fencing token
	Level      uint32    // commands up to this level may be proposed
	Index      uint64    // raft index of the last applied entry
	Expect     uint8     // nodes that formed the cluster, the wanted number of voters

	// Shards is indexed by ShardID. Its length never changes after Genesis.
	Shards []Shard

	// Members holds the newest incarnation of every node that has not left.
	Members map[segue.NodeID]Member

	// Rollouts in the order of their revisions; only the last may be active.
	Rollouts []Rollout

	// Losses in the order of their indexes.
	Losses []Loss
}

// A ClusterID is minted at the formation of a cluster and never changes.
type ClusterID [16]byte

// Shard is the replicated record of one shard. It is a plain value.
type Shard struct {
	Owner    segue.NodeID      `msgpack:"o"` // zero: nobody yet
	OwnerInc segue.Incarnation `msgpack:"oi"`

	// Assigned is the owner that the shard should have, zero for "as it is".
	Assigned segue.NodeID   `msgpack:"a"`
	Cause    Cause          `msgpack:"c"` // of the assignment
	Rollout  segue.Revision `msgpack:"r"` // of the assignment, 0 if none

	// Invariant: Epoch only grows.
	Epoch segue.Epoch `msgpack:"e"`

	// LastSession is the newest session ever opened.
	// Invariant: it only grows.
	LastSession segue.SessionID `msgpack:"l"`
	// LastOutcome is how LastSession ended; OutcomeOpen while it is open.
	LastOutcome Outcome `msgpack:"lo"`

	Session Session `msgpack:"s"` // the open session, if Session.ID is not 0
	Mirror  Mirror  `msgpack:"m"` // the mirror in sync, if Mirror.Session is not 0
	Hold    Hold    `msgpack:"h"` // why the shard is held back, if Hold.Reason is not empty

	// Known counts the processes that the former owner had, if Recover made the
	// present one.
	Known uint64 `msgpack:"k"`
	// Lost counts processes that nobody can name, lost with a dead owner and not
	// reset since.
	Lost uint64 `msgpack:"x"`
}

// Session is an open handoff session of a shard.
type Session struct {
	ID      segue.SessionID   `msgpack:"i"`
	From    segue.NodeID      `msgpack:"f"`
	FromInc segue.Incarnation `msgpack:"fi"`
	To      segue.NodeID      `msgpack:"t"`
	ToInc   segue.Incarnation `msgpack:"ti"`
	Bake    bool              `msgpack:"b"` // the source becomes the mirror on Commit
	Index   uint64            `msgpack:"x"` // of the Open entry
}

// Mirror is the node that follows the owner and can take over.
type Mirror struct {
	Node    segue.NodeID      `msgpack:"n"`
	Inc     segue.Incarnation `msgpack:"i"`
	Session segue.SessionID   `msgpack:"s"` // whose frames carry its updates
}

// Hold keeps a shard where it is until somebody lifts it.
type Hold struct {
	Reason  string `msgpack:"r"`
	Process string `msgpack:"p"` // the process that caused it, if one did
	Index   uint64 `msgpack:"i"`
}

// Member is the newest incarnation of a node.
type Member struct {
	Node     segue.NodeID      `msgpack:"n"`
	Inc      segue.Incarnation `msgpack:"i"`
	Start    uint64            `msgpack:"s"` // random token of this start
	Name     string            `msgpack:"m"`
	Release  string            `msgpack:"r"`
	Addrs    Addrs             `msgpack:"a"`
	MaxLevel uint32            `msgpack:"l"`
	Host     string            `msgpack:"h"` // boot id of its machine, "" if unknown
	Hosting  bool              `msgpack:"p"` // may own shards; a keeper may not
	Durable  bool              `msgpack:"d"` // keeps its raft log on disk and may return
	Draining bool              `msgpack:"g"` // gives its shards away, receives none
	Fenced   bool              `msgpack:"f"` // can never hold a lease again
}

// Addrs are the addresses of a node, host:port each, "" if it has none.
type Addrs struct {
	Gossip  string `msgpack:"g"`
	Data    string `msgpack:"d"`
	Admin   string `msgpack:"a"`
	Gateway string `msgpack:"w"`
	Ops     string `msgpack:"o"`
}

// Loss is what the death of a sole holder cost, as far as it is known.
type Loss struct {
	Index   uint64            `msgpack:"i"`
	Shard   segue.ShardID     `msgpack:"s"`
	Node    segue.NodeID      `msgpack:"n"` // that died
	Inc     segue.Incarnation `msgpack:"c"`
	Count   uint64            `msgpack:"k"` // processes
	Names   []string          `msgpack:"p"` // of some of them, where a session was open
	Rollout segue.Revision    `msgpack:"r"` // 0 if none
}

// New returns the table of a cluster that has not been formed.
func New() *Table { return &Table{Members: map[segue.NodeID]Member{}} }

// Formed reports whether Genesis was applied.
func (t *Table) Formed() bool { return len(t.Shards) > 0 }

// Live reports whether that incarnation of the node is the newest one and not
// fenced.
func (t *Table) Live(node segue.NodeID, inc segue.Incarnation) bool {
	m, ok := t.Members[node]

	return ok && m.Inc == inc && !m.Fenced
}

// Token returns the fencing token of work done for s by its owner outside of
// any session.
func (t *Table) Token(s segue.ShardID) segue.Token {
	return segue.Token{Generation: t.Generation, Epoch: t.Shards[s].Epoch}
}

// Heir returns the node that [Recover] may make the owner of the shard: the
// live target of its open session, or its live mirror.
func (t *Table) Heir(s segue.ShardID) (segue.NodeID, segue.Incarnation, bool) {
	row := &t.Shards[s]

	switch {
	case row.Session.ID != 0 && t.Live(row.Session.To, row.Session.ToInc):
		return row.Session.To, row.Session.ToInc, true
	case row.Mirror.Session != 0 && t.Live(row.Mirror.Node, row.Mirror.Inc):
		return row.Mirror.Node, row.Mirror.Inc, true
	}

	return segue.NodeID{}, 0, false
}

// Rollout returns the record of a revision.
func (t *Table) Rollout(r segue.Revision) (*Rollout, bool) {
	for i := range t.Rollouts {
		if t.Rollouts[i].Revision == r {
			return &t.Rollouts[i], true
		}
	}

	return nil, false
}

// Active returns the rollout that has not ended, if there is one.
func (t *Table) Active() (*Rollout, bool) {
	if n := len(t.Rollouts); n > 0 && !t.Rollouts[n-1].Phase.Ended() {
		return &t.Rollouts[n-1], true
	}

	return nil, false
}

// Clone returns a deep copy.
func (t *Table) Clone() *Table {
	c := *t
	c.Shards = slices.Clone(t.Shards)
	c.Members = maps.Clone(t.Members)
	c.Rollouts = slices.Clone(t.Rollouts)

	for i := range c.Rollouts {
		c.Rollouts[i] = t.Rollouts[i].clone()
	}

	c.Losses = slices.Clone(t.Losses)

	return &c
}
