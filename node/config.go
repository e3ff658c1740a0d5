package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// Defaults of [Config].
const (
	DefaultBind           = "127.0.0.1:7946"
	DefaultCallTimeout    = 30 * time.Second
	DefaultHandoffTimeout = 120 * time.Second
	DefaultDrainTimeout   = 5 * time.Minute
)

// unixPrefix begins an address that is the path of a socket.
const unixPrefix = "unix://"

// Config are the parameters of a [Node]. The zero value of an optional field
// selects the default named in its comment. Addresses are "host:port"; port 0
// takes a free one.
type Config struct {
	// App is the name of the application, Release the semantic version of this
	// binary of it. Required.
	App, Release string
	// Cluster is the name of the cluster. Default: App.
	Cluster string
	// Name is the host part of the node's name. Default: the advertised address
	// of Bind.
	Name string

	// Bind is the address of gossip, UDP and TCP. Default [DefaultBind].
	Bind string
	// Data is the address of the TLS port for raft, calls and handoffs. Default:
	// the host of Bind and the port after it.
	Data string
	// Advertise is the host under which others reach both. Default: that of Bind.
	Advertise string
	// Ops serves health and metrics, Gateway calls from other languages, Admin
	// the API for operators: host:port, or unix:///path for Admin. Default: none.
	Ops, Gateway, Admin string
	// AdminToken and GatewayToken are wanted from callers. An Admin address that
	// is not on the loopback interface needs one.
	AdminToken, GatewayToken string

	// Join are addresses of Bind of other nodes. Names are resolved again and
	// again.
	Join []string
	// Expect is the number of nodes, 1, 3 or 5, that form a new cluster. So many
	// nodes and no more are started with it, all with the same number. Default: 1
	// without Join, else 0: join only.
	Expect int
	// Shards of a new cluster. Default [cluster.DefaultShards].
	Shards uint32
	// DataDir holds the raft log. Default: none, every start is a new node.
	DataDir string
	// CookieFile holds the secret that the nodes share. Required.
	CookieFile string

	// FenceAfter is how long a silent node is waited for, because it may hold
	// the only copy of its processes, before its shards go to others. Default
	// [cluster.DefaultFenceAfter].
	FenceAfter time.Duration
	// CallTimeout is the deadline of calls that have none. Default
	// [DefaultCallTimeout].
	CallTimeout time.Duration
	// HandoffTimeout bounds one session. Default [DefaultHandoffTimeout].
	HandoffTimeout time.Duration
	// DrainTimeout bounds the handing over when the node stops. Default
	// [DefaultDrainTimeout].
	DrainTimeout time.Duration

	// Kinds of processes. A node without kinds votes but hosts nothing.
	Kinds []Kind

	// Logger. Default: discard.
	Logger *slog.Logger
	// Trace is told about each step of a handoff.
	Trace handoff.Trace
}

// Validate returns every problem of c at once, each with its fix.
func (c Config) Validate() error {
	c = c.withDefaults()

	errs := append([]error{c.validName()}, c.settingsErrors()...)
	names := map[string]bool{}

	for i := range c.Kinds {
		k := &c.Kinds[i]
		errs = append(errs, k.errs...)
		errs = append(errs, k.validLimits())

		if names[k.name] {
			errs = append(errs, fmt.Errorf("kind %q is given twice", k.name))
		}

		names[k.name] = true
	}

	if _, err := c.registry(); err != nil {
		errs = append(errs, err)
	}

	return errors.Join(errs...)
}

// settingsErrors are the problems of what an operator sets.
func (c Config) settingsErrors() []error {
	c = c.withDefaults()
	errs := []error{c.validAddrs(), c.validCluster(), c.validTimes()}

	if c.CookieFile == "" {
		errs = append(errs, errors.New("no cookie-file is given; make one with: segue cookie gen FILE"))
	}

	return errs
}

func (c Config) validName() error {
	var errs []error
	if c.App == "" {
		errs = append(errs, errors.New("app is required"))
	}

	if c.Release == "" {
		errs = append(errs, errors.New("release is required"))
	}

	if c.App != "" && c.Release != "" {
		errs = append(errs, segue.NodeName{App: c.App, Release: c.Release, Host: "h"}.Validate())
	}

	return errors.Join(errs...)
}

func (c Config) validAddrs() error {
	var errs []error

	taken := map[string]string{} // address with a port of its own -> setting

	for _, a := range [...]struct {
		name, value string
		optional    bool
	}{
		{"bind", c.Bind, false},
		{"data", c.Data, true}, // "" if bind is wrong
		{"ops", c.Ops, true},
		{"gateway", c.Gateway, true},
		{"admin", c.Admin, true},
	} {
		if a.value == "" && a.optional || a.name == "admin" && strings.HasPrefix(c.Admin, unixPrefix) {
			continue
		}

		port, err := validPort(a.value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", a.name, err))
		}

		if port == 0 {
			continue
		}

		if other := taken[a.value]; other != "" {
			errs = append(errs, fmt.Errorf("%s and %s are both %s: give each a port of its own", other, a.name, a.value))
		}

		taken[a.value] = a.name
	}

	if c.Admin != "" && c.AdminToken == "" && !httpapi.Private(c.Admin) {
		errs = append(errs, fmt.Errorf(
			"admin %s can be reached from other machines: set admin-token-file, or use 127.0.0.1 or unix:///path", c.Admin))
	}

	return errors.Join(errs...)
}

// validCluster checks how the node finds its cluster.
func (c Config) validCluster() error {
	var errs []error

	if c.Cluster != "" {
		errs = append(errs, identity.ValidateCluster(c.Cluster))
	}

	for _, j := range c.Join {
		switch port, err := validPort(j); {
		case err != nil:
			errs = append(errs, fmt.Errorf("join %w", err))
		case port == 0 || strings.HasPrefix(j, ":"):
			errs = append(errs, fmt.Errorf("join %q needs the host and the port of another node's bind", j))
		}
	}

	if len(c.Join) > gossip.MaxSeeds {
		errs = append(errs, fmt.Errorf("join lists %d addresses, at most %d are possible: a few are enough", len(c.Join), gossip.MaxSeeds))
	}

	switch c.Expect {
	case 0, 3, 5:
	case 1:
		if len(c.Join) > 0 {
			errs = append(errs, errors.New("expect 1 forms a cluster of this node alone, join looks for another one: drop one of them"))
		}
	default:
		errs = append(errs, fmt.Errorf("expect %d: a new cluster is formed by 1, 3 or 5 nodes", c.Expect))
	}

	if c.Shards != 0 && (c.Shards < ownership.MinShards || c.Shards > ownership.MaxShards) {
		errs = append(errs, fmt.Errorf("shards %d: want %d to %d", c.Shards, ownership.MinShards, ownership.MaxShards))
	}

	return errors.Join(errs...)
}

// validTimes refuses timeouts that contradict each other: what contains
// something else must last longer.
func (c Config) validTimes() error {
	var errs []error

	for _, d := range [...]struct {
		name  string
		value time.Duration
	}{
		{"fence-after", c.FenceAfter},
		{"call-timeout", c.CallTimeout},
		{"handoff-timeout", c.HandoffTimeout},
		{"drain-timeout", c.DrainTimeout},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s %v is not positive", d.name, d.value))
		}
	}

	if c.HandoffTimeout >= c.DrainTimeout {
		errs = append(errs, fmt.Errorf("handoff-timeout %v is not shorter than drain-timeout %v: a drain is made of handoffs, raise it or lower the other",
			c.HandoffTimeout, c.DrainTimeout))
	}

	if c.FenceAfter < cluster.DefaultLease {
		errs = append(errs, fmt.Errorf("fence-after %v is shorter than the lease of %v: raise it", c.FenceAfter, cluster.DefaultLease))
	}

	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	for _, s := range [...]struct {
		field *string
		value string
	}{
		{&c.Cluster, c.App},
		{&c.Bind, DefaultBind},
		{&c.Data, nextPort(c.Bind)},
	} {
		if *s.field == "" {
			*s.field = s.value
		}
	}

	if c.Data == "" {
		c.Data = nextPort(c.Bind)
	}

	if c.Expect == 0 && len(c.Join) == 0 {
		c.Expect = 1
	}

	for _, d := range [...]struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.FenceAfter, cluster.DefaultFenceAfter},
		{&c.CallTimeout, DefaultCallTimeout},
		{&c.HandoffTimeout, DefaultHandoffTimeout},
		{&c.DrainTimeout, DefaultDrainTimeout},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	return c
}

// registry collects everything that evolves.
func (c Config) registry() (*schema.Registry, error) {
	var all []schema.Schema

	for i := range c.Kinds {
		if c.Kinds[i].state != nil {
			all = append(all, c.Kinds[i].schemas()...)
		}
	}

	r, err := schema.NewRegistry(all...)
	if err != nil {
		return nil, fmt.Errorf("kinds: %w", err)
	}

	return r, nil
}

// nextPort returns the address with the port after that of addr, 0 for 0.
func nextPort(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}

	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || n == 1<<16-1 {
		return net.JoinHostPort(host, "0")
	}

	return net.JoinHostPort(host, strconv.FormatUint(n+1, 10))
}

// validPort returns the port of an address.
func validPort(addr string) (uint16, error) {
	_, service, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, fmt.Errorf("%q is not host:port", addr)
	}

	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q: the port is not a number from 0 to 65535", addr)
	}

	return uint16(port), nil
}
