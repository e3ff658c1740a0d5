// Package handoff moves the processes of a shard from the node that runs them
// to another one, while clients keep calling.
//
// A handoff is a swap of roles. The source flips one process after the other:
// it sends the state, and from then on the target executes and the source
// stores every result before it gives it to the client. No flip waits for an
// answer: the order of one stream is the barrier. When everything runs at the
// target, one entry of the cluster's log makes it the owner; until then the
// source can take everything back.
//
//	source:  Owner -> Opening -> Flipping -> Committing -> Forwarding -> Idle
//	            ^         |          |            |             ^
//	            +---------+----- Aborting --------+-------------+
//	target:  Idle -> Ready -> Executing -> Owner
//	            ^       |         |
//	            +-------+---------+
//
// A [Replica] is one node's part in one shard, a pure state machine that tests
// explore exhaustively. A [Driver] puts replicas to work over real streams; it
// needs a [Host] that runs the processes and an [Arbiter] that agrees on
// ownership. Package node has both; another host may bring its own.
//
// The protocol is specified in docs/protocol.md.
//
// # Guarantees
//
// A reply is given to a client only after every node that could continue the
// process has its effect, or under a lease that excludes all others. A request
// id takes effect at most once. A session ends in exactly one way, and a handoff
// that is aborted, at any point, loses nothing that was acknowledged.
//
// # Not promised
//
// The crash of the only node that holds a process loses it; the loss is
// reported. What handlers write to the outside must carry the fencing token.
package handoff
