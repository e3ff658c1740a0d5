package gossip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
)

func TestConfigReportsAllProblems(t *testing.T) {
	if err := config(1).Validate(); err != nil {
		t.Errorf("Validate() of a good one = %v, want nil", err)
	}

	cfg := gossip.Config{
		Bind: "7946", Advertise: ":7946", Key: []byte("short"), Cluster: strings.Repeat("c", 201),
		Seeds: append(make([]string, 64), "host:0"), Timing: gossip.Timing{ProbeTimeout: time.Second, Reconnect: -1, SuspicionMult: -1},
		Meta: gossip.Meta{Flags: gossip.FlagLeaving, ProtoMin: 2, ProtoMax: 1},
	}

	_, err := gossip.New(cfg)
	if err == nil {
		t.Fatal("New() of a bad one succeeded")
	}

	for _, want := range []string{
		"node name: app is empty", "node id is required", "release is required", "lowest protocol version 2",
		"start token", "cluster name has 201 bytes", "gossip key has 5 bytes, want 32", "leaving flag",
		`bind address: address "7946"`, `advertised address: address ":7946" needs a host`, "65 seeds",
		`seed: address "host:0" needs`, "reconnect interval -1ns is negative", "suspicion multiplier -1",
		"probe timeout 1s is not below the probe interval 1s",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New() does not report %q:\n%v", want, err)
		}
	}
}

func TestTimingPresetsAreValid(t *testing.T) {
	for _, timing := range []gossip.Timing{{}, gossip.LANTiming(), gossip.FastTiming()} {
		if err := timing.Validate(); err != nil {
			t.Errorf("Validate(%+v) = %v, want nil", timing, err)
		}
	}

	if got, want := (gossip.Timing{}).Linger(), 9*time.Second; got != want {
		t.Errorf("Linger() = %v, want %v", got, want)
	}
}

// The longest name and meta fit into one packet many times over.
func TestLongestNames(t *testing.T) {
	c := newCluster(t)
	cfg := config(1)
	cfg.Network = c.net.Host("10.0.0.1")
	cfg.Cluster = strings.Repeat("c", gossip.MaxClusterLen)
	cfg.Name.App = strings.Repeat("a", segue.MaxNodeNameLen-len("_1.0.0@10.0.0.1"))

	g, err := gossip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}

	g.Close()
}
