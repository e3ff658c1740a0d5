package httpapi

import (
	"time"

	"github.com/segue-cluster/segue"
)

// A MemberStatus says how a node is doing. Wire.
type MemberStatus string

// What gossip says of a node, and StatusFenced, what the table says: that
// incarnation can never own anything again.
const (
	StatusAlive   MemberStatus = "alive"
	StatusSuspect MemberStatus = "suspect"
	StatusFailed  MemberStatus = "failed"
	StatusLeaving MemberStatus = "leaving"
	StatusLeft    MemberStatus = "left"
	StatusFenced  MemberStatus = "fenced"
)

// A RaftRole is a node's part in raft. Wire.
type RaftRole string

// The parts that a node can have. A node with RaftNone is not in raft's
// configuration.
const (
	RaftVoter    RaftRole = "voter"
	RaftNonvoter RaftRole = "nonvoter"
	RaftLeader   RaftRole = "leader"
	RaftNone     RaftRole = "none"
)

// A Member is a node as the answering node sees it.
type Member struct {
	Node        string            `json:"node"` // name
	ID          segue.NodeID      `json:"id"`
	Incarnation segue.Incarnation `json:"incarnation"` // 0: not joined
	Status      MemberStatus      `json:"status"`
	Release     string            `json:"release"`
	Shards      int               `json:"shards"`    // owned
	Processes   uint64            `json:"processes"` // by its last report
	Hosting     bool              `json:"hosting"`   // may own shards
	Draining    bool              `json:"draining"`
	Raft        RaftRole          `json:"raft"`
	Addrs       Addrs             `json:"addrs"`
	Host        string            `json:"host"`           // boot id of its machine, "" if unknown
	Since       time.Time         `json:"since,omitzero"` // start of this incarnation, zero if unknown
	Note        string            `json:"note,omitempty"` // where gossip and raft disagree, in words
}

// Addrs are the addresses of a node, host:port each, "" if it has none.
type Addrs struct {
	Gossip  string `json:"gossip,omitempty"`
	Data    string `json:"data,omitempty"`
	Admin   string `json:"admin,omitempty"`
	Gateway string `json:"gateway,omitempty"`
	Ops     string `json:"ops,omitempty"`
}
