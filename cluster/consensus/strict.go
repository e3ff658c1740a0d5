package consensus

import (
	"errors"
	"runtime"

	"github.com/hashicorp/raft"
)

// raftLogs and raftStable return what a running raft uses.
func (s *Store) raftLogs() raft.LogStore {
	if s.disk == nil {
		return s.logs
	}

	return strict{s.disk}
}

func (s *Store) raftStable() raft.StableStore {
	if s.disk == nil {
		return s.stable
	}

	return strict{s.disk}
}

// strict ends the calling goroutine where raft would make a panic of an error,
// and take the whole process down before it can exit in order. By then the
// store has failed and has reported why. Only raft's own goroutines may use it.
type strict struct{ *disk }

// GetLog does not return errors other than [raft.ErrLogNotFound].
func (s strict) GetLog(index uint64, l *raft.Log) error {
	err := s.disk.GetLog(index, l)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		runtime.Goexit()
	}

	return err
}

// SetUint64 does not return errors.
func (s strict) SetUint64(key []byte, n uint64) error {
	if err := s.disk.SetUint64(key, n); err != nil {
		runtime.Goexit()
	}

	return nil
}
