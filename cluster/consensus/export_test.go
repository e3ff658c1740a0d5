package consensus

import (
	"path/filepath"

	"github.com/hashicorp/raft"
)

// RaftStore is what raft sees of a store.
type RaftStore interface {
	raft.LogStore
	raft.StableStore
}

// RaftView returns what raft sees of s, with errors returned.
func RaftView(s *Store) RaftStore {
	if s.disk != nil {
		return s.disk
	}

	return s.logs.(*memory)
}

// Snapshots returns the snapshot store of s.
func Snapshots(s *Store) raft.SnapshotStore { return s.snaps }

// SetFault makes f decide about every transaction of s before it is committed.
func SetFault(s *Store, f func(what string) error) { s.disk.fault.Store(&f) }

// Attach makes f what is told about the failure of s.
func Attach(s *Store, f func(error)) error { return s.take(f) }

// EncodeEntry and EncodeIdentity return records as they are on disk.
func EncodeEntry(l *raft.Log) ([]byte, error) { return encodeEntry(l) }

func EncodeIdentity(id Identity) []byte { return id.encode() }

// DecodeEntry and DecodeIdentity read them.
func DecodeEntry(b []byte, index uint64, l *raft.Log) error { return decodeEntry(b, index, l) }

func DecodeIdentity(b []byte) (Identity, error) { return decodeIdentity(b) }

// Publish gives a file its name.
func Publish(tmp, path string) error { return publish(tmp, path) }

// NewLogBridge is what raft logs to.
var NewLogBridge = newLogBridge

// The contents of a data directory.
const (
	FileName     = fileName
	SnapshotsDir = snapshotsDir
	TempPrefix   = tempPrefix

	MaxAccepted = maxAccepted
)

// Dir returns the directory of s.
func (s *Store) Dir() string { return filepath.Dir(s.disk.path) }

// Reseal replaces the checksum at the end of b.
func Reseal(b []byte) []byte { return seal(nil, b[:len(b)-4:len(b)-4]) }
