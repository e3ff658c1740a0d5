package ownership

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// EntryVersion is the version of the payloads of all commands. It rises with
// the level.
const EntryVersion = 1

// MaxEntry is the largest encoded entry, in bytes. Raft delays its heartbeats
// behind larger ones.
const MaxEntry = 256 << 10

// An Entry is what the raft log holds.
type Entry struct {
	Type     Type   `msgpack:"t"`
	Version  uint8  `msgpack:"v"`
	Proposer uint64 `msgpack:"p"` // start token of the node that proposed it
	Seq      uint64 `msgpack:"s"` // counts the proposals of that start
	Payload  []byte `msgpack:"b"`
}

// Encode returns the entry of a command.
func Encode(c Command, proposer, seq uint64) ([]byte, error) {
	payload, err := wire.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.Type(), err)
	}

	b, err := wire.Marshal(Entry{Type: c.Type(), Version: EntryVersion, Proposer: proposer, Seq: seq, Payload: payload})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.Type(), err)
	}

	if len(b) > MaxEntry {
		return nil, fmt.Errorf("encode %s: %d bytes, at most %d: %w", c.Type(), len(b), MaxEntry, segue.ErrTooLarge)
	}

	return b, nil
}

// Decode reads an entry. A type or version that this release does not know
// gives an error that matches [segue.ErrUnsupported]: the node must stop
// serving and keep its log, since it can no longer follow it.
func Decode(b []byte) (Entry, Command, error) {
	var e Entry
	if err := wire.Unmarshal(b, &e, limits()); err != nil {
		return Entry{}, nil, fmt.Errorf("decode entry: %w", err)
	}

	if e.Version != EntryVersion {
		return e, nil, fmt.Errorf("entry of version %d, this release knows %d: %w", e.Version, EntryVersion, segue.ErrUnsupported)
	}

	c, err := decodeCommand(e)
	if err != nil {
		return e, nil, fmt.Errorf("decode %s: %w", e.Type, err)
	}

	return e, c, nil
}

func limits() wire.Limits {
	return wire.Limits{Bytes: MaxEntry, Depth: 16, Elements: MaxBatch}
}

func decodeCommand(e Entry) (Command, error) {
	switch e.Type {
	case TypeGenesis:
		return decode[Genesis](e)
	case TypeJoin:
		return decode[Join](e)
	case TypeLeave:
		return decode[Leave](e)
	case TypePlace:
		return decode[Place](e)
	case TypeAssign:
		return decode[Assign](e)
	case TypeHold:
		return decode[HoldShards](e)
	case TypeUnhold:
		return decode[Unhold](e)
	case TypeDrain:
		return decode[Drain](e)
	case TypeOpen:
		return decode[Open](e)
	case TypeCommit:
		return decode[Commit](e)
	case TypeAbort:
		return decode[Abort](e)
	case TypeOutOfSync:
		return decode[OutOfSync](e)
	case TypeFence:
		return decode[Fence](e)
	case TypeRecover:
		return decode[Recover](e)
	case TypeReassign:
		return decode[Reassign](e)
	case TypeReportLoss:
		return decode[ReportLoss](e)
	case TypeRolloutStart:
		return decode[RolloutStart](e)
	case TypeRolloutAdvance:
		return decode[RolloutAdvance](e)
	case TypeSetLevel:
		return decode[SetLevel](e)
	}

	return nil, fmt.Errorf("command type %d: %w", uint8(e.Type), segue.ErrUnsupported)
}

func decode[C Command](e Entry) (Command, error) {
	var c C
	if err := wire.Unmarshal(e.Payload, &c, limits()); err != nil {
		return nil, err
	}

	return c, nil
}

// snapshot is the stored form of a table.
type snapshot struct {
	Format     uint8     `msgpack:"f"`
	Cluster    string    `msgpack:"c"`
	ID         ClusterID `msgpack:"i"`
	Generation uint64    `msgpack:"g"`
	Level      uint32    `msgpack:"v"`
	Index      uint64    `msgpack:"x"`
	Expect     uint8     `msgpack:"e"`
	Shards     []Shard   `msgpack:"s"`
	Members    []Member  `msgpack:"m"`
	Rollouts   []Rollout `msgpack:"r"`
	Losses     []Loss    `msgpack:"l"`
}

// WriteTo writes a snapshot. Equal tables give equal bytes.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	members := slices.SortedFunc(maps.Values(t.Members), func(a, b Member) int {
		return slices.Compare(a.Node[:], b.Node[:])
	})

	b, err := wire.Marshal(snapshot{
		Format: 1, Cluster: t.Cluster, ID: t.ID, Generation: t.Generation, Level: t.Level, Index: t.Index, Expect: t.Expect,
		Shards: t.Shards, Members: members, Rollouts: t.Rollouts, Losses: t.Losses,
	})
	if err != nil {
		return 0, fmt.Errorf("encode snapshot: %w", err)
	}

	n, err := w.Write(b)
	if err != nil {
		return int64(n), fmt.Errorf("write snapshot: %w", err)
	}

	return int64(n), nil
}

// maxSnapshot is far above what the limits of the table allow.
const maxSnapshot = 64 << 20

// Read reads what [Table.WriteTo] wrote.
func Read(r io.Reader) (*Table, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSnapshot+1))
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}

	var s snapshot

	l := wire.Limits{Bytes: maxSnapshot, Depth: 16, Elements: MaxShards}
	if err := wire.Unmarshal(b, &s, l); err != nil {
		return nil, fmt.Errorf("decode snapshot: %w", err)
	}

	if s.Format != 1 {
		return nil, fmt.Errorf("snapshot of format %d, this release knows 1: %w", s.Format, segue.ErrUnsupported)
	}

	t := &Table{
		Cluster: s.Cluster, ID: s.ID, Generation: s.Generation, Level: s.Level, Index: s.Index, Expect: s.Expect,
		Shards: s.Shards, Members: make(map[segue.NodeID]Member, len(s.Members)), Rollouts: s.Rollouts, Losses: s.Losses,
	}
	for _, m := range s.Members {
		t.Members[m.Node] = m
	}

	return t, nil
}
