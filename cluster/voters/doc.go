// Package voters decides who votes in raft, as a pure function: from the
// configuration, the ownership table and what the leader knows about nodes to
// the next single change, if one is due.
//
// Every member is in raft's configuration, since it routes by its own copy of
// the table. A few of them vote. They follow the releases without any rule about
// releases: a node that leaves is replaced, and the replacement is preferably
// one that is about to stay.
//
//   - A member that is not in the configuration is added as a nonvoter. It is
//     promoted only after it has proved, for a while, that it follows.
//   - A voter that leaves is replaced first and removed then. If nobody can
//     replace it, or not within [Config.Patience], it is removed without.
//   - A voter that cannot come back, because it is fenced and keeps no log or has
//     left, is removed at once: that never costs tolerance, and to promote
//     another beside a dead one could make the cluster depend on the newcomer.
//   - A fenced voter that keeps its log may come back with it. It stays until a
//     replacement was promoted, or until a quorum would need one that leaves.
//   - A leader that leaves hands leadership to a voter that stays and has caught
//     up; that one removes it. A leader never removes itself.
//   - A cluster rests at an odd number of voters: an even number tolerates no
//     more failures and needs one more node for a quorum. A surplus voter that is
//     still a member is removed and then added again as a nonvoter; a node must
//     not take its absence from the configuration for the end of its membership.
//   - If in an even configuration exactly half of the voters stop answering, the
//     leader removes one of them while it still leads. One vote less is enough
//     then. Between one voter and the next there is no other way.
//
// Voters are replaced because they ask to leave, which a node does after it has
// given its shards away: while shards move, a crash of a new node is of no
// concern to raft.
//
// # Guarantees
//
// Equal views give equal actions. Only one change is under way at a time. No
// removal leaves fewer voters answering than a quorum of the rest. A promotion
// makes the cluster depend on a node that it did not depend on before only where
// one voter becomes two, or where a replacement comes while a dead voter may
// still return and nobody else is to spare; both end with the next change. When
// nothing fails any more, as many live members vote as were asked for, or the
// largest odd number that there is.
//
// # Not promised
//
// With two voters the death of the leader stops the cluster until it returns;
// that cannot be told from being cut off. Nothing here knows machines or racks:
// all voters may end up on one.
package voters
