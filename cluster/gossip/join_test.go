package gossip_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
)

func TestOtherClusterNameIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		c.start(config(1))

		other := config(2)
		other.Cluster = "bank"
		n := c.start(other)

		time.Sleep(time.Minute)

		for _, n := range c.nodes {
			if members := n.Members(); len(members) != 1 || n.Joined() {
				t.Errorf("members = %s, want only the node itself", show(members))
			}
		}

		s := n.JoinState()
		if s.Err == nil || !strings.Contains(s.Err.Error(), "another cluster name, or is not a Segue node") {
			t.Errorf("JoinState().Err = %v, want a hint at the cluster name", s.Err)
		}

		if s.Tries < 5 || s.Tries > 8 { // after 0, 1, 3, 7, 15, 31 s and then every 30 s
			t.Errorf("JoinState().Tries = %d after a minute, want 5 to 8", s.Tries)
		}

		if c.nodes[0].Stats().Label == 0 {
			t.Error("Stats().Label = 0, want the refused streams")
		}

		if log := c.nodes[0].log.String(); !strings.Contains(log, "a node of another cluster name") {
			t.Errorf("the log does not tell of the other cluster:\n%s", log)
		}
	})
}

// Two clusters with one name and one cookie do not merge, not even by way of a
// node that belongs to none yet.
func TestOtherClusterIDIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		ours, theirs := [8]byte{1}, [8]byte{2}

		for i, id := range [][8]byte{ours, theirs} {
			cfg := config(i + 1)
			cfg.Meta.Cluster = id
			c.start(cfg)
		}

		time.Sleep(10 * time.Second)

		if err := c.nodes[1].JoinState().Err; !errors.Is(err, segue.ErrWrongCluster) {
			t.Errorf("JoinState().Err = %v, want ErrWrongCluster", err)
		}

		virgin := config(3)
		virgin.Seeds = []string{"10.0.0.1:7946", "10.0.0.2:7946"}
		c.start(virgin)

		c.nodes[2].statuses(t, converge, alive(3))
		time.Sleep(time.Minute)
		c.nodes[0].statuses(t, time.Second, map[int]gossip.Status{1: gossip.StatusAlive, 3: gossip.StatusAlive})
		c.nodes[1].statuses(t, time.Second, map[int]gossip.Status{2: gossip.StatusAlive, 3: gossip.StatusAlive})

		m := c.nodes[2].Meta()
		m.Cluster = ours

		if err := c.nodes[2].UpdateMeta(m); err != nil {
			t.Fatal(err)
		}

		c.nodes[2].statuses(t, time.Second, map[int]gossip.Status{1: gossip.StatusAlive, 3: gossip.StatusAlive})
	})
}

// names is a Resolver whose answers change.
type names struct{ ips atomic.Pointer[[]netip.Addr] }

func (n *names) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if ips := n.ips.Load(); ips != nil && host == "seeds.example.com" && network == "ip" {
		return *ips, nil
	}

	return nil, errors.New("no such host")
}

func TestSeedsAppearLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		var dns names

		late := config(2)
		late.Seeds = []string{"seeds.example.com:7946"}
		late.Resolver = &dns
		n := c.start(late)

		time.Sleep(5 * time.Minute)

		if s := n.JoinState(); s.Joined || s.Err == nil || !strings.Contains(s.Err.Error(), "no such host") {
			t.Errorf("JoinState() = %+v, want not joined because of the name", s)
		}

		dns.ips.Store(&[]netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")})
		time.Sleep(time.Minute)

		if s := n.JoinState(); s.Joined || s.Err == nil || !strings.Contains(s.Err.Error(), "10.0.0.1:7946") {
			t.Errorf("JoinState() = %+v, want not joined because of 10.0.0.1", s)
		}

		alone := config(1)
		alone.Seeds = nil
		c.start(alone)
		n.statuses(t, converge, alive(2))
		synctest.Wait() // the try that found it ends

		if s := n.JoinState(); !s.Joined || s.Err != nil {
			t.Errorf("JoinState() = %+v, want joined", s)
		}
	})
}

// After a partition in which a node lost all others and moved, the known
// addresses bring it back.
func TestKnownAddressesAreTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.end()

		first := config(1)
		first.Seeds = nil
		c.start(first)

		second := config(2)
		second.Seeds = nil
		second.KnownAddrs = func() []string { return []string{"nonsense", "10.0.0.9:1", "10.0.0.1:7946"} }
		c.start(second)

		c.nodes[0].statuses(t, converge, alive(2))
	})
}
