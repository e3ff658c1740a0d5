package consensus

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/hashicorp/raft"
)

// keepSnapshots is how many snapshots a directory holds.
const keepSnapshots = 2

// snapshots lets the reader of a snapshot tell what the snapshot contains.
type snapshots struct{ raft.SnapshotStore }

// Open returns a reader that is a [snapshotReader].
func (s snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, r, err := s.SnapshotStore.Open(id)
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot %s: %w", id, err)
	}

	return meta, snapshotReader{ReadCloser: r, meta: meta}, nil
}

type snapshotReader struct {
	io.ReadCloser

	meta *raft.SnapshotMeta
}

// metaOf returns what a reader that raft passes to a state machine contains.
func metaOf(r io.ReadCloser) (*raft.SnapshotMeta, bool) {
	for {
		switch v := r.(type) {
		case snapshotReader:
			return v.meta, true
		case raft.ReadCloserWrapper:
			r = v.WrappedReadCloser()
		default:
			return nil, false
		}
	}
}

// newest returns the newest snapshot that can be read completely, nil if there
// is none, and the number of those there are.
func (s snapshots) newest(logger *slog.Logger) (*raft.SnapshotMeta, int, error) {
	list, err := s.List()
	if err != nil {
		return nil, 0, fmt.Errorf("list snapshots: %w", err)
	}

	for _, meta := range list {
		_, r, err := s.Open(meta.ID) // checks the checksum
		if err != nil {
			logger.Warn("a snapshot cannot be read", "snapshot", meta.ID, "error", err)

			continue
		}

		if err := r.Close(); err != nil {
			return nil, 0, fmt.Errorf("close snapshot %s: %w", meta.ID, err)
		}

		return meta, len(list), nil
	}

	return nil, len(list), nil
}
