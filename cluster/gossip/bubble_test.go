package gossip_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/segue-cluster/segue/cluster/gossip"
)

func TestNodesFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 5 {
			cfg := config(i + 1)
			if i == 2 {
				cfg.Meta.DataHost = "data.example.com"
			}

			c.start(cfg)
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(5))
			synctest.Wait() // the try that found it ends

			if s := n.JoinState(); !s.Joined || s.Err != nil {
				t.Errorf("JoinState() = %+v, want joined", s)
			}
		}

		m, ok := c.nodes[4].Lookup(nodeID(3))
		want := gossip.Member{
			Name: config(3).Name, Start: 1003, Node: nodeID(3), Release: "1.0.0",
			GossipAddr: netip.MustParseAddrPort("10.0.0.3:7946"), DataAddr: "data.example.com:7947",
			Status: gossip.StatusAlive,
			Meta: gossip.Meta{
				Node: nodeID(3), Release: "1.0.0", ProtoMax: 1, DataHost: "data.example.com", DataPort: 7947,
			},
		}

		diff := cmp.Diff(want, m, cmpopts.IgnoreFields(gossip.Member{}, "Since"), cmpopts.EquateComparable(netip.AddrPort{}))
		if !ok || diff != "" {
			t.Errorf("Lookup(node 3) (-want +got):\n%s", diff)
		}

		if m, _ := c.nodes[0].Lookup(nodeID(1)); !m.Self || m.DataAddr != "10.0.0.1:7947" {
			t.Errorf("Lookup(self) = %+v, want Self and DataAddr 10.0.0.1:7947", m)
		}

		if m, ok := c.nodes[0].Lookup(nodeID(9)); ok {
			t.Errorf("Lookup(unknown) = %+v, want none", m)
		}
	})
}

func TestCrashIsSeenAsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 5 {
			c.start(config(i + 1))
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(5))
		}

		c.nodes[2].stop(gossip.ErrNoLeave)

		start := time.Now()
		want := alive(5)
		want[3] = gossip.StatusFailed
		suspected := false

		for i, n := range c.nodes {
			if i == 2 {
				continue
			}

			n.statuses(t, converge, want)

			kinds := n.events(nodeID(3))
			suspected = suspected || slices.Contains(kinds, gossip.EventSuspect)

			if kinds[0] != gossip.EventJoined || kinds[len(kinds)-1] != gossip.EventFailed {
				t.Errorf("events about the crashed node = %v, want joined first and failed last", kinds)
			}
		}

		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("the failure was seen after %v, want at most 30s", took)
		}

		if !suspected {
			t.Error("no node had suspected the crashed one: is memberlist's log line still the same?")
		}

		synctest.Wait()

		if log := c.nodes[0].log.String(); !strings.Contains(log, "member failed") {
			t.Errorf("the log does not tell of the failure:\n%s", log)
		}
	})
}

func TestLeaveIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 3 {
			c.start(config(i + 1))
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(3))
		}

		start := time.Now()

		c.nodes[2].stop(nil)

		if err := <-c.nodes[2].done; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}

		c.nodes[2].done <- nil

		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("the stop took %v, want at most 4s", took)
		}

		for _, n := range c.nodes[:2] {
			n.statuses(t, converge, map[int]gossip.Status{1: gossip.StatusAlive, 2: gossip.StatusAlive, 3: gossip.StatusLeft})

			want := []gossip.EventKind{gossip.EventJoined, gossip.EventLeaving, gossip.EventLeft}
			if diff := cmp.Diff(want, n.events(nodeID(3))); diff != "" {
				t.Errorf("events about the leaver (-want +got):\n%s", diff)
			}
		}

		frozen := c.nodes[2].Members()

		time.Sleep(time.Minute)

		if diff := cmp.Diff(frozen, c.nodes[2].Members(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("members changed after Run had returned (-before +after):\n%s", diff)
		}
	})
}

// memberlist alone never heals a partition of this length.
func TestPartitionHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 5 {
			c.start(config(i + 1))
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(5))
		}

		c.net.Partition(c.nodes[3].host, c.nodes[4].host)
		time.Sleep(time.Minute)

		for i, n := range c.nodes {
			want := map[int]gossip.Status{}

			for k := range c.nodes {
				want[k+1] = gossip.StatusAlive
				if (i < 3) != (k < 3) {
					want[k+1] = gossip.StatusFailed
				}
			}

			n.statuses(t, converge, want)
		}

		c.net.HealAll()

		start := time.Now()

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(5))
		}

		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("the partition healed after %v, want at most 10s", took)
		}
	})
}

// A stop does not wait for contacts that hang.
func TestStopWhileNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 3 {
			c.start(config(i + 1))
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(3))
		}

		c.net.Partition(c.nodes[0].host)

		for i := range 10 { // at different moments of the reconnect loop
			time.Sleep(time.Duration(i) * 700 * time.Millisecond)

			n := c.start(config(10 + i))

			time.Sleep(1500 * time.Millisecond)

			if i%2 == 0 {
				c.net.Cut(n.host, c.nodes[0].host)
			}

			start := time.Now()

			n.stop(nil)

			if err := <-n.done; err != nil || time.Since(start) > 4*time.Second {
				t.Errorf("Run() = %v, %v after its end, want nil within 4s", err, time.Since(start))
			}

			n.done <- nil
		}
	})
}

func TestLossOfPacketsIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 3 {
			c.start(config(i + 1))
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(3))
		}

		c.net.Drop(0.3)
		time.Sleep(5 * time.Minute)

		for _, n := range c.nodes {
			for i := range 3 {
				if kinds := n.events(nodeID(i + 1)); slices.Contains(kinds, gossip.EventFailed) {
					t.Errorf("a loss of 30%% of the packets made node %d fail: %v", i+1, kinds)
				}
			}
		}
	})
}

func TestDuplicateNameIsVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		c.start(config(1))
		c.start(config(2))

		double := config(3)
		double.Name = config(2).Name
		c.start(double)

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(3))

			d := n.Duplicates()
			if len(d) != 1 || d[0].Name != double.Name || len(d[0].Members) != 2 ||
				d[0].Members[0].Node != nodeID(2) || d[0].Members[1].Node != nodeID(3) {
				t.Errorf("Duplicates() = %+v, want nodes 2 and 3", d)
			}
		}

		// Whichever of the two was seen later is the duplicate.
		kinds := slices.Concat(c.nodes[0].events(nodeID(2)), c.nodes[0].events(nodeID(3)))
		if !slices.Contains(kinds, gossip.EventDuplicate) {
			t.Errorf("events about the two = %v, want a duplicate", kinds)
		}

		c.nodes[2].stop(nil)
		c.nodes[0].await(t, converge, "the duplicate to go", func([]gossip.Member) bool {
			return len(c.nodes[0].Duplicates()) == 0
		})
	})
}

// Two starts with one name and one token cannot both be seen; at least somebody
// hears of it.
func TestConflictIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		c.start(config(1))
		c.start(config(2))
		c.nodes[0].statuses(t, converge, alive(2))

		clone := config(3)
		clone.Name, clone.Start = config(2).Name, config(2).Start
		c.start(clone)

		c.nodes[0].await(t, converge, "a conflict", func([]gossip.Member) bool {
			return slices.Contains(c.nodes[0].events(nodeID(2)), gossip.EventConflict)
		})
	})
}

func TestRestartIsAnotherMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		c.start(config(1))
		c.start(config(2))
		c.nodes[0].statuses(t, converge, alive(2))

		c.nodes[1].host.Crash()
		c.nodes[1].stop(gossip.ErrNoLeave)

		if err := <-c.nodes[1].done; err != nil {
			t.Fatal(err)
		}

		c.nodes[1].done <- nil

		again := config(2)
		again.Start = 7
		c.start(again)

		c.nodes[0].await(t, converge, "both starts of node 2", func(members []gossip.Member) bool {
			return len(members) == 3 && members[1].Status == gossip.StatusAlive && members[2].Status == gossip.StatusFailed
		})

		if m, ok := c.nodes[0].Lookup(nodeID(2)); !ok || m.Start != 7 || m.Status != gossip.StatusAlive {
			t.Errorf("Lookup(node 2) = %+v, want the start that lives", m)
		}
	})
}

func TestMetaSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		for i := range 3 {
			c.start(config(i + 1))
		}

		for _, n := range c.nodes {
			n.statuses(t, converge, alive(3))
		}

		m := c.nodes[0].Meta()
		for _, m.Flags = range []gossip.Flags{gossip.FlagVoter, gossip.FlagVoter | gossip.FlagLeader} {
			if err := c.nodes[0].UpdateMeta(m); err != nil {
				t.Fatal(err)
			}
		}

		c.nodes[2].await(t, converge, "the new flags", func(members []gossip.Member) bool {
			return members[0].Meta == m
		})

		m.Flags |= gossip.FlagStopping
		if err := c.nodes[0].UpdateMeta(m); err != nil {
			t.Fatal(err)
		}

		c.nodes[2].await(t, converge, "leaving", func(members []gossip.Member) bool {
			return members[0].Status == gossip.StatusLeaving
		})

		// A node that dies on its way out has failed.
		c.nodes[0].stop(gossip.ErrNoLeave)
		c.nodes[2].await(t, converge, "failed", func(members []gossip.Member) bool {
			return members[0].Status == gossip.StatusFailed
		})

		m.Release = strings.Repeat("x", 65)
		if err := c.nodes[1].UpdateMeta(m); err == nil {
			t.Error("UpdateMeta(long release) succeeded, want an error")
		}

		m.Release, m.Flags = "1.0.0", gossip.FlagLeaving
		if err := c.nodes[1].UpdateMeta(m); err == nil {
			t.Error("UpdateMeta(leaving) succeeded, want an error")
		}
	})
}
