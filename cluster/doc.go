// Package cluster is the control plane of a node: it finds the other nodes,
// agrees with them on who owns which shard, holds the node's lease, and, on
// the leader, carries out everything that only writes assignments.
//
//	gossip       finds nodes and tells who seems alive: a hint, never a decision
//	consensus    orders entries; every node applies all of them
//	ownership    what the entries mean, as pure code
//	rollout, placement, voters   what the leader does next, as pure code
//	identity     who may talk to whom
//
// A [Cluster] composes them over one TLS port. It does not know what a handoff
// is: package node connects it with package handoff.
//
// # Guarantees
//
// What [Config].Applied is told comes in the order of the log, each entry once.
// [Cluster.Leased] is true only while no other node can have been made the
// owner of this node's shards. A join that fails never forms a cluster.
//
// # Not promised
//
// Members and leaders as gossip and raft report them are hints. A proposal whose
// outcome is unknown may be carried out later.
package cluster
