package ownership

import (
	"github.com/segue-cluster/segue"
)

// A Type numbers the commands. The numbers are wire: do not reorder them, add
// new ones at the end.
type Type uint8

// The types of commands. Those of one line came with one level.
const (
	TypeGenesis Type = iota + 1 // level 1
	TypeJoin
	TypeLeave
	TypePlace
	TypeAssign
	TypeHold
	TypeUnhold
	TypeDrain
	TypeOpen
	TypeCommit
	TypeAbort
	TypeOutOfSync
	TypeFence
	TypeRecover
	TypeReassign
	TypeReportLoss
	TypeRolloutStart
	TypeRolloutAdvance
	TypeSetLevel
)

// MaxLevel is the highest level of commands that this release understands.
const MaxLevel = 1

// A Command is one change of the table. Commands are plain values.
type Command interface {
	// Type returns the wire type of the command.
	Type() Type
}

// Genesis forms the cluster. It is the first command of a log.
type Genesis struct {
	Cluster    string    `msgpack:"c"`
	ID         ClusterID `msgpack:"i"`
	Generation uint64    `msgpack:"g"`
	Shards     uint32    `msgpack:"s"` // 1 to 4096
	Hash       uint8     `msgpack:"h"` // [ShardHash]
	Expect     uint8     `msgpack:"e"` // nodes that form the cluster
}

// Join makes a start of a node a member. The index of its entry becomes the
// incarnation. A start that joined before keeps its incarnation; another start
// of the same node supersedes and thereby fences the former one.
type Join struct {
	Node     segue.NodeID `msgpack:"n"`
	Start    uint64       `msgpack:"s"`
	Name     string       `msgpack:"m"`
	Release  string       `msgpack:"r"`
	Addrs    Addrs        `msgpack:"a"`
	MaxLevel uint32       `msgpack:"l"`
	Host     string       `msgpack:"h"`
	Hosting  bool         `msgpack:"p"`
	Durable  bool         `msgpack:"d"`
}

// Leave removes a node that owns nothing and has no open session.
type Leave struct {
	Node segue.NodeID      `msgpack:"n"`
	Inc  segue.Incarnation `msgpack:"i"`
}

// Place gives shards that nobody ever owned to a node, empty.
type Place struct {
	Shards []segue.ShardID   `msgpack:"s"`
	Node   segue.NodeID      `msgpack:"n"`
	Inc    segue.Incarnation `msgpack:"i"`
}

// Cause says why an assignment was made. The numbers are wire: do not reorder
// them, add new ones at the end.
type Cause uint8

// The causes of assignments.
const (
	CauseNone Cause = iota
	CauseRollout
	CauseDrain
	CauseOperator
	CauseRebalance
)

// Assign says who should own shards.
type Assign struct {
	Moves   []Move         `msgpack:"m"`
	Cause   Cause          `msgpack:"c"`
	Rollout segue.Revision `msgpack:"r"`
}

// Move is one assignment. A zero To takes an assignment back.
type Move struct {
	Shard segue.ShardID `msgpack:"s"`
	To    segue.NodeID  `msgpack:"t"`
}

// HoldShards keeps shards where they are, whatever their assignment.
type HoldShards struct {
	Shards  []segue.ShardID `msgpack:"s"`
	Reason  string          `msgpack:"r"`
	Process string          `msgpack:"p"`
}

// Unhold lifts holds.
type Unhold struct {
	Shards []segue.ShardID `msgpack:"s"`
}

// Drain marks a node as giving its shards away, or takes the mark back.
type Drain struct {
	Node segue.NodeID      `msgpack:"n"`
	Inc  segue.Incarnation `msgpack:"i"`
	On   bool              `msgpack:"o"`
}

// Open opens a handoff session over several shards of one owner.
type Open struct {
	Session segue.SessionID   `msgpack:"s"`
	From    segue.NodeID      `msgpack:"f"`
	FromInc segue.Incarnation `msgpack:"fi"`
	To      segue.NodeID      `msgpack:"t"`
	ToInc   segue.Incarnation `msgpack:"ti"`
	Bake    bool              `msgpack:"b"`
	Shards  []ShardEpoch      `msgpack:"h"`
}

// ShardEpoch is a shard with the epoch that the proposer saw.
type ShardEpoch struct {
	Shard segue.ShardID `msgpack:"s"`
	Epoch segue.Epoch   `msgpack:"e"`
}

// Commit makes the target of a session the owner. Only the source may propose
// it, when every process of the shard is delegated and active: it alone knows
// that list.
type Commit struct {
	Session segue.SessionID `msgpack:"s"`
	Shards  []Tally         `msgpack:"h"`
	Pauses  []byte          `msgpack:"p"` // histogram of flip pauses, sparse form
}

// Tally is what a session moved of one shard, counted at the flip and equal at
// both ends.
type Tally struct {
	Shard     segue.ShardID `msgpack:"s"`
	Processes uint64        `msgpack:"p"`
	Bytes     uint64        `msgpack:"b"`
	Digest    segue.Digest  `msgpack:"d"`
}

// Abort ends a session; the source stays the owner.
type Abort struct {
	Session segue.SessionID `msgpack:"s"`
	Shards  []segue.ShardID `msgpack:"h"`
	Reason  string          `msgpack:"r"`
}

// OutOfSync ends a mirror. It is also the normal end of a bake.
type OutOfSync struct {
	Session segue.SessionID `msgpack:"s"`
	Shards  []segue.ShardID `msgpack:"h"`
}

// Fence ends an incarnation for good. The leader proposes it when the lease
// has run out long enough or the death is certain.
type Fence struct {
	Node   segue.NodeID      `msgpack:"n"`
	Inc    segue.Incarnation `msgpack:"i"`
	Reason string            `msgpack:"r"`
}

// Recover makes the heir of a fenced owner the owner: the target of the open
// session or the mirror. It decides at application which processes it holds.
type Recover struct {
	Shard ShardEpoch        `msgpack:"s"`
	To    segue.NodeID      `msgpack:"t"`
	ToInc segue.Incarnation `msgpack:"ti"`
	Known uint64            `msgpack:"k"` // processes, by the dead owner's last lease renewal
}

// Reassign gives a shard whose state died with its owner to a node, empty. It
// records the loss.
type Reassign struct {
	Shard ShardEpoch        `msgpack:"s"`
	To    segue.NodeID      `msgpack:"t"`
	ToInc segue.Incarnation `msgpack:"ti"`
	Lost  uint64            `msgpack:"l"` // processes, by the owner's last lease renewal
}

// ReportLoss records processes that a new owner does not hold although the
// dead one had them, or, with Reset, that an operator gave up.
type ReportLoss struct {
	Shard ShardEpoch        `msgpack:"s"`
	Node  segue.NodeID      `msgpack:"n"` // the dead owner
	Inc   segue.Incarnation `msgpack:"i"`
	Count uint64            `msgpack:"c"`
	Names []string          `msgpack:"p"` // of some of them
	// All: the new owner knows none of the names. The count is the one that
	// Recover brought, and what is absent from the shard may have been lost.
	All   bool `msgpack:"a"`
	Reset bool `msgpack:"r"` // forget the losses of the shard
}

// SetLevel allows commands of a higher level. It is refused while a member
// does not understand them.
type SetLevel struct {
	Level uint32 `msgpack:"l"`
}

// Type implements [Command].
func (Genesis) Type() Type { return TypeGenesis }

// Type implements [Command].
func (Join) Type() Type { return TypeJoin }

// Type implements [Command].
func (Leave) Type() Type { return TypeLeave }

// Type implements [Command].
func (Place) Type() Type { return TypePlace }

// Type implements [Command].
func (Assign) Type() Type { return TypeAssign }

// Type implements [Command].
func (HoldShards) Type() Type { return TypeHold }

// Type implements [Command].
func (Unhold) Type() Type { return TypeUnhold }

// Type implements [Command].
func (Drain) Type() Type { return TypeDrain }

// Type implements [Command].
func (Open) Type() Type { return TypeOpen }

// Type implements [Command].
func (Commit) Type() Type { return TypeCommit }

// Type implements [Command].
func (Abort) Type() Type { return TypeAbort }

// Type implements [Command].
func (OutOfSync) Type() Type { return TypeOutOfSync }

// Type implements [Command].
func (Fence) Type() Type { return TypeFence }

// Type implements [Command].
func (Recover) Type() Type { return TypeRecover }

// Type implements [Command].
func (Reassign) Type() Type { return TypeReassign }

// Type implements [Command].
func (ReportLoss) Type() Type { return TypeReportLoss }

// Type implements [Command].
func (RolloutStart) Type() Type { return TypeRolloutStart }

// Type implements [Command].
func (RolloutAdvance) Type() Type { return TypeRolloutAdvance }

// Type implements [Command].
func (SetLevel) Type() Type { return TypeSetLevel }

// String returns the name of the type as events and logs show it.
func (t Type) String() string {
	switch t {
	case TypeGenesis:
		return "genesis"
	case TypeJoin:
		return "join"
	case TypeLeave:
		return "leave"
	case TypePlace:
		return "place"
	case TypeAssign:
		return "assign"
	case TypeHold:
		return "hold"
	case TypeUnhold:
		return "unhold"
	case TypeDrain:
		return "drain"
	case TypeOpen:
		return "open"
	case TypeCommit:
		return "commit"
	case TypeAbort:
		return "abort"
	case TypeOutOfSync:
		return "out_of_sync"
	case TypeFence:
		return "fence"
	case TypeRecover:
		return "recover"
	case TypeReassign:
		return "reassign"
	case TypeReportLoss:
		return "report_loss"
	case TypeRolloutStart:
		return "rollout_start"
	case TypeRolloutAdvance:
		return "rollout_advance"
	case TypeSetLevel:
		return "set_level"
	}

	return "unknown"
}
