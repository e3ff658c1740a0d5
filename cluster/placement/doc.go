// Package placement decides on which nodes shards should be: at the formation
// of a cluster, when a node gives its shards away, when one died, and when the
// nodes of a release have become unevenly loaded.
//
// Its functions are pure: they read a table and return commands or nodes. They
// do not decide when a release takes over from another; package rollout does.
//
// # Guarantees
//
// Equal tables give equal answers. No shard is sent to a node that is fenced,
// draining or hosts nothing. Every command is accepted by the table that it was
// made for. A function that returns commands returns none once they were
// carried out, and while a rollout goes on it does not undo what the rollout
// does. The nodes that receive shards end up as evenly loaded, in shards, as
// what they had before allows.
//
// # Not promised
//
// Nothing here knows what a shard weighs, whether a node answers, or whether it
// has room.
package placement
