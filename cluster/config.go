package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/gossip"
	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/clock"
)

// Defaults of [Config].
const (
	// DefaultLease outlasts the longest unplanned loss of the leader, 2.6 s with
	// the default timing of raft, by more than a second.
	DefaultLease = 5 * time.Second
	// DefaultFenceAfter is long, because a fenced node may hold the only copy.
	DefaultFenceAfter = 30 * time.Second
	DefaultShards     = ownership.DefaultShards
)

// Config are the parameters of a [Cluster]. The zero value of an optional field
// selects the default named in its comment.
type Config struct {
	// Name of this node. Required.
	Name segue.NodeName
	// Keys of the cluster, whose name they carry. Required.
	Keys *identity.Keys

	// Bind is the "host:port" of gossip, UDP and TCP. Required.
	Bind string
	// Data is the "host:port" of the TLS port for raft, calls and handoffs.
	// Required.
	Data string
	// Advertise is the host under which others reach both, if that is not the
	// one of Bind.
	Advertise string
	// Admin, Gateway and Ops are told to others, for people.
	Addrs ownership.Addrs

	// Join are the seeds, "host:port" of the Bind of other nodes.
	Join []string
	// Expect is the number of nodes that form a new cluster, 0 to join only.
	Expect int
	// Shards of a new cluster. Default [DefaultShards].
	Shards uint32
	// DataDir holds the raft log. Default: none, every start is a new node.
	DataDir string
	// Keeper: the node may vote but owns no shards.
	Keeper bool

	// Lease is how long a node may serve after the leader heard it. The same on
	// every node. Default [DefaultLease].
	Lease time.Duration
	// FenceAfter is how long the leader waits for a silent node before it is
	// given up, if its death is not certain. At least Lease. Default
	// [DefaultFenceAfter].
	FenceAfter time.Duration

	// Applied is told what each entry changed, in order, on one goroutine.
	// Required.
	Applied func(Update)
	// Leased is told when the node gets a lease after it had none. Required.
	Leased func()
	// Counts returns the number of processes by shard that this node owns, for
	// the report in case it dies. Required.
	Counts func() map[segue.ShardID]uint64

	// Introduce is told to every node that connects, as the entries of its
	// introduction. Optional.
	Introduce map[string][]byte
	// Introduced is told what another node said that way. Optional.
	Introduced func(node segue.NodeID, said map[string][]byte)

	// OnFatal is called when the node must end at once: its disk failed or it
	// was fenced. It must not block. Required.
	OnFatal func(error)

	// Clock for leases. Default: [clock.Boot].
	Clock clock.Clock
	// Network of gossip. Default: the operating system's.
	Network gossip.Network
	// Logger. Default: discard.
	Logger *slog.Logger
}

// Validate returns every problem of c at once.
func (c Config) Validate() error {
	var errs []error

	if err := c.Name.Validate(); err != nil {
		errs = append(errs, err)
	}

	for _, f := range [...]struct {
		missing bool
		name    string
	}{
		{c.Keys == nil, "keys"},
		{c.Bind == "", "bind"},
		{c.Data == "", "data"},
		{c.Applied == nil, "applied"},
		{c.Leased == nil, "leased"},
		{c.Counts == nil, "counts"},
		{c.OnFatal == nil, "on fatal"},
	} {
		if f.missing {
			errs = append(errs, fmt.Errorf("%s is required", f.name))
		}
	}

	switch c.Expect {
	case 0, 1, 3, 5:
	default:
		errs = append(errs, fmt.Errorf("expect %d: a new cluster has 1, 3 or 5 voters", c.Expect))
	}

	if c.Expect == 0 && len(c.Join) == 0 {
		errs = append(errs, errors.New("neither a node to join nor the number of nodes to expect is given"))
	}

	if c.Shards > ownership.MaxShards {
		errs = append(errs, fmt.Errorf("%d shards, at most %d", c.Shards, ownership.MaxShards))
	}

	lease, fence := c.lease(), c.fenceAfter()
	if lease < time.Second {
		errs = append(errs, fmt.Errorf("lease %v is below 1s", lease))
	}

	if fence < lease {
		errs = append(errs, fmt.Errorf("fence after %v is shorter than the lease of %v: raise it", fence, lease))
	}

	return errors.Join(errs...)
}

func (c Config) lease() time.Duration {
	if c.Lease == 0 {
		return DefaultLease
	}

	return c.Lease
}

func (c Config) fenceAfter() time.Duration {
	if c.FenceAfter == 0 {
		return DefaultFenceAfter
	}

	return c.FenceAfter
}

func (c Config) withDefaults() Config {
	c.Lease, c.FenceAfter = c.lease(), c.fenceAfter()

	if c.Shards == 0 {
		c.Shards = DefaultShards
	}

	if c.Clock == nil {
		c.Clock = clock.Boot()
	}

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	return c
}
