package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/segue-cluster/segue"
)

// Defaults of [Timing] and [Compaction].
const (
	// DefaultHeartbeat makes an unplanned loss of the leader last 1 to 2.6 s.
	DefaultHeartbeat = time.Second

	// DefaultCommit is how long a follower learns of a commit after the
	// leader; raft's own default of 50 ms would dominate a handoff.
	DefaultCommit = 5 * time.Millisecond

	DefaultSnapshotEntries  = 2048
	DefaultSnapshotInterval = 30 * time.Second
	DefaultTrailingEntries  = 10240
)

// MaxProposal is the longest entry that may be proposed, in bytes. Longer ones
// would delay heartbeats.
const MaxProposal = 256 << 10

// Timing are raft's timeouts. The zero value of a field selects its default.
// All nodes of a cluster should use the same; across data centers, three times
// the defaults.
type Timing struct {
	// Heartbeat is how long a follower waits for the leader before it starts
	// an election. At least 5 ms. Default [DefaultHeartbeat].
	Heartbeat time.Duration

	// Election is how long a candidate waits before it starts another
	// election. At least Heartbeat, the default.
	Election time.Duration

	// LeaderLease is how long a leader stays leader without contact to a
	// majority; meanwhile it can still remove a voter that died. At most
	// Heartbeat, the default; at least 5 ms.
	LeaderLease time.Duration

	// Commit is how long at least a leader waits before it tells followers
	// what is committed, if it has nothing else to send. At least 1 ms. Use
	// 25 ms with more than ten nodes. Default [DefaultCommit].
	Commit time.Duration
}

// Compaction says when the log is replaced by a snapshot. The zero value of a
// field selects its default.
type Compaction struct {
	// Entries is how many entries the log grows by before a snapshot is taken.
	// Default [DefaultSnapshotEntries].
	Entries uint64

	// Interval is how often the number is checked; nodes choose at random
	// between once and twice its length. At least 5 ms. Default
	// [DefaultSnapshotInterval].
	Interval time.Duration

	// Trailing is how many entries stay in the log after a snapshot, for peers
	// that are behind. Default [DefaultTrailingEntries].
	Trailing uint64
}

// A Machine is what entries are applied to. Raft calls its methods on one
// goroutine, one after the other and in the order of the log; they must not
// block and must not call the [Raft]. The value that Snapshot returned is used
// on another goroutine meanwhile.
type Machine interface {
	// Apply executes the command of the entry at that index and returns what
	// Propose returns to the proposer, on its node. It must depend on nothing
	// but the arguments and the machine's state. It must not change data but
	// may keep it.
	Apply(index uint64, data []byte) any

	// Snapshot captures the state and returns at once. The value writes it, at
	// most once, and must not see later changes. It may never be used.
	Snapshot() (io.WriterTo, error)

	// Restore replaces the state by the one that r gives. After an error the
	// old state must be in place.
	Restore(r io.Reader) error
}

// Config holds the parameters of a [Raft].
type Config struct {
	// Store holds the log and the id of the node. Required. It is used for one
	// Raft and is not closed by it.
	Store *Store

	// Machine is what entries are applied to. Required.
	Machine Machine

	// Dial connects to a peer and verifies that it is that node of this
	// cluster. Raft's traffic is neither encrypted nor authenticated
	// otherwise. It must respect ctx. Required.
	Dial func(ctx context.Context, id segue.NodeID) (net.Conn, error)

	// Listener returns connections of verified peers. It must not be blocked
	// by a peer that does not finish its handshake, and should probe idle
	// connections. Run closes it. Required.
	Listener net.Listener

	Timing     Timing
	Compaction Compaction

	// Logger gets raft's own records too: those of its level Info and below
	// and repetitions as Debug. Default: discard.
	Logger *slog.Logger

	// OnFatal is called once if the store fails, on any goroutine, with an
	// error that matches [ErrDisk], [ErrStalled] or [ErrDamaged]. The process
	// should exit. It must not block and must not call the Raft. Required.
	OnFatal func(error)
}

// Validate returns every problem of c at once, joined with [errors.Join].
func (c Config) Validate() error {
	var errs []error
	if c.Store == nil {
		errs = append(errs, errors.New("store is required"))
	}

	if c.Machine == nil {
		errs = append(errs, errors.New("machine is required"))
	}

	if c.Dial == nil {
		errs = append(errs, errors.New("dial is required"))
	}

	if c.Listener == nil {
		errs = append(errs, errors.New("listener is required"))
	}

	if c.OnFatal == nil {
		errs = append(errs, errors.New("on fatal is required"))
	}

	t := c.withDefaults().Timing
	for _, d := range []struct {
		name     string
		value    time.Duration
		min, max time.Duration
	}{
		{"heartbeat", t.Heartbeat, 5 * time.Millisecond, time.Hour},
		{"election", t.Election, t.Heartbeat, time.Hour},
		{"leader lease", t.LeaderLease, 5 * time.Millisecond, t.Heartbeat},
		{"commit", t.Commit, time.Millisecond, time.Hour},
		{"snapshot interval", c.withDefaults().Compaction.Interval, 5 * time.Millisecond, 24 * time.Hour},
	} {
		if d.value < d.min || d.value > d.max {
			errs = append(errs, fmt.Errorf("%s is %v, want %v to %v", d.name, d.value, d.min, d.max))
		}
	}

	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	defaultTo(&c.Timing.Heartbeat, DefaultHeartbeat)
	defaultTo(&c.Timing.Election, c.Timing.Heartbeat)
	defaultTo(&c.Timing.LeaderLease, c.Timing.Heartbeat)
	defaultTo(&c.Timing.Commit, DefaultCommit)
	defaultTo(&c.Compaction.Entries, DefaultSnapshotEntries)
	defaultTo(&c.Compaction.Interval, DefaultSnapshotInterval)
	defaultTo(&c.Compaction.Trailing, DefaultTrailingEntries)

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	return c
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
