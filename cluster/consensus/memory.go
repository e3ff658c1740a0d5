package consensus

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// A memory is the log and the votes of a node without a disk. It lives as long
// as the id that was minted with it, so losing it loses no promise: a node that
// starts again is another node.
type memory struct {
	mu     sync.Mutex        // guards the fields below
	first  uint64            // index of the first entry, 0 if there is none
	log    []raft.Log        // without gaps
	values map[string][]byte // of the stable store
}

var (
	_ raft.LogStore          = (*memory)(nil)
	_ raft.MonotonicLogStore = (*memory)(nil)
	_ raft.StableStore       = (*memory)(nil)
)

func newMemory() *memory { return &memory{values: map[string][]byte{}} }

// IsMonotonic tells raft that the log has no gaps.
func (*memory) IsMonotonic() bool { return true }

// FirstIndex returns the index of the oldest entry, 0 if there is none.
func (m *memory) FirstIndex() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	return m.first, nil
}

// LastIndex returns the index of the newest entry, 0 if there is none.
func (m *memory) LastIndex() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	return m.last(), nil
}

func (m *memory) last() uint64 {
	if m.first == 0 {
		return 0
	}

	return m.first + uint64(len(m.log)) - 1
}

// GetLog copies the entry of that index into l; the data is shared.
func (m *memory) GetLog(index uint64, l *raft.Log) error {
	m.mu.Lock()
	defer m.mu.Unlock()

	if m.first == 0 || index < m.first || index > m.last() {
		return raft.ErrLogNotFound
	}

	*l = m.log[index-m.first]

	return nil
}

// StoreLog appends one entry.
func (m *memory) StoreLog(l *raft.Log) error { return m.StoreLogs([]*raft.Log{l}) }

// StoreLogs appends entries, which must follow the last one without a gap.
func (m *memory) StoreLogs(logs []*raft.Log) error {
	m.mu.Lock()
	defer m.mu.Unlock()

	next := m.last() + 1

	for i, l := range logs {
		if l.Index == 0 || (m.first != 0 || i > 0) && l.Index != next {
			return fmt.Errorf("log entry %d cannot follow entry %d", l.Index, next-1)
		}

		next = l.Index + 1
	}

	for _, l := range logs {
		if m.first == 0 {
			m.first = l.Index
		}

		m.log = append(m.log, *l)
	}

	return nil
}

// DeleteRange removes the entries from low to high, both included. The rest
// must not have a gap.
func (m *memory) DeleteRange(low, high uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()

	last := m.last()

	low, high = max(low, m.first), min(high, last)
	if m.first == 0 || low > high {
		return nil
	}

	switch {
	case low == m.first && high == last:
		m.first, m.log = 0, nil
	case low == m.first: // a copy, so that the memory of the old entries is freed
		m.log, m.first = slices.Clone(m.log[high+1-m.first:]), high+1
	case high == last:
		m.log = slices.Clip(m.log[:low-m.first])
	default:
		return fmt.Errorf("removing entries %d to %d would leave a gap in the log from %d to %d", low, high, m.first, last)
	}

	return nil
}

// Set writes a value.
func (m *memory) Set(key, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()

	m.values[string(key)] = slices.Clone(value)

	return nil
}

// Get returns a copy of a value, or an error with the text "not found".
func (m *memory) Get(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	v, ok := m.values[string(key)]
	if !ok {
		return nil, errNotFound
	}

	return append([]byte{}, v...), nil
}

// SetUint64 writes a number.
func (m *memory) SetUint64(key []byte, n uint64) error {
	return m.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// GetUint64 returns a number, or an error with the text "not found".
func (m *memory) GetUint64(key []byte) (uint64, error) {
	v, err := m.Get(key)
	if err != nil {
		return 0, err
	}

	if len(v) != 8 {
		return 0, fmt.Errorf("%s has %d bytes, want 8", key, len(v))
	}

	return binary.BigEndian.Uint64(v), nil
}
