package voters_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/voters"
)

var now = time.Unix(1_800_000_000, 0)

func node(n byte) segue.NodeID { return segue.NodeID{n} }

// good is the progress of a node that has followed for a while.
func good() voters.Progress {
	return voters.Progress{
		Heard: now.Add(-40 * time.Millisecond), Commit: 100, Applied: 90, Contact: 50 * time.Millisecond, Term: 3, Stable: now.Add(-2 * time.Second),
	}
}

// rest is a cluster at rest: nodes 1 to 3 vote, 1 leads, 4 and 5 do not vote.
// All are of one release, keep logs and follow.
func rest(t *testing.T) *voters.View {
	t.Helper()

	v := &voters.View{
		Now: now, Leader: node(1), Term: 3, ConfigIndex: 80, Commit: 100, Changed: now.Add(-time.Hour), Table: ownership.New(),
		Progress: map[segue.NodeID]voters.Progress{}, Leaving: map[segue.NodeID]time.Time{}, Wanted: 3,
	}
	v.Table.Apply(1, ownership.Genesis{
		Cluster: "donation", ID: ownership.ClusterID{7}, Generation: 1, Shards: 1, Hash: ownership.ShardHash, Expect: 3,
	})

	for n := range byte(5) {
		join(v, n+1, "1.0.0", true)
		v.Servers = append(v.Servers, voters.Server{ID: node(n + 1), Voter: n < 3})
		v.Progress[node(n+1)] = good()
	}

	return v
}

func join(v *voters.View, n byte, release string, durable bool) {
	v.Table.Apply(v.Table.Index+1, ownership.Join{
		Node: node(n), Start: v.Table.Index + 1, Name: fmt.Sprintf("n%d", n), Release: release, MaxLevel: 1, Hosting: release != "keeper",
		Durable: durable,
	})
}

func fence(v *voters.View, n byte) {
	v.Table.Apply(v.Table.Index+1, ownership.Fence{Node: node(n), Inc: v.Table.Members[node(n)].Inc})
}

func drain(v *voters.View, n byte) {
	v.Table.Apply(v.Table.Index+1, ownership.Drain{Node: node(n), Inc: v.Table.Members[node(n)].Inc, On: true})
}

func forget(v *voters.View, n byte) {
	v.Table.Apply(v.Table.Index+1, ownership.Leave{Node: node(n), Inc: v.Table.Members[node(n)].Inc})
}

// alter changes the progress of a node.
func alter(v *voters.View, n byte, f func(p *voters.Progress)) {
	p := v.Progress[node(n)]
	f(&p)
	v.Progress[node(n)] = p
}

func miss(n int) func(*voters.Progress) {
	return func(p *voters.Progress) { p.Missed, p.Stable = n, time.Time{} }
}

func TestNext(t *testing.T) {
	tests := []struct {
		name  string
		setup func(v *voters.View)
		want  voters.Kind
		node  byte
		says  string
	}{
		{"nothing to do", func(*voters.View) {}, voters.None, 0, ""},
		{"no cluster", func(v *voters.View) { v.Table = ownership.New() }, voters.None, 0, ""},
		{"not a voter", func(v *voters.View) { v.Leader = node(4) }, voters.Wait, 0, "not a voter"},
		{"nobody leads", func(v *voters.View) { v.Leader = segue.NodeID{} }, voters.Wait, 0, "not a voter"},
		{"a change is under way", func(v *voters.View) { v.ConfigIndex = 101; fence(v, 2) }, voters.Wait, 0, "not committed"},
		{"voters are silent", func(v *voters.View) { alter(v, 2, miss(1)); alter(v, 3, miss(1)) }, voters.Wait, 0, "1 of 3 voters"},

		{"a newcomer", func(v *voters.View) { join(v, 6, "1.0.0", false) }, voters.AddNonvoter, 6, "n6: it is a member"},
		{"a dead newcomer", func(v *voters.View) { join(v, 6, "1.0.0", true); fence(v, 6) }, voters.None, 0, ""},
		{"a newcomer that leaves", func(v *voters.View) { join(v, 6, "1.0.0", true); v.Leaving[node(6)] = now }, voters.None, 0, ""},
		{"a newcomer before the vote", func(v *voters.View) { join(v, 6, "1.0.0", true); v.Leaving[node(3)] = now }, voters.AddNonvoter, 6, ""},
		{"the vote first between odd numbers", func(v *voters.View) {
			v.Servers[3].Voter = true
			v.Leaving[node(3)] = now
			join(v, 6, "1.0.0", true)
		}, voters.Remove, 3, "was replaced"},

		{"a nonvoter leaves", func(v *voters.View) { v.Leaving[node(5)] = now }, voters.Remove, 5, "does not vote"},
		{"a nonvoter has left", func(v *voters.View) { forget(v, 5) }, voters.Remove, 5, ""},
		{"a diskless nonvoter died", func(v *voters.View) { join(v, 5, "1.0.0", false); fence(v, 5) }, voters.Remove, 5, ""},
		{"a durable nonvoter died", func(v *voters.View) { fence(v, 5) }, voters.None, 0, ""},

		{"a voter leaves", func(v *voters.View) { v.Leaving[node(3)] = now }, voters.Promote, 4, "2 voters stay, 3 are wanted"},
		{"the leader leaves", func(v *voters.View) { v.Leaving[node(1)] = now }, voters.Promote, 4, ""},
		{"the leader leaves, replaced", func(v *voters.View) {
			v.Leaving[node(1)] = now
			v.Servers[3].Voter = true
		}, voters.Transfer, 2, "the leader leaves"},
		{"the leader leaves, heirs lag", func(v *voters.View) {
			v.Leaving[node(1)] = now
			v.Servers[3].Voter = true
			alter(v, 2, func(p *voters.Progress) { p.Commit = 200 })
			alter(v, 3, func(p *voters.Progress) { p.Term = 2 })
		}, voters.Transfer, 4, ""},
		{"the leader leaves, nobody stays", func(v *voters.View) {
			for n := range byte(5) {
				v.Leaving[node(n+1)] = now
			}
			v.Servers = v.Servers[:1]
		}, voters.Wait, 0, "no voter that stays"},
		{"the leader is fenced", func(v *voters.View) { fence(v, 1) }, voters.Promote, 4, ""},

		{"a candidate lags", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 4, func(p *voters.Progress) { p.Commit = p.Applied + 64 })
		}, voters.Promote, 5, ""},
		{"a candidate has lost the leader", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 4, func(p *voters.Progress) { p.Contact = 500 * time.Millisecond })
		}, voters.Promote, 5, ""},
		{"a candidate is not stable yet", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 4, func(p *voters.Progress) { p.Stable = now.Add(-999 * time.Millisecond) })
		}, voters.Promote, 5, ""},
		{"a candidate is in another term", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 4, func(p *voters.Progress) { p.Term = 4 })
		}, voters.Promote, 5, ""},
		{"a candidate was not heard lately", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 4, func(p *voters.Progress) { p.Heard = now.Add(-500 * time.Millisecond) })
		}, voters.Promote, 5, ""},
		{"a candidate is draining", func(v *voters.View) { v.Leaving[node(3)] = now; drain(v, 4) }, voters.Promote, 5, ""},
		{"a candidate of the newest release", func(v *voters.View) { v.Leaving[node(3)] = now; join(v, 5, "1.0.1", true) }, voters.Promote, 5, ""},
		{"a candidate that is a keeper", func(v *voters.View) { v.Leaving[node(3)] = now; join(v, 5, "keeper", true) }, voters.Promote, 5, ""},
		{"a candidate with a log", func(v *voters.View) { v.Leaving[node(3)] = now; join(v, 4, "1.0.0", false) }, voters.Promote, 5, ""},
		{"a candidate of the rollout", func(v *voters.View) {
			v.Leaving[node(3)] = now
			join(v, 4, "1.0.1", true)
			join(v, 5, "1.0.0", true)
			v.Table.Apply(v.Table.Index+1, ownership.RolloutStart{Request: "r", From: "1.0.1", To: "1.0.0", Stages: []uint8{100}})
		}, voters.Promote, 5, ""},

		{"a leaver waits for a candidate", func(v *voters.View) {
			v.Leaving[node(3)] = now.Add(-9 * time.Second)
			alter(v, 4, func(p *voters.Progress) { p.Stable = time.Time{} })
			alter(v, 5, miss(3))
		}, voters.Wait, 0, "n3 leaves once another node has caught up"},
		{"a leaver has waited", func(v *voters.View) {
			v.Leaving[node(3)] = now.Add(-10 * time.Second)
			alter(v, 4, func(p *voters.Progress) { p.Stable = time.Time{} })
			alter(v, 5, miss(3))
		}, voters.Remove, 3, "nobody can replace it"},
		{"a leaver has nobody", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 4, miss(3))
			alter(v, 5, miss(3))
		}, voters.Remove, 3, "nobody can replace it"},
		{"a leaver is needed", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 2, miss(3))
			v.Servers = v.Servers[:3]
			fence(v, 4)
			fence(v, 5)
		}, voters.Wait, 0, "a quorum needs it"},
		{"a leaver is needed beside a dead one", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 2, miss(3))
			v.Servers = v.Servers[:3]
			fence(v, 2)
			fence(v, 4)
			fence(v, 5)
		}, voters.Remove, 2, "it is dead, and n3 leaves as well"},
		{"a leaver is needed, since another does not confirm", func(v *voters.View) {
			v.Leaving[node(3)] = now
			v.Servers = v.Servers[:3]
			v.ConfigIndex, v.Changed = 95, now.Add(-201*time.Millisecond)
			alter(v, 3, func(p *voters.Progress) { p.Applied = 95 })
			fence(v, 4)
			fence(v, 5)
		}, voters.Wait, 0, "a quorum needs it"},
		{"a fenced voter does not count, though it answers", func(v *voters.View) {
			v.Leaving[node(3)] = now
			v.Servers = v.Servers[:3]
			fence(v, 2)
			fence(v, 4)
			fence(v, 5)
		}, voters.Remove, 2, "it is dead, and n3 leaves as well"},
		{"a leaver has died", func(v *voters.View) {
			v.Leaving[node(3)] = now
			alter(v, 3, miss(3))
		}, voters.Remove, 3, "does not come back"},

		{"a diskless voter died", func(v *voters.View) { join(v, 3, "1.0.0", false); fence(v, 3) }, voters.Remove, 3, "does not come back"},
		{"a durable voter died", func(v *voters.View) { fence(v, 3); alter(v, 3, miss(9)) }, voters.Promote, 4, ""},
		{"a durable voter died and was replaced", func(v *voters.View) {
			fence(v, 3)
			alter(v, 3, miss(9))
			v.Servers[3].Voter = true
		}, voters.Remove, 3, "was replaced"},
		{"a voter is silent, no more", func(v *voters.View) { alter(v, 3, miss(9)) }, voters.None, 0, ""},

		{"a voter has left", func(v *voters.View) { forget(v, 3); v.Leaving[node(3)] = now }, voters.Promote, 4, ""},
		{"a voter has not joined yet", func(v *voters.View) { forget(v, 3) }, voters.None, 0, ""},
		{"a voter never joined", func(v *voters.View) { forget(v, 3); alter(v, 3, miss(99)) }, voters.None, 0, ""},
		{"a voter left long ago", func(v *voters.View) {
			forget(v, 3)
			v.Progress[node(3)] = voters.Progress{Missed: 9999, Heard: now.Add(-2 * time.Minute)}
		}, voters.Remove, 3, "does not come back"},

		{"a promoted voter has not confirmed", func(v *voters.View) {
			v.Servers[3].Voter = true
			v.Leaving[node(3)] = now
			v.ConfigIndex, v.Changed = 95, now.Add(-100*time.Millisecond)
			alter(v, 2, func(p *voters.Progress) { p.Applied = 95 })
			alter(v, 3, func(p *voters.Progress) { p.Applied = 95 })
		}, voters.Wait, 0, "n4 has not applied"},
		{"a promoted voter does not confirm", func(v *voters.View) {
			v.Servers[3].Voter = true
			v.Leaving[node(3)] = now
			v.ConfigIndex, v.Changed = 95, now.Add(-201*time.Millisecond)
			alter(v, 2, func(p *voters.Progress) { p.Applied = 95 })
			alter(v, 3, func(p *voters.Progress) { p.Applied = 95 })
		}, voters.Remove, 3, "was replaced"},

		{"more votes are wanted", func(v *voters.View) { v.Wanted = 5 }, voters.Promote, 4, "3 voters stay, 5 are wanted"},
		{"more, but only one can", func(v *voters.View) { v.Wanted = 5; alter(v, 5, miss(1)) }, voters.None, 0, ""},
		{"more, but one is silent", func(v *voters.View) { v.Wanted = 5; alter(v, 3, miss(1)) }, voters.None, 0, ""},
		{"fewer votes are wanted", func(v *voters.View) { v.Wanted = 1 }, voters.Remove, 3, "3 voters, 1 are wanted"},
		{"fewer, and one is silent", func(v *voters.View) { v.Wanted = 1; alter(v, 2, miss(3)) }, voters.Remove, 2, ""},
		{"fewer, and one drains", func(v *voters.View) { v.Wanted = 2; drain(v, 2) }, voters.Remove, 2, ""},
		{"an even number", func(v *voters.View) {
			v.Servers = v.Servers[:2]
			fence(v, 3)
			fence(v, 4)
			fence(v, 5)
		}, voters.Remove, 2, "2 voters, 1 are wanted"},
		{"an even number that will grow", func(v *voters.View) {
			v.Servers = v.Servers[:4]
			v.Servers[2].Voter = false
			alter(v, 3, func(p *voters.Progress) { p.Stable = time.Time{} })
			alter(v, 4, func(p *voters.Progress) { p.Stable = time.Time{} })
			fence(v, 5)
		}, voters.None, 0, ""},

		{"rescue of one of two", func(v *voters.View) {
			v.Servers = v.Servers[:2]
			alter(v, 2, miss(3))
		}, voters.Remove, 2, "half of the voters are silent"},
		{"rescue is not hasty", func(v *voters.View) {
			v.Servers = v.Servers[:2]
			alter(v, 2, miss(2))
		}, voters.Wait, 0, "1 of 2 voters"},
		{"rescue of one that does not confirm", func(v *voters.View) {
			v.Servers = v.Servers[:2]
			v.ConfigIndex, v.Changed = 95, now.Add(-201*time.Millisecond)
		}, voters.Remove, 2, "half"},
		{"rescue gives up who does not stay", func(v *voters.View) {
			v.Servers[3].Voter = true
			fence(v, 2)
			alter(v, 2, miss(50))
			alter(v, 4, miss(3))
		}, voters.Remove, 2, "does not stay"},
		{"no rescue from more", func(v *voters.View) {
			v.Servers[3].Voter = true
			alter(v, 2, miss(3))
			alter(v, 3, miss(3))
			alter(v, 4, miss(3))
		}, voters.Wait, 0, "1 of 4 voters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := rest(t)
			tt.setup(v)

			got := voters.Config{}.Next(*v)
			if got.Kind != tt.want || tt.node != got.Node[0] || !strings.Contains(got.Reason, tt.says) {
				t.Errorf("Next() = %s %v (%s), want %s of node %d that says %q", got.Kind, got.Node, got.Reason, tt.want, tt.node, tt.says)
			}

			if again := (voters.Config{}).Next(*v); again != got {
				t.Errorf("Next() once more = %+v, want %+v", again, got)
			}
		})
	}
}

func TestAnswered(t *testing.T) {
	before := good()
	later := before
	later.Heard = before.Heard.Add(50 * time.Millisecond)

	tests := []struct {
		name   string
		before voters.Progress
		change func(p *voters.Progress)
		want   time.Time
	}{
		{"goes on", before, func(*voters.Progress) {}, before.Stable},
		{"begins", voters.Progress{}, func(*voters.Progress) {}, later.Heard},
		{"begins again after a miss", voters.Config{}.Unanswered(before), func(*voters.Progress) {}, later.Heard},
		{"begins again after a silence", before, func(p *voters.Progress) { p.Heard = before.Heard.Add(500 * time.Millisecond) }, before.Heard.Add(500 * time.Millisecond)},
		{"begins again in another term", before, func(p *voters.Progress) { p.Term++ }, later.Heard},
		{"63 entries behind", before, func(p *voters.Progress) { p.Commit = p.Applied + 63 }, before.Stable},
		{"64 entries behind", before, func(p *voters.Progress) { p.Commit = p.Applied + 64 }, time.Time{}},
		{"ahead of what was asked", before, func(p *voters.Progress) { p.Commit = 0 }, before.Stable},
		{"out of contact", before, func(p *voters.Progress) { p.Contact = 500 * time.Millisecond }, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := later
			answer.Stable, answer.Missed = time.Time{}, 7 // whatever it holds
			tt.change(&answer)

			want := answer
			want.Stable, want.Missed = tt.want, 0

			if diff := cmp.Diff(want, voters.Config{}.Answered(tt.before, answer)); diff != "" {
				t.Errorf("Answered() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnanswered(t *testing.T) {
	want := good()
	want.Missed, want.Stable = 2, time.Time{}

	c := voters.Config{}
	if diff := cmp.Diff(want, c.Unanswered(c.Unanswered(good()))); diff != "" {
		t.Errorf("Unanswered() twice (-want +got):\n%s", diff)
	}
}

func TestWanted(t *testing.T) {
	for expect, want := range []int{1, 1, 1, 3, 3, 5, 5, 5} {
		if got := voters.Wanted(&ownership.Table{Expect: uint8(expect)}); got != want {
			t.Errorf("Wanted() of %d nodes = %d, want %d", expect, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := (voters.Config{}).Validate(); err != nil {
		t.Errorf("Validate() of the zero Config = %v", err)
	}

	bad := voters.Config{MaxContact: -1, MinStable: -1, MaxMissed: -1, Confirm: -1, Patience: -1, Forget: -1}

	err := bad.Validate()
	if err == nil {
		t.Fatal("Validate() of negative limits = nil")
	}

	if got := strings.Count(err.Error(), "is negative"); got != 6 {
		t.Errorf("Validate() = %v, names %d problems, want 6", err, got)
	}
}

func TestKindNames(t *testing.T) {
	for k, want := range []string{"none", "wait", "add_nonvoter", "promote", "transfer", "remove", "unknown"} {
		if got := voters.Kind(k).String(); got != want {
			t.Errorf("Kind(%d).String() = %q, want %q", k, got, want)
		}
	}
}
