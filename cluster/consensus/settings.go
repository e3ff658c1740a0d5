package consensus

import (
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// Fixed settings of raft.
const (
	ioTimeout     = 2 * time.Second // of one RPC; a snapshot gets more by its size
	maxAppend     = 64              // entries in one RPC
	maxPool       = 3               // idle connections to one peer
	maxAccepted   = 256             // connections from peers; each costs 256 KiB
	maxInFlight   = 1               // more can wedge a follower after one storage error
	maxConcurrent = 512             // calls that wait for raft
)

// raftConfig is raft's configuration. All nodes of a cluster must agree on the
// protocol version.
func (c Config) raftConfig() *raft.Config {
	rc := raft.DefaultConfig()
	rc.ProtocolVersion = 3
	rc.LocalID = serverID(c.Store.Identity().Node)
	rc.HeartbeatTimeout = c.Timing.Heartbeat
	rc.ElectionTimeout = c.Timing.Election
	rc.LeaderLeaseTimeout = c.Timing.LeaderLease
	rc.CommitTimeout = c.Timing.Commit
	rc.MaxAppendEntries = maxAppend
	rc.BatchApplyCh = false // true would void the timeout of Apply
	rc.ShutdownOnRemove = false
	rc.SnapshotThreshold = c.Compaction.Entries
	rc.SnapshotInterval = c.Compaction.Interval
	rc.TrailingLogs = c.Compaction.Trailing
	rc.NoLegacyTelemetry = true
	rc.Logger = newLogBridge(c.Logger, "raft")

	return rc
}

// serverID and address are raft's names for a node: both are its id.
func serverID(id segue.NodeID) raft.ServerID { return raft.ServerID(id.String()) }

func address(id segue.NodeID) raft.ServerAddress { return raft.ServerAddress(id.String()) }
