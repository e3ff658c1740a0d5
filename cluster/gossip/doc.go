// Package gossip finds the nodes of a cluster, spreads what they tell about
// themselves, and notices those that are gone. It is the only package that
// knows hashicorp/memberlist.
//
// A node makes a [Gossip] with [New], runs it with [Gossip.Run], reads
// [Gossip.Members] whenever [Gossip.Changed] says so, and changes its own
// [Meta] with [Gossip.UpdateMeta].
//
// # How it works
//
// Every start of a node has its own name in gossip, "name#token", so that no
// start is in conflict with what a crash left behind, and a second node of the
// same name is seen as what it is: another member, see [Gossip.Duplicates].
//
// Packets and streams are encrypted with AES-256-GCM and carry the label
// "segue/<cluster>". Whoever has the key is believed.
//
// The library forgets a failed member after [Timing.GossipToTheDead], and two
// halves of a partition that lasted longer would never find each other again.
// So every [Timing.Reconnect] a node contacts the seeds (names are looked up
// again), the known addresses and the failed members of the last 24 hours that
// are no live member's address. Until a node met another one it tries at
// intervals of 1 s to 30 s instead, for ever.
//
// The library's callbacks run under its lock. Here they only change a table
// that waits for nothing; its log goes through a bounded queue.
//
// # Goroutines
//
// Run starts, and waits for: a reader of packets, an acceptor of streams, the
// reconnect loop with at most 8 contacts at a time, one that spreads changes of
// the meta, one that writes the log. The library's own goroutines cannot be
// waited for; some end up to [Timing.Linger] after Run. By then the sockets and
// all streams are closed and the table is frozen: they touch nothing.
//
// # Guarantees
//
// Status and address of a member converge on all nodes that can reach each
// other. Typical times with [LANTiming]: a crash is seen after 6 s, a leave at
// once, and a partition of any length heals within 10 s. Members, events, streams, packets,
// log lines and addresses per try are all bounded by the constants of this
// package. A peer with another key or cluster name gets no byte of the state.
//
// # Not promised
//
// Gossip picks its targets at random: now and then a node hears of a change only
// when it exchanges its whole state, every [Timing.PushPullInterval].
//
// Everything here is a hint. A member may be alive and shown as failed, or the
// other way round, and two nodes may see different members: ownership, votes
// and trust are never decided by it. There is no protection against a replayed
// packet, nor against a holder of the key. Changes of a meta may be coalesced,
// events may be dropped once [MaxEvents] newer ones exist. [StatusSuspect] is
// this node's own finding; others may have found differently.
package gossip
