package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/segue-cluster/segue"
)

func (a *admin) status(r *http.Request) (any, error) {
	s := a.b.Status()
	s.Reasons, s.Releases = list(s.Reasons), list(s.Releases)
	s.Stale = s.Leader == ""

	if s.Rollout != nil {
		ro := s.Rollout.filled()
		s.Rollout = &ro
	}

	return s, noQuery(r)
}

func (a *admin) members(r *http.Request) (any, error) {
	members := slices.Clone(a.b.Members())
	for i := range members {
		members[i] = members[i].filled()
	}

	return list(members), noQuery(r)
}

func (a *admin) version(r *http.Request) (any, error) { return a.o.Version, noQuery(r) }

func (a *admin) losses(r *http.Request) (any, error) {
	losses := slices.Clone(a.b.Losses())
	for i := range losses {
		losses[i].Processes = list(losses[i].Processes)
	}

	return list(losses), noQuery(r)
}

func (a *admin) owners(r *http.Request) (any, error) {
	f, err := ownerFilter(r)
	if err != nil {
		return nil, err
	}

	owners := []Owner{}

	for _, o := range a.b.Owners() {
		if f.Match(o) {
			owners = append(owners, o)
		}
	}

	return owners, nil
}

func ownerFilter(r *http.Request) (OwnerFilter, error) {
	var f OwnerFilter

	for name, values := range r.URL.Query() {
		if name != "shard" && len(values) > 1 {
			return f, badRequest("query parameter %q is given %d times", name, len(values))
		}

		switch name {
		case "shard":
			for _, v := range values {
				n, err := strconv.ParseUint(v, 10, 32)
				if err != nil {
					return f, badRequest("query parameter shard=%q is not the number of a shard", v)
				}

				f.Shards = append(f.Shards, segue.ShardID(n))
			}
		case "node":
			f.Node = values[0]
		case "release":
			f.Release = values[0]
		case "state":
			f.State = ShardState(values[0])
		default:
			return f, badRequest("unknown query parameter %q (known: shard, node, release, state)", name)
		}
	}

	return f, nil
}

func (a *admin) rollouts(r *http.Request) (any, error) {
	ros := slices.Clone(a.b.Rollouts())
	for i := range ros {
		ros[i] = ros[i].filled()
	}

	return list(ros), noQuery(r)
}

func (a *admin) rollout(r *http.Request) (any, error) {
	ros := a.b.Rollouts()

	rev, err := revision(r.PathValue("revision"), ros)
	if err != nil {
		return nil, err
	}

	for _, ro := range ros {
		if ro.Revision == rev {
			return ro.filled(), noQuery(r)
		}
	}

	return nil, problem(segue.ErrNotFound.Code(), "there is no rollout %d, or it is too old to be kept", rev)
}

// revision reads the revision in a path: a number, also with an r before it, or
// "current" for the newest of ros.
func revision(ref string, ros []Rollout) (segue.Revision, error) {
	if ref == "current" {
		if len(ros) == 0 {
			return 0, problem(segue.ErrNotFound.Code(), "there was no rollout yet")
		}

		return ros[0].Revision, nil
	}

	n, err := strconv.ParseUint(strings.TrimPrefix(ref, "r"), 10, 64)
	if err != nil || n == 0 {
		return 0, badRequest("%q is not the revision of a rollout: want a number or current", ref)
	}

	return segue.Revision(n), nil
}

// noQuery refuses parameters where none is known: one that was mistyped would
// otherwise be ignored.
func noQuery(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}

	return badRequest("%s takes no query parameters", r.URL.Path)
}

// filled returns m with its time in UTC.
func (m Member) filled() Member {
	m.Since = m.Since.UTC()

	return m
}

// filled returns r without null lists and with times in UTC.
func (r Rollout) filled() Rollout {
	r.RolloutSummary = r.RolloutSummary.filled()
	r.Ledger.Held = list(r.Ledger.Held)

	return r
}

func (r RolloutSummary) filled() RolloutSummary {
	r.Stages = list(r.Stages)
	r.Started, r.Updated = r.Started.UTC(), r.Updated.UTC()

	return r
}
