package voters

import (
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// A Server is a node in raft's configuration.
type Server struct {
	ID    segue.NodeID
	Voter bool
}

// A View is what the leader knows. Times are by its clock.
type View struct {
	Now    time.Time
	Leader segue.NodeID // the node that asks
	Term   uint64       // in which it leads

	// Servers is the newest configuration, committed or not, and ConfigIndex the
	// index of its entry. Commit is the leader's commit index.
	Servers     []Server
	ConfigIndex uint64
	Commit      uint64
	// Changed is when the leader wrote that configuration, or when it began to
	// lead, if that was later.
	Changed time.Time

	// Table is the leader's copy. Required. It is only read.
	Table *ownership.Table
	// Progress of every other node in the configuration, voters included, as far
	// as it was polled.
	Progress map[segue.NodeID]Progress
	// Leaving are the nodes that asked to leave the cluster, with the time at
	// which they asked this leader first. A member whose wish is forgotten is
	// added again, so keep it until the table does not know the node any more.
	Leaving map[segue.NodeID]time.Time
	// Wanted is the number of voters: 1, 3 or 5. An even number counts as the odd
	// one below it, and less than 1 as 1. See [Wanted].
	Wanted int
}

// Wanted returns the number of voters that a cluster should have that was
// formed by so many nodes: the largest of 1, 3 and 5 that is not above it.
func Wanted(t *ownership.Table) int { return odd(min(int(t.Expect), 5)) }

// odd returns the largest odd number that is not above n, at least 1.
func odd(n int) int { return max(1, n-(n+1)%2) }

func quorum(voters int) int { return voters/2 + 1 }

// Progress is how well a node follows the leader, by its own account. The
// leader polls it; raft does not tell.
type Progress struct {
	Heard  time.Time // when the node answered last; zero: never
	Missed int       // polls without an answer since then

	// As of that answer.
	Commit  uint64        // the leader's commit index when it asked
	Applied uint64        // index of the last entry that the node has applied
	Contact time.Duration // since the node last heard from the leader through raft
	Term    uint64        // the node's

	// Stable is since when the node has followed without a break, zero if it does
	// not. [Config.Answered] and [Config.Unanswered] keep it.
	Stable time.Time
}

// Answered returns the progress of a node after an answer. Its Missed and Stable
// follow from the progress before.
func (c Config) Answered(before, answer Progress) Progress {
	c = c.filled()
	answer.Missed, answer.Stable = 0, time.Time{}

	if !c.follows(answer) {
		return answer
	}

	answer.Stable = answer.Heard
	if broken := answer.Heard.Sub(before.Heard) >= c.MaxContact || before.Term != answer.Term; !broken && !before.Stable.IsZero() {
		answer.Stable = before.Stable
	}

	return answer
}

// Unanswered returns the progress of a node after a poll that it did not answer
// in time.
func (c Config) Unanswered(before Progress) Progress {
	before.Missed++
	before.Stable = time.Time{}

	return before
}

// follows reports whether the node was near the leader when it answered.
func (c Config) follows(p Progress) bool {
	lag := uint64(0)
	if p.Commit > p.Applied {
		lag = p.Commit - p.Applied
	}

	return !p.Heard.IsZero() && lag < c.MaxLag && p.Contact < c.MaxContact
}
