package handoff

import (
	"crypto/sha256"
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// MaxRecord is the largest encoded record, in bytes.
const MaxRecord = wire.MaxRecord

// A Record is a process as it travels and is stored: everything that another
// node needs to go on with it. Fields may be added at the end; what a release
// does not know in Ext it carries unread.
type Record struct {
	Ver         uint64            `msgpack:"v"`
	Kind        string            `msgpack:"k"`
	Schema      uint32            `msgpack:"s"` // version of the state
	Fingerprint [8]byte           `msgpack:"f"` // of its shape
	Codec       Codec             `msgpack:"c"`
	State       []byte            `msgpack:"d"`
	Residue     []byte            `msgpack:"r"` // what the other version could not hold
	Table       []RecordEntry     `msgpack:"t"`
	Timers      []Timer           `msgpack:"i"`
	Outbox      []Outgoing        `msgpack:"o"`
	Ext         map[string][]byte `msgpack:"x"`
}

// A RecordEntry is an [Entry] as it travels: clocks differ, so it tells an age.
type RecordEntry struct {
	Client ClientID `msgpack:"c"`
	N      uint64   `msgpack:"n"`
	Ver    uint64   `msgpack:"v"`
	Age    int64    `msgpack:"a"` // nanoseconds
	Reply  Reply    `msgpack:"r"`
}

// A Timer is a message that a process sends to itself later.
type Timer struct {
	ID        string `msgpack:"i"`
	Remaining int64  `msgpack:"r"` // nanoseconds, when the record was made
	Body      Body   `msgpack:"b"`
}

// An Outgoing is a message to another process that was not acknowledged yet.
type Outgoing struct {
	To      string  `msgpack:"t"` // address
	Request Request `msgpack:"r"`
}

// Seal encodes a record. The table is that of the process, its entries with
// their ages at now.
func (r *Record) Seal(table []Entry, now int64) (Sealed, error) {
	r.Table = make([]RecordEntry, 0, len(table))

	for i := range table {
		e := &table[i]
		if !e.expired(now) {
			r.Table = append(r.Table, RecordEntry{Client: e.Client, N: e.N, Ver: e.Ver, Age: now - e.At, Reply: e.Reply})
		}
	}

	b, err := wire.Marshal(r)
	if err != nil {
		return Sealed{}, fmt.Errorf("encode record: %w", err)
	}

	if len(b) > MaxRecord {
		return Sealed{}, fmt.Errorf("record of %d bytes, at most %d can be moved: %w", len(b), MaxRecord, segue.ErrTooLarge)
	}

	return Sealed{Ver: r.Ver, Bytes: b, Hash: sha256.Sum256(b)}, nil
}

// Open decodes a sealed record, its table apart.
func (s Sealed) Open(now int64) (Record, Table, error) {
	var r Record
	if err := wire.Unmarshal(s.Bytes, &r, recordLimits()); err != nil {
		return Record{}, Table{}, fmt.Errorf("decode record: %w", err)
	}

	entries := make([]Entry, len(r.Table))
	for i, e := range r.Table {
		entries[i] = Entry{Client: e.Client, N: e.N, Ver: e.Ver, At: now - max(e.Age, 0), Reply: e.Reply}
	}

	r.Table = nil

	return r, NewTable(entries), nil
}

func recordLimits() wire.Limits { return wire.Limits{Bytes: MaxRecord, Depth: 16} }
