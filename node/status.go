package node

import (
	"fmt"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// Status implements [httpapi.Reader].
func (b backend) Status() httpapi.Status {
	n := b.n
	leader, term, led := n.cluster.Leader()

	s := httpapi.Status{Node: n.name.String(), Term: term, Stale: !led, Reasons: []string{}, Releases: []httpapi.Release{}}
	if led {
		s.Leader = n.nameOf(leader)
	}

	members := n.cluster.Members()
	countVoters(&s, members)

	formed := false

	n.cluster.Table(func(t *ownership.Table) {
		formed = t.Formed()
		s.Cluster, s.Generation, s.Index = t.Cluster, t.Generation, t.Index

		if formed {
			s.ID = segue.NodeID(t.ID).String() // of the same form
		}

		countShards(&s, t)

		for _, l := range t.Losses {
			s.Losses.Losses++
			s.Losses.Processes += l.Count
		}

		if k := len(t.Rollouts); k > 0 {
			r := rolloutOf(t, &t.Rollouts[k-1])
			s.Rollout = &r.RolloutSummary
		}
	})

	s.Health, s.Reasons = healthOf(&s, members, formed)
	if why := n.cluster.Waiting(); why != nil {
		s.Reasons = append(s.Reasons, "this node is not a member yet: "+why.Error())
	}

	return s
}

func countVoters(s *httpapi.Status, members []cluster.MemberView) {
	for _, m := range members {
		if m.Raft != "voter" {
			continue
		}

		s.Voters++

		if m.Status == "alive" || m.Status == "leaving" {
			s.VotersHealthy++
		}
	}

	if s.VotersHealthy > 0 {
		s.Tolerates = max(s.VotersHealthy-(s.Voters/2+1), 0)
	}
}

func countShards(s *httpapi.Status, t *ownership.Table) {
	releases := map[string]*httpapi.Release{}

	for _, m := range t.Members {
		if m.Fenced || !m.Hosting {
			continue
		}

		if releases[m.Release] == nil {
			releases[m.Release] = &httpapi.Release{Release: m.Release}
		}

		if !m.Draining {
			releases[m.Release].Nodes++
		}
	}

	for i := range t.Shards {
		row := &t.Shards[i]
		s.Shards.Total++

		switch stateOf(t, row) {
		case httpapi.ShardLost:
			s.Shards.Lost++
		case httpapi.ShardUnowned:
			s.Shards.Unowned++
		case httpapi.ShardHeld:
			s.Shards.Held++
		case httpapi.ShardMoving, httpapi.ShardOpening:
			s.Shards.Moving++
		case httpapi.ShardOwned:
			s.Shards.Owned++
		}

		if r := releases[t.Members[row.Owner].Release]; r != nil {
			r.Shards++
		}
	}

	for _, r := range releases {
		if s.Shards.Total > 0 {
			r.Share = float64(r.Shards) / float64(s.Shards.Total)
		}

		s.Releases = append(s.Releases, *r)
	}

	slices.SortFunc(s.Releases, func(a, b httpapi.Release) int { return placement.CompareReleases(a.Release, b.Release) })
}

// healthOf sums the cluster up. It is about serving, not about rollouts.
func healthOf(s *httpapi.Status, members []cluster.MemberView, formed bool) (httpapi.HealthWord, []string) { //nolint:revive // a fact, not a switch
	reasons := []string{}

	if !formed {
		return httpapi.Forming, append(reasons, "the cluster is not formed yet")
	}

	word := httpapi.Healthy
	worse := func(w httpapi.HealthWord, format string, args ...any) {
		if word != httpapi.Unavailable {
			word = w
		}

		reasons = append(reasons, fmt.Sprintf(format, args...))
	}

	if s.Leader == "" {
		worse(httpapi.Unavailable, "no leader: %d of %d voters are healthy", s.VotersHealthy, s.Voters)
	}

	if s.Shards.Unowned > 0 {
		worse(httpapi.Unavailable, "%d shards are served by nobody", s.Shards.Unowned)
	}

	if s.VotersHealthy < s.Voters {
		worse(httpapi.Degraded, "%d of %d voters are healthy", s.VotersHealthy, s.Voters)
	}

	if s.Shards.Lost > 0 {
		worse(httpapi.Degraded, "%d shards lost processes", s.Shards.Lost)
	}

	for _, m := range members {
		if m.Status == "suspect" || m.Status == "failed" {
			worse(httpapi.Degraded, "%s is %s", m.Name, m.Status)
		}
	}

	return word, reasons
}
