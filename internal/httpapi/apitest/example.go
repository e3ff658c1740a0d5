package apitest

import (
	"fmt"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// Shards is the number of shards of [Example].
const Shards = 8

// Index is the raft index of [Example].
const Index = 48213

// Node returns the id of the i-th member of [Example], from 0.
func Node(i int) segue.NodeID { return segue.NodeID{0: 0xd0, 6: 0x40, 8: 0x80, 15: byte(i + 1)} } //nolint:gosec // small

// Name returns the name of the i-th member of [Example], from 0.
func Name(i int) string {
	if i < 3 {
		return fmt.Sprintf("donation_platform_1.0.0@10.0.3.%d:7946", 11+i)
	}

	return fmt.Sprintf("donation_platform_1.0.1@10.0.3.%d:7946", 18+i)
}

// Example returns a cluster at a time (how long ago things were does not change
// within a minute as people read it): three nodes of release 1.0.0, one of them
// suspect, two of 1.0.1 beside them, and rollout 2 from one to the other at its
// second stage; rollout 1 was completed long ago. One shard is held back and one
// lost processes.
func Example(at time.Time) Cluster {
	c := Cluster{
		Position: httpapi.Position{Index: Index, Leader: Name(0)},
		Status: httpapi.Status{
			Cluster: "donation-prod", ID: "6f1c1f0e-6c1e-4d0b-9c3f-2a7d5a8f4e11", Generation: 1, Node: Name(1),
			Health: httpapi.Degraded, Reasons: []string{Name(2) + " is suspect", "shard 6 lost 3 processes"},
			Leader: Name(0), Term: 7, Index: Index, Voters: 3, VotersHealthy: 3, Tolerates: 1,
			Shards: httpapi.ShardCounts{Total: Shards, Owned: 4, Moving: 2, Held: 1, Lost: 1},
			Releases: []httpapi.Release{
				{Release: "1.0.0", Nodes: 3, Shards: 6, Share: 0.75},
				{Release: "1.0.1", Nodes: 2, Shards: 2, Share: 0.25},
			},
			Losses: httpapi.LossCounts{Losses: 1, Processes: 5},
		},
		Losses: []httpapi.Loss{{
			Index: 40000, Shard: 6, Node: "donation_platform_1.0.0@10.0.3.14:7946", Incarnation: 12, Count: 5,
			Processes: []string{"campaign/clean-water", "campaign/a/b"}, Rollout: 1,
		}},
	}

	shards := []int{3, 2, 1, 2, 0}
	for i, n := range shards {
		m := httpapi.Member{
			Node: Name(i), ID: Node(i), Incarnation: segue.Incarnation(10 + i), Status: httpapi.StatusAlive,
			Release: "1.0.0", Shards: n, Processes: uint64(n) * 5134, Hosting: true, Raft: httpapi.RaftVoter, //nolint:gosec // small
			Addrs: httpapi.Addrs{Gossip: strings.SplitN(Name(i), "@", 2)[1], Admin: fmt.Sprintf("10.0.3.%d:7950", 11+i)},
			Host:  "5b0c6d1e-0000-4000-8000-000000000001", Since: at.Add(-6*24*time.Hour - 150*time.Minute),
		}
		if i > 2 {
			m.Release, m.Raft, m.Since = "1.0.1", httpapi.RaftNonvoter, at.Add(-4*time.Hour-150*time.Second)
		}

		c.Members = append(c.Members, m)
	}

	c.Members[0].Raft = httpapi.RaftLeader
	c.Members[2].Status, c.Members[2].Note = httpapi.StatusSuspect, "gossip suspects it, raft heard from it 12ms ago"
	c.Owners = exampleOwners()
	c.Rollouts = exampleRollouts(at)

	return c
}

func exampleOwners() []httpapi.Owner {
	var owners []httpapi.Owner

	for i, node := range []int{0, 0, 0, 1, 1, 3, 2, 3} {
		o := httpapi.Owner{
			Shard: segue.ShardID(i), Owner: Name(node), OwnerID: Node(node), Release: "1.0.0",
			Epoch: segue.Epoch(100 + i), State: httpapi.ShardOwned,
		}
		if node > 2 {
			o.Release, o.Mirror = "1.0.1", Name(1)
		}

		owners = append(owners, o)
	}

	owners[2].State, owners[2].Assigned, owners[2].Session = httpapi.ShardMoving, Name(4), 31
	owners[3].State, owners[3].Assigned = httpapi.ShardOpening, Name(3)
	owners[4].State, owners[4].Assigned = httpapi.ShardHeld, Name(4)
	owners[4].Hold = &httpapi.Hold{Reason: "transform campaign 1 to 2: currency \"XYZ\" is unknown", Process: "campaign/odd"}
	owners[6].State, owners[6].Lost = httpapi.ShardLost, 3

	return owners
}

func exampleRollouts(at time.Time) []httpapi.Rollout {
	started := at.Add(-3*time.Hour - 12*time.Minute - 30*time.Second)
	digest := strings.Repeat("0123456789abcdef", 4)

	return []httpapi.Rollout{
		{
			RolloutSummary: httpapi.RolloutSummary{
				Revision: 2, From: "1.0.0", To: "1.0.1", Phase: httpapi.Progressing, Stage: 2, Stages: []int{5, 50, 100},
				Started: started, Updated: at.Add(-2*time.Hour - 90*time.Second),
				Share: httpapi.Share{At: 2, Moving: 2, Held: 1, Total: Shards},
			},
			Actor: "alice", Reason: "release 4411", RequestID: "6a1f",
			Ledger: httpapi.Ledger{
				Moved: 2314, Quarantined: 1, Shards: 2, Bytes: 19083264, Digest: digest, AbortedSessions: 1,
				Held:    []httpapi.Held{{Shard: 4, Process: "campaign/odd", Reason: "transform campaign 1 to 2: currency \"XYZ\" is unknown"}},
				PauseMS: httpapi.PauseMS{P50: 0.11, P99: 0.42, P999: 1.94, Max: 6.031},
			},
		},
		{
			RolloutSummary: httpapi.RolloutSummary{
				Revision: 1, From: "0.9.0", To: "1.0.0", Phase: httpapi.Completed, Stage: 1, Stages: []int{100},
				Started: at.Add(-6*24*time.Hour - 90*time.Minute), Updated: at.Add(-6*24*time.Hour - 59*time.Minute),
				Share: httpapi.Share{At: Shards, Total: Shards},
			},
			Actor: "ci", Reason: "", RequestID: "11",
			Ledger: httpapi.Ledger{
				Moved: 30800, Shards: Shards, Bytes: 181403648, Digest: digest, Lost: 5, Restarts: 1,
				PauseMS: httpapi.PauseMS{P50: 0.1, P99: 0.39, P999: 1.1, Max: 2.5},
			},
		},
	}
}
