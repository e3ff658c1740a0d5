// Package consensus is the cluster's replicated log: hashicorp/raft behind one
// door, and the store that keeps its log, its votes and the identity of the
// node.
//
// A [Store] is opened first, from a directory with [OpenStore] or in memory
// with [MemoryStore]. It holds the node's id: the id is minted together with
// the log it belongs to and is never used with another log. [New] takes the
// store, a [Machine] that applies entries, and the ways to reach peers; it
// starts nothing. [Raft.Run] owns all goroutines and returns after the last of
// them has ended.
//
// Nodes are known to raft by their id alone. The address of a peer is looked up
// by Config.Dial for every connection, so that a node may move without a change
// of the configuration.
//
// # Outcomes
//
// [Raft.Propose], [Raft.Barrier] and the changes of the configuration have
// three outcomes:
//
//   - done: the error is nil. The entry is committed, and this node has applied
//     it and all before it.
//   - unknown: the error matches [segue.ErrOutcomeUnknown]. The entry may be
//     committed now, later or never. Read the state before acting, and make
//     commands that can be proposed twice.
//   - refused: any other error. Nothing was written. It matches
//     [segue.ErrNoLeader] or [segue.ErrRetry] if another attempt, perhaps at
//     another node, can succeed ([NotLeaderError] says where), and otherwise
//     [segue.ErrRefused], [segue.ErrBadRequest] or [segue.ErrTooLarge].
//
// Waits end with ctx. A ctx without a deadline gets [DefaultWait].
//
// # A failing disk
//
// A leader whose disk hangs would stay leader for ever, because heartbeats need
// no disk, and a write that failed once must not be tried again, because the
// kernel may have dropped the pages. The store therefore fails for good at the
// first error of a write or an fsync ([ErrDisk]), at an operation that takes
// longer than [StallLimit] ([ErrStalled]) and at a record whose checksum is
// wrong ([ErrDamaged]). It then calls Config.OnFatal, once, and refuses every
// later operation; Run ends with the same error. The program should exit with a
// code of its own for each of the three: the cluster goes on without it.
//
// # Guarantees
//
// What Propose reports as done survives the crash of any minority of the
// voters. A vote is written in one transaction, so that a crash leaves all of it
// or nothing. Entries are checked when the store is opened and whenever they are
// read; a damaged one is an error, never skipped. A directory without a readable
// identity is never served under its old id, and a retired one never again. One
// process at a time uses a directory. No goroutine outlives Run, unless the disk
// or the machine hangs.
//
// # Not promised
//
// [Raft.IsLeader] and [Raft.Leader] are hints; only a Barrier or a Propose that
// is done proves leadership, and only for its own moment. The store does not
// notice that its directory was replaced by an older copy; the incarnation in
// [Identity] lets the cluster notice. In memory a node is gone for good when its
// process ends. Snapshots are written outside of the watchdog: one that cannot
// be written is logged and tried again, and the log keeps growing meanwhile.
// Raft itself does not authenticate: Config.Dial and Config.Listener must only
// return connections to verified nodes of the same cluster.
package consensus
