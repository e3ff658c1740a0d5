package placement

import (
	"cmp"
	"maps"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// Heading returns the release at which shards should be that need a new node,
// as far as it has hosts: while a rollout is active the one that it goes to, or
// back to; else the newest, unless the last rollout led away from it. It is ""
// if there is no host at all.
func Heading(t *ownership.Table) string {
	releases := Releases(t)

	if ro, ok := t.Active(); ok {
		if release := direction(ro); slices.Contains(releases, release) {
			return release
		}
	}

	left := abandoned(t)
	if i := slices.IndexFunc(releases, func(r string) bool { return r != left }); i >= 0 {
		return releases[i]
	}

	if len(releases) > 0 {
		return releases[0]
	}

	return ""
}

// direction returns the release to which a rollout brings shards at present.
func direction(ro *ownership.Rollout) string {
	if ro.Back() {
		return ro.From
	}

	return ro.To
}

// abandoned returns the release that the last rollout led away from, "" if
// there is none. A release number does not tell: an undo goes from a higher one
// to a lower one, and nothing but another rollout may lead back.
func abandoned(t *ownership.Table) string {
	for _, ro := range slices.Backward(t.Rollouts) {
		switch ro.Phase {
		case ownership.Completed:
			return ro.From
		case ownership.RolledBack:
			return ro.To
		case ownership.Pending, ownership.Preflight, ownership.Rehearsing, ownership.Progressing, ownership.Paused,
			ownership.Gating, ownership.Baking, ownership.Finalizing, ownership.Aborting, ownership.RollingBack,
			ownership.Failed:
			return ""
		}
	}

	return ""
}

// Releases returns the releases of the hosts of t, the newest first. What is
// not a semantic version counts as older than what is.
func Releases(t *ownership.Table) []string {
	found := map[string]bool{}
	for _, id := range Hosts(t, Any) {
		found[t.Members[id].Release] = true
	}

	return slices.SortedFunc(maps.Keys(found), func(a, b string) int { return CompareReleases(b, a) })
}

// CompareReleases returns -1, 0 or +1 for a release that is older than, equal
// to or newer than another one, by the rules of semantic versions. What is not
// a semantic version counts as older than what is.
func CompareReleases(a, b string) int {
	va, errA := semver.NewVersion(a)
	vb, errB := semver.NewVersion(b)

	switch {
	case errA == nil && errB == nil && va.Compare(vb) != 0:
		return va.Compare(vb)
	case errA == nil && errB != nil:
		return +1
	case errA != nil && errB == nil:
		return -1
	}

	return cmp.Compare(a, b)
}

// Successor returns the host that gets a shard whose state died with its
// owner, and counts it in load. There is no state to transform, so it stays at
// the release of its owner if that has a host; but a rollout that goes back
// does not leave it at the release that it leads away from.
func Successor(t *ownership.Table, shard segue.ShardID, load Load) (segue.NodeID, bool) {
	release := t.Members[t.Shards[shard].Owner].Release

	if _, ok := t.Active(); !ok {
		if hosts := Hosts(t, OfRelease(release)); len(hosts) > 0 {
			return load.Take(hosts)
		}
	}

	return load.Take(refuge(t, release))
}

// refuge returns the hosts that take over what a node of a release gives away.
//
// While a rollout goes forward that is a peer of the same release: how much
// moves to the new release is the rollout's to say. Only if no peer is left it
// is a host of the release that the rollout comes from, and then of the one it
// goes to. While a rollout goes back it is the release it goes back to. Without
// a rollout it is the release of [Heading], but a peer if the last rollout
// failed, since then a person has to say which release is right.
func refuge(t *ownership.Table, release string) []segue.NodeID {
	var order []string

	n := len(t.Rollouts)
	ro, active := t.Active()

	switch {
	case active && ro.Back():
		order = []string{ro.From, release}
	case active:
		order = []string{release, ro.From, ro.To}
	case n > 0 && t.Rollouts[n-1].Phase == ownership.Failed:
		order = []string{release}
	}

	for _, r := range append(order, Heading(t)) {
		if hosts := Hosts(t, OfRelease(r)); len(hosts) > 0 {
			return hosts
		}
	}

	return nil
}
