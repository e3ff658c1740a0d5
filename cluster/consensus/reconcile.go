package consensus

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/hashicorp/raft"
)

// reconcile checks that log and snapshots together are the whole history, and
// completes what a crash interrupted.
func (s *Store) reconcile(logger *slog.Logger) error {
	first, last, err := s.disk.bounds()
	if err != nil {
		return err
	}

	newest, found, err := s.snaps.newest(logger)

	switch {
	case err != nil:
		return err
	case newest == nil && found > 0:
		return damaged(s.disk.path, "none of the %d snapshots beside it can be read", found)
	case newest == nil && first > 1:
		return damaged(s.disk.path, "the log begins with entry %d, and the snapshot of what came before is missing", first)
	case newest != nil && first > newest.Index+1:
		return damaged(s.disk.path, "the log begins with entry %d, but the last readable snapshot ends with entry %d",
			first, newest.Index)
	case newest == nil && first == 0:
		return s.undoBootstrap()
	}

	// A snapshot was received from a leader, but the log that it replaces was
	// still there at the crash. Its entries are older than the snapshot, and
	// the next one would leave a gap.
	if newest != nil && last > 0 && last < newest.Index {
		return s.disk.DeleteRange(first, last)
	}

	return nil
}

// undoBootstrap forgets the first term if the entry that comes after it in a
// bootstrap is missing. Without a vote nothing was promised in that term.
func (s *Store) undoBootstrap() error {
	term, err := s.disk.GetUint64([]byte(keyCurrentTerm))
	if err != nil || term != 1 {
		return ignoreNotFound(err)
	}

	if _, err := s.disk.Get([]byte(keyVoteFor)); !errors.Is(err, errNotFound) {
		return err
	}

	return s.disk.forget(keyCurrentTerm)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, errNotFound) {
		return nil
	}

	return err
}

// ignoreDamage drops the error of closing a disk that is known to be damaged.
func ignoreDamage(err error) error {
	if errors.Is(err, ErrDamaged) {
		return nil
	}

	return err
}

// known returns the configuration that a node knows before it has applied
// anything: that of its newest snapshot or, without one, the newest of its log,
// which may not be committed. Everything committed after it is applied later.
func (s *Store) known(logger *slog.Logger) (raft.Configuration, uint64, error) {
	newest, _, err := s.snaps.newest(logger)
	if err != nil {
		return raft.Configuration{}, 0, err
	}

	if newest != nil {
		return newest.Configuration, newest.ConfigurationIndex, nil
	}

	last, err := s.logs.LastIndex()
	if err != nil {
		return raft.Configuration{}, 0, fmt.Errorf("read the log: %w", err)
	}

	for index := last; index > 0; index-- {
		var entry raft.Log
		if err := s.logs.GetLog(index, &entry); err != nil {
			return raft.Configuration{}, 0, fmt.Errorf("read log entry %d: %w", index, err)
		}

		if entry.Type == raft.LogConfiguration {
			return raft.DecodeConfiguration(entry.Data), entry.Index, nil
		}
	}

	return raft.Configuration{}, 0, nil
}
