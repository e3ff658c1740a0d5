// Package ownership is the replicated state machine of a cluster as pure code:
// who owns each shard, who should, which handoff sessions are open, which
// nodes are members, and how far a rollout has come.
//
// Raft orders entries; every node applies each of them, with its index, to its
// own [Table] and reaches the same state. Apply does no I/O, reads no clock and
// starts no goroutine. All that an entry depends on, time included, is in the
// entry. Guards check facts of the table only; facts outside of it (a lease has
// run out, a death is certain, a node answers) are checked by the leader before
// it proposes.
//
// Commands for several shards give one [Verdict] per shard and never fail as a
// whole. Every command may be proposed again: a repeated command whose effect
// stands is answered as done, a refused one changes nothing.
//
// The rules are those of docs/protocol.md section 2.
//
// # Guarantees
//
// For one epoch a shard has at most one owner, epochs only grow, and of one
// session exactly one of Commit, Abort, Recover and Reassign is ever applied.
//
// # Not promised
//
// A Table is not safe for concurrent use. It does not know whether a node is
// alive; it only knows what was agreed about it.
package ownership
