// Package rollout decides what a rollout does next: which shards should be at
// which release, whether a stage is reached, and how the rollout ends. It only
// ever writes assignments and phases; handoffs follow from them. Start, Abort
// and Undo turn what a person asks for into commands.
//
// A rollout goes forward until every shard is at its release or held back, and
// is then completed. It goes back if a person aborts it, and by itself if the
// last node of its release is gone and nothing is left there. It fails only on
// the way back: if no node is there to go back to, or if shards are held back at
// the release that should be left.
//
// Every function is pure. Step looks at the table as it is, so a node that
// joins, drains or dies in the middle needs no rule of its own:
//
//   - A node that joins takes its part of what is assigned from then on.
//   - What a drain moves is left to the drain until it has arrived. A drain stays
//     within its release while it can, see [placement.Drain].
//   - Shards of a dead owner wait for their successor.
//   - While the release has no node that takes shards, the rollout waits for one.
//     Once nothing is owned there any more it goes back, if a host of the former
//     release is left, and else waits on.
//
// A shard that cannot move is held by its owner. A hold that is older than the
// rollout, or than its turning back, is tried again once, within the share of a
// stage; a newer one is not. So another rollout to the same release tries what
// the former left behind.
//
// # Guarantees
//
// Equal tables give equal commands, the table accepts each of them at once, and
// carrying them out changes it. No shard is assigned to a node that is fenced,
// draining or hosts nothing. A stage never assigns more shards to its release
// than it wants there. The load comes off its owners and onto its hosts evenly,
// in shards. When nothing fails any more, a rollout ends after a bounded number
// of steps; one that was aborted leaves no shard at its release but those that
// are held there, and then ends as failed and says so.
//
// # Not promised
//
// That nodes follow. A rollout has no deadline of its own and judges no metrics:
// it waits for a handoff as long as that takes, and stays in a phase that waits
// for a person or a gate until one of them writes another.
package rollout
