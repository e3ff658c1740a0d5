package consensus

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// memorySnapshots keeps the newest complete snapshots of a node without a disk.
// A snapshot that is being written is not visible.
type memorySnapshots struct {
	mu       sync.Mutex    // guards the fields below
	complete []*memorySink // the newest first, at most keepSnapshots
	created  uint64        // makes ids unique
}

var _ raft.SnapshotStore = (*memorySnapshots)(nil)

// Create starts a snapshot.
func (s *memorySnapshots) Create(version raft.SnapshotVersion, index, term uint64, c raft.Configuration,
	configIndex uint64, _ raft.Transport,
) (raft.SnapshotSink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.created++

	return &memorySink{store: s, meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d-%d", term, index, s.created),
		Index: index, Term: term, Configuration: c, ConfigurationIndex: configIndex,
	}}, nil
}

// List returns the snapshots, the newest first.
func (s *memorySnapshots) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	list := make([]*raft.SnapshotMeta, 0, len(s.complete))

	for _, k := range s.complete {
		meta := k.meta
		list = append(list, &meta)
	}

	return list, nil
}

// Open returns the snapshot of that id.
func (s *memorySnapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, k := range s.complete {
		if k.meta.ID == id {
			meta := k.meta

			return &meta, io.NopCloser(bytes.NewReader(k.data.Bytes())), nil
		}
	}

	return nil, nil, errNotFound
}

// memorySink is a snapshot: one goroutine writes it, and after Close it does
// not change any more.
type memorySink struct {
	store *memorySnapshots
	meta  raft.SnapshotMeta
	data  bytes.Buffer
	ended bool
}

// ID returns the id of the snapshot.
func (k *memorySink) ID() string { return k.meta.ID }

// Write appends to the snapshot.
func (k *memorySink) Write(b []byte) (int, error) {
	return k.data.Write(b) //nolint:wrapcheck // never fails
}

// Close completes the snapshot.
func (k *memorySink) Close() error {
	if k.ended {
		return nil
	}

	k.ended = true
	k.meta.Size = int64(k.data.Len())

	k.store.mu.Lock()
	defer k.store.mu.Unlock()

	all := append(k.store.complete, k)
	slices.SortStableFunc(all, func(a, b *memorySink) int {
		return cmp.Or(cmp.Compare(b.meta.Term, a.meta.Term), cmp.Compare(b.meta.Index, a.meta.Index))
	})

	k.store.complete = slices.Clone(all[:min(len(all), keepSnapshots)])

	return nil
}

// Cancel drops the snapshot.
func (k *memorySink) Cancel() error {
	k.ended = true

	return nil
}
