package rollout

import (
	"github.com/segue-cluster/segue/cluster/ownership"
)

// standing is where a shard is, as seen from a release that wants it.
type standing uint8

const (
	at      standing = iota + 1 // owned by the release, assigned nowhere else
	coming                      // assigned to the release, or there at a dead owner
	held                        // kept away from the release by a hold
	free                        // elsewhere, may be assigned to the release
	leaving                     // owned by the release, assigned elsewhere
	busy                        // elsewhere or about to be, and not to be touched now
)

// standingOf tells where a shard is, as seen from release. A hold that is not
// newer than since does not count.
func standingOf(t *ownership.Table, s *ownership.Shard, release string, since uint64) standing {
	to, moving := t.Members[s.Assigned]
	moving = moving && to.Hosting && !to.Fenced
	toRelease := moving && to.Release == release
	live := t.Live(s.Owner, s.OwnerInc)
	blocked := s.Hold.Reason != ""

	if t.Members[s.Owner].Release == release && !s.Owner.IsZero() {
		switch {
		case !live:
			return coming
		case !moving || toRelease:
			return at
		case s.Cause == ownership.CauseDrain && blocked:
			return at // the node drains, but this shard cannot leave it
		case s.Cause == ownership.CauseDrain:
			return busy
		}

		return leaving
	}

	switch {
	case s.Owner.IsZero():
		return busy
	case blocked && s.Hold.Index > since:
		return held
	case toRelease && !blocked:
		return coming
	case !live, moving && !toRelease && !blocked:
		return busy
	}

	return free
}

// Share is how far a release has come. What is in none of its counts is
// elsewhere.
type Share struct {
	At     int // shards owned by the release and assigned nowhere else
	Moving int // on their way to the release, or waiting for another owner there
	Held   int // not at the release and held back
	Total  int // all shards
}

// ShareOf counts the shards of a release. What was held before the active
// rollout took its direction counts as not yet tried, not as held.
func ShareOf(t *ownership.Table, release string) Share {
	var since uint64
	if ro, ok := t.Active(); ok {
		since = ro.Since
	}

	return shareOf(t, release, since)
}

func shareOf(t *ownership.Table, release string, since uint64) Share {
	share := Share{Total: len(t.Shards)}

	for i := range t.Shards {
		switch standingOf(t, &t.Shards[i], release, since) {
		case at:
			share.At++
		case coming:
			share.Moving++
		case held:
			share.Held++
		case free, leaving, busy:
		}
	}

	return share
}

// want returns how many shards a stage wants at the release.
func want(total int, percent uint8) int { return (total*int(percent) + 99) / 100 }
