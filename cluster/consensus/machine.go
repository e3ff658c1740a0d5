package consensus

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// fsm passes entries to the machine and remembers the configuration of the
// cluster as of the last one. Raft's own GetConfiguration does not tell the
// index of the configuration, without which it cannot be changed safely.
type fsm struct {
	machine Machine

	mu          sync.Mutex // guards the fields below
	servers     []raft.Server
	configIndex uint64 // 0: none is known
}

var (
	_ raft.FSM                = (*fsm)(nil)
	_ raft.ConfigurationStore = (*fsm)(nil)
)

// Apply is called by raft.
func (f *fsm) Apply(l *raft.Log) any { return f.machine.Apply(l.Index, l.Data) }

// StoreConfiguration is called by raft for every committed configuration, in
// the order of the log.
func (f *fsm) StoreConfiguration(index uint64, c raft.Configuration) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.servers, f.configIndex = slices.Clone(c.Servers), index
}

func (f *fsm) configuration() ([]raft.Server, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.servers, f.configIndex // never changed in place
}

// Snapshot is called by raft.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	w, err := f.machine.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}

	return state{w}, nil
}

// Restore is called by raft.
func (f *fsm) Restore(r io.ReadCloser) error {
	if err := f.machine.Restore(r); err != nil {
		return fmt.Errorf("restore: %w", err)
	}

	if meta, ok := metaOf(r); ok {
		f.StoreConfiguration(meta.ConfigurationIndex, meta.Configuration)
	}

	return nil
}

// state is a snapshot of the machine.
type state struct{ w io.WriterTo }

// Persist is called by raft, which cancels the sink after an error.
func (s state) Persist(sink raft.SnapshotSink) error {
	if _, err := s.w.WriteTo(sink); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}

	return sink.Close() //nolint:wrapcheck // raft describes it
}

// Release is called by raft.
func (state) Release() {}
