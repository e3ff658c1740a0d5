package gossip_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/internal/memnet"
)

const seedAddr = "10.0.0.1:7946"

// converge is how long it may take until all nodes see a change. Gossip picks
// its targets at random; what it misses, the exchange of the whole state brings
// within a few rounds.
const converge = time.Minute

func key(b byte) []byte { return bytes.Repeat([]byte{b}, gossip.KeyLen) }

func nodeID(i int) segue.NodeID { return segue.NodeID{0: 1, 15: byte(i)} }

// config is that of node i of a cluster in memory.
func config(i int) gossip.Config {
	host := fmt.Sprintf("10.0.0.%d", i)

	return gossip.Config{
		Name:    segue.NodeName{App: "shop", Release: "1.0.0", Host: host},
		Start:   uint64(1000 + i),
		Bind:    host + ":7946",
		Cluster: "shop",
		Key:     key(1),
		Seeds:   []string{seedAddr},
		Meta:    gossip.Meta{Node: nodeID(i), Release: "1.0.0", ProtoMax: 1, DataPort: 7947},
	}
}

// A node is a Gossip that runs.
type node struct {
	*gossip.Gossip

	host *memnet.Host
	stop context.CancelCauseFunc
	done chan error
	log  *logBuffer
}

// A cluster runs nodes over one network and stops them all at the end.
type cluster struct {
	t     *testing.T
	net   *memnet.Network
	nodes []*node
}

func newCluster(t *testing.T) *cluster {
	t.Helper()

	return &cluster{t: t, net: memnet.New()}
}

// start runs a node with this configuration.
func (c *cluster) start(cfg gossip.Config) *node {
	c.t.Helper()

	n := &node{done: make(chan error, 1), log: &logBuffer{}}
	if c.net != nil {
		ap := netip.MustParseAddrPort(cfg.Bind)
		n.host = c.net.Host(ap.Addr().String())
		cfg.Network = n.host
	}

	cfg.Logger = slog.New(slog.NewTextHandler(n.log, nil))

	g, err := gossip.New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}

	n.Gossip = g
	ctx, stop := context.WithCancelCause(c.t.Context())
	n.stop = stop

	go func() { n.done <- g.Run(ctx) }()

	c.nodes = append(c.nodes, n)

	return n
}

// end stops every node and waits for the library's goroutines too: in a bubble
// time stands still once the test returned.
func (c *cluster) end() {
	c.t.Helper()

	for _, n := range c.nodes {
		n.stop(gossip.ErrNoLeave)
	}

	for _, n := range c.nodes {
		if err := <-n.done; err != nil {
			c.t.Errorf("Run() = %v, want nil", err)
		}
	}

	time.Sleep(gossip.LANTiming().Linger())
}

// await waits until the members satisfy ok.
func (n *node) await(t *testing.T, limit time.Duration, what string, ok func([]gossip.Member) bool) {
	t.Helper()

	timer := time.NewTimer(limit)
	defer timer.Stop()

	for {
		changed := n.Changed()

		members := n.Members()
		if ok(members) {
			return
		}

		select {
		case <-changed:
		case <-timer.C:
			t.Fatalf("not within %v: %s; %v sees %s", limit, what, n.Addr(), show(members))
		}
	}
}

// statuses waits until n sees exactly these members by the last byte of their
// node id.
func (n *node) statuses(t *testing.T, limit time.Duration, want map[int]gossip.Status) {
	t.Helper()
	n.await(t, limit, fmt.Sprint(want), func(members []gossip.Member) bool {
		for _, m := range members {
			if want[int(m.Node[15])] != m.Status {
				return false
			}
		}

		return len(members) == len(want)
	})
}

// alive is the view in which the nodes 1 to n are alive.
func alive(n int) map[int]gossip.Status {
	m := map[int]gossip.Status{}
	for i := range n {
		m[i+1] = gossip.StatusAlive
	}

	return m
}

func show(members []gossip.Member) string {
	s := ""
	for _, m := range members {
		s += fmt.Sprintf("\n  %s#%x %s %s %s", m.Name, m.Start, m.Node, m.GossipAddr, m.Status)
	}

	return s
}

// events lists the kinds of n's events about a node.
func (n *node) events(id segue.NodeID) (kinds []gossip.EventKind) {
	events, _ := n.Events(0)
	for _, e := range events {
		if e.Member.Node == id {
			kinds = append(kinds, e.Kind)
		}
	}

	return kinds
}

// A logBuffer keeps what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.buf.String()
}
