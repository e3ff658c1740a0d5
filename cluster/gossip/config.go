package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/segue-cluster/segue"
)

// Limits of a [Config].
const (
	// KeyLen is the length of the gossip key, in bytes: AES-256.
	KeyLen = 32
	// MaxClusterLen is the longest name of a cluster, in bytes.
	MaxClusterLen = 200
	// MaxSeeds is the largest number of seeds.
	MaxSeeds = 64
)

// Config tells how a node gossips. It is passed by value.
type Config struct {
	// Name is the node's name, for people. Required.
	Name segue.NodeName
	// Start is the random token of this start of the node, not 0. Required.
	Start uint64
	// Bind is "host:port" to listen on, for packets (UDP) and streams (TCP).
	// Port 0 takes a free port. Required.
	Bind string
	// Advertise is "host:port" or "host" under which others reach this node,
	// if that is not Bind. A name is resolved once, when Run starts. Empty:
	// the bound address; if that is the wildcard, the address from which the
	// first seed, or else the default route, is reached. Without a port, or
	// with port 0: the bound port.
	Advertise string
	// Cluster is the name of the cluster, 1 to 200 bytes. Nodes of another
	// name do not talk to this one. Required.
	Cluster string
	// Key is the gossip key, 32 bytes. Nodes with another one do not
	// understand this one. Required.
	Key []byte
	// KeyID names Key in messages for people, so that they can compare it
	// with that of another node. Optional.
	KeyID string
	// Meta is what the node tells about itself at first; see
	// [Gossip.UpdateMeta].
	Meta Meta
	// Seeds are "host:port" of nodes to join through, at most 64. Names are
	// resolved again at every try. This node's own address is ignored.
	Seeds []string
	// KnownAddrs returns further addresses of nodes, like Seeds, that this
	// node remembers from elsewhere. It is called before every try, by one
	// goroutine, and must not block. Nil is none.
	KnownAddrs func() []string
	// Timing sets the pace. Fields that are 0 have the value of [LANTiming].
	Timing Timing
	// Network opens the sockets. Nil is the operating system.
	Network Network
	// Resolver looks up names. Nil is [net.DefaultResolver].
	Resolver Resolver
	// Logger takes what happens to members (Info), what an operator should
	// look at (Warn) and the library's chatter (Debug). Nil discards it.
	Logger *slog.Logger
}

// A Resolver looks up the addresses of a host; *[net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Timing sets the pace of gossip. Nodes of one cluster should have the same.
type Timing struct {
	// ProbeInterval is the time between two probes of a member;
	// ProbeTimeout is the wait for the answer before others are asked.
	ProbeInterval, ProbeTimeout time.Duration
	// SuspicionMult times ProbeInterval, times the logarithm of the cluster's
	// size, is how long a suspect may refute before it is declared failed.
	SuspicionMult int
	// GossipInterval is the time between two rounds of gossip.
	GossipInterval time.Duration
	// PushPullInterval is the time between two exchanges of the whole state.
	PushPullInterval time.Duration
	// GossipToTheDead is how long a failed member is still told what is said
	// about it, so that it can refute.
	GossipToTheDead time.Duration
	// StreamTimeout limits a dial, and each step of an exchange over a stream.
	StreamTimeout time.Duration
	// Reconnect is the time between two tries to reach addresses that are no
	// live member's. A random tenth is added.
	Reconnect time.Duration
}

// LANTiming returns the pace for one data centre: a crash is seen in about
// 6 s, a healed partition in at most 10 s.
func LANTiming() Timing {
	return Timing{
		ProbeInterval: time.Second, ProbeTimeout: 500 * time.Millisecond, SuspicionMult: 4,
		GossipInterval: 200 * time.Millisecond, PushPullInterval: 10 * time.Second,
		GossipToTheDead: 30 * time.Second, StreamTimeout: 3 * time.Second, Reconnect: 5 * time.Second,
	}
}

// FastTiming returns a pace for tests on one machine, five times faster.
func FastTiming() Timing {
	return Timing{
		ProbeInterval: 200 * time.Millisecond, ProbeTimeout: 100 * time.Millisecond, SuspicionMult: 4,
		GossipInterval: 40 * time.Millisecond, PushPullInterval: 2 * time.Second,
		GossipToTheDead: 6 * time.Second, StreamTimeout: time.Second, Reconnect: time.Second,
	}
}

// Linger is how long goroutines of the gossip library may live after
// [Gossip.Run] returned: a probe that is under way ends by itself. They do
// nothing any more, but a test that counts goroutines waits for them.
func (t Timing) Linger() time.Duration { return t.withDefaults().ProbeInterval * (awarenessMax + 1) }

func (t Timing) withDefaults() Timing {
	d := LANTiming()

	for _, f := range [...]struct{ field, fallback *time.Duration }{
		{&t.ProbeInterval, &d.ProbeInterval},
		{&t.ProbeTimeout, &d.ProbeTimeout},
		{&t.GossipInterval, &d.GossipInterval},
		{&t.PushPullInterval, &d.PushPullInterval},
		{&t.GossipToTheDead, &d.GossipToTheDead},
		{&t.StreamTimeout, &d.StreamTimeout},
		{&t.Reconnect, &d.Reconnect},
	} {
		if *f.field == 0 {
			*f.field = *f.fallback
		}
	}

	if t.SuspicionMult == 0 {
		t.SuspicionMult = d.SuspicionMult
	}

	return t
}

// Validate reports every problem of t at once.
func (t Timing) Validate() error {
	var errs []error

	for _, f := range [...]struct {
		what string
		d    time.Duration
	}{
		{"probe interval", t.ProbeInterval},
		{"probe timeout", t.ProbeTimeout},
		{"gossip interval", t.GossipInterval},
		{"push/pull interval", t.PushPullInterval},
		{"gossip to the dead time", t.GossipToTheDead},
		{"stream timeout", t.StreamTimeout},
		{"reconnect interval", t.Reconnect},
	} {
		if f.d < 0 {
			errs = append(errs, fmt.Errorf("timing: %s %v is negative", f.what, f.d))
		}
	}

	if t.SuspicionMult < 0 {
		errs = append(errs, fmt.Errorf("timing: suspicion multiplier %d is negative", t.SuspicionMult))
	}

	if d := t.withDefaults(); d.ProbeTimeout >= d.ProbeInterval {
		errs = append(errs, fmt.Errorf("timing: probe timeout %v is not below the probe interval %v", d.ProbeTimeout, d.ProbeInterval))
	}

	return errors.Join(errs...)
}

// Validate reports every problem of c at once.
func (c Config) Validate() error {
	errs := []error{c.Name.Validate(), c.Meta.Validate(), c.Timing.Validate()}
	if c.Start == 0 {
		errs = append(errs, errors.New("start token is required and not 0"))
	}

	if len(c.Cluster) == 0 || len(c.Cluster) > MaxClusterLen {
		errs = append(errs, fmt.Errorf("cluster name has %d bytes, want 1 to %d", len(c.Cluster), MaxClusterLen))
	}

	if len(c.Key) != KeyLen {
		errs = append(errs, fmt.Errorf("gossip key has %d bytes, want %d", len(c.Key), KeyLen))
	}

	if c.Meta.Flags.Has(FlagLeaving) {
		errs = append(errs, errors.New("meta: the leaving flag is not for the node to set"))
	}

	if _, _, err := splitHostPort(c.Bind); err != nil {
		errs = append(errs, fmt.Errorf("bind address: %w", err))
	}

	if c.Advertise != "" {
		if _, _, err := splitAdvertise(c.Advertise); err != nil {
			errs = append(errs, fmt.Errorf("advertised address: %w", err))
		}
	}

	if len(c.Seeds) > MaxSeeds {
		errs = append(errs, fmt.Errorf("%d seeds, at most %d are allowed", len(c.Seeds), MaxSeeds))
	}

	for _, seed := range c.Seeds {
		if host, port, err := splitHostPort(seed); err != nil {
			errs = append(errs, fmt.Errorf("seed: %w", err))
		} else if host == "" || port == 0 {
			errs = append(errs, fmt.Errorf("seed: address %q needs a host and a port that is not 0", seed))
		}
	}

	return errors.Join(errs...)
}

// splitHostPort reads "host:port" with a port from 0 to 65535.
func splitHostPort(s string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("address %q is not of the form host:port: %w", s, err)
	}

	n, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: port %q is not a number from 0 to 65535", s, service)
	}

	return host, uint16(n), nil
}

// splitAdvertise reads "host:port" or "host"; port 0 stands for the bound one.
func splitAdvertise(s string) (host string, port uint16, err error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.String(), 0, nil
	}

	if _, _, err := net.SplitHostPort(s); err != nil {
		s = net.JoinHostPort(s, "0")
	}

	host, port, err = splitHostPort(s)
	if err == nil && host == "" {
		err = fmt.Errorf("address %q needs a host", s)
	}

	return host, port, err
}
