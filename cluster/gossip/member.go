package gossip

import (
	"net/netip"
	"time"

	"github.com/segue-cluster/segue"
)

// A Status is how gossip sees a member.
type Status uint8

// The statuses, in the words of serf.
const (
	// StatusAlive is a member that answers, as far as this node knows.
	StatusAlive Status = iota + 1
	// StatusSuspect is a member whose last probe by this node went unanswered,
	// directly and by way of others. It is not yet declared failed.
	StatusSuspect
	// StatusLeaving is a member that was told to stop or announced its leave.
	// It still answers.
	StatusLeaving
	// StatusFailed is a member that the nodes of the cluster gave up on.
	StatusFailed
	// StatusLeft is a member that announced its leave and is gone.
	StatusLeft
)

// String returns the status in lower case.
func (s Status) String() string {
	switch s {
	case StatusAlive:
		return "alive"
	case StatusSuspect:
		return "suspect"
	case StatusLeaving:
		return "leaving"
	case StatusFailed:
		return "failed"
	case StatusLeft:
		return "left"
	}

	return "unknown"
}

// Live reports whether a member with this status may answer: it is alive,
// suspect or leaving.
func (s Status) Live() bool { return s == StatusAlive || s == StatusSuspect || s == StatusLeaving }

// statusOf is the one place that decides a status.
func statusOf(gone, announced, suspect bool, flags Flags) Status {
	switch {
	case gone && announced:
		return StatusLeft
	case gone:
		return StatusFailed
	case announced || flags.Has(FlagStopping):
		return StatusLeaving
	case suspect:
		return StatusSuspect
	}

	return StatusAlive
}

// A Member is one start of one node, as gossip sees it.
type Member struct {
	// Name is the node's name. Two live members with one name are a duplicate:
	// see [Gossip.Duplicates].
	Name segue.NodeName
	// Start is the random token of this start of the node.
	Start uint64
	// Node is the node's id.
	Node segue.NodeID
	// Release is the semver of the node's binary.
	Release string
	// GossipAddr is where the node gossips.
	GossipAddr netip.AddrPort
	// DataAddr is "host:port" of the data port, empty if the node has none.
	DataAddr string
	// Status and Since say how the member is and since when, by this node's
	// clock.
	Status Status
	Since  time.Time
	// Meta is the last that the node told about itself.
	Meta Meta
	// Self marks this node.
	Self bool
}

// A Duplicate is a name that several live members have. That is normal for the
// seconds after a crash and restart, until the first start is declared failed;
// ask the holders before one of them is stopped.
type Duplicate struct {
	Name segue.NodeName
	// Members has at least two entries, in the order of their start tokens.
	Members []Member
}

// An EventKind says what happened to a member.
type EventKind uint8

// The kinds of events.
const (
	// EventJoined is a member that was seen for the first time or came back.
	EventJoined EventKind = iota + 1
	// EventUpdated is a change of a member's meta.
	EventUpdated
	// EventSuspect is a member that does not answer this node's probes.
	EventSuspect
	// EventRecovered is a suspect that answers again.
	EventRecovered
	// EventLeaving is a member that began to stop or leave.
	EventLeaving
	// EventLeft is a member that is gone as announced.
	EventLeft
	// EventFailed is a member that was given up.
	EventFailed
	// EventDuplicate is a member that joined with the name of another live one.
	EventDuplicate
	// EventConflict is a second address that claims the name and the start
	// token of a member; the first address stays in force.
	EventConflict
)

// String returns the kind in lower case.
func (k EventKind) String() string {
	switch k {
	case EventJoined:
		return "joined"
	case EventUpdated:
		return "updated"
	case EventSuspect:
		return "suspect"
	case EventRecovered:
		return "recovered"
	case EventLeaving:
		return "leaving"
	case EventLeft:
		return "left"
	case EventFailed:
		return "failed"
	case EventDuplicate:
		return "duplicate"
	case EventConflict:
		return "conflict"
	}

	return "unknown"
}

// An Event is something that happened to a member, as this node saw it.
type Event struct {
	// Seq numbers the events of this Gossip from 1, without gaps.
	Seq uint64
	// Time is this node's clock when it saw the event.
	Time time.Time
	Kind EventKind
	// Member is as it was after the event.
	Member Member
	// Detail says more, for people; may be empty.
	Detail string
}
