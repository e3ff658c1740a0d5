package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// A Store keeps the log, the votes, the snapshots and the identity of one node.
// It serves one [Raft] in its life. Its methods may be called by several
// goroutines.
type Store struct {
	disk   *disk // nil in memory
	logs   raft.LogStore
	stable raft.StableStore
	snaps  snapshots

	taken    atomic.Bool // by a Raft
	identity atomic.Pointer[Identity]
	changing sync.Mutex // serializes changes of the identity, held while the disk writes
}

// MemoryStore returns a store that lives in memory, with a node id of its own.
// Its node is gone for good when the store is: every start is a new node.
func MemoryStore() *Store {
	m := newMemory()

	s := &Store{logs: m, stable: m, snaps: snapshots{&memorySnapshots{}}}
	s.identity.Store(&Identity{Node: segue.NewNodeID()})

	return s
}

// OpenStore opens the data directory dir, and makes it, with a new node id, if
// it is missing or empty. It locks the directory and checks all of it. The
// logger may be nil. The caller must call Close.
//
// It returns an error that matches [ErrInUse], [ErrRetired] or [ErrDamaged], or
// [segue.ErrUnsupported] for a directory of a later release.
func OpenStore(dir string, logger *slog.Logger) (*Store, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}

	path := filepath.Join(dir, fileName)
	if err := prepare(dir, path, logger); err != nil {
		return nil, err
	}

	if err := inspect(path); err != nil {
		return nil, err
	}

	d, err := openDisk(path, logger)
	if err != nil {
		return nil, err
	}

	s, err := load(dir, d, logger)
	if err != nil {
		return nil, errors.Join(err, ignoreDamage(d.close()))
	}

	return s, nil
}

// prepare makes the file if there is nothing at all.
func prepare(dir, path string, logger *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}

	info, err := os.Stat(path)

	switch {
	case err == nil && info.Size() == 0:
		return damaged(path, "it is empty") // bbolt would fill it anew
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open the data directory: %w", err)
	}

	switch found, err := hasSnapshots(dir); {
	case err != nil:
		return err
	case found:
		return damaged(path, "it is missing, but there are snapshots beside it")
	}

	id := Identity{Node: segue.NewNodeID()}
	logger.Info("making a new data directory", "directory", dir, "node", id.Node)

	return createFile(dir, path, id)
}

// load reads the identity and brings log, votes and snapshots in line. The
// directory is locked.
func load(dir string, d *disk, logger *slog.Logger) (*Store, error) {
	id, err := d.identity()
	if err != nil {
		return nil, err
	}

	if id.Retired {
		return nil, fmt.Errorf("%s: node %s: %w", d.path, id.Node, ErrRetired)
	}

	if err := sweep(dir); err != nil {
		return nil, fmt.Errorf("clean up the data directory: %w", err)
	}

	files, err := raft.NewFileSnapshotStoreWithLogger(dir, keepSnapshots, newLogBridge(logger, "snapshot"))
	if err != nil {
		return nil, fmt.Errorf("open the snapshots in %s: %w", dir, err)
	}

	s := &Store{disk: d, logs: d, stable: d, snaps: snapshots{files}}
	s.identity.Store(&id)

	if err := s.reconcile(logger); err != nil {
		return nil, err
	}

	return s, nil
}

// Identity returns what the store knows about its node.
func (s *Store) Identity() Identity { return *s.identity.Load() }

// Durable reports whether the store outlives the process.
func (s *Store) Durable() bool { return s.disk != nil }

// SetCluster records the cluster that the node belongs to, and its generation.
// It returns an error that matches [segue.ErrWrongCluster] if the node belongs
// to another one, and [segue.ErrFenced] if the generation is older than the
// recorded one. Setting the same again does nothing.
func (s *Store) SetCluster(cluster [16]byte, generation uint64) error {
	return s.update(func(id Identity) (Identity, error) { return id.withCluster(cluster, generation) })
}

// SetIncarnation records the incarnation that the node was given. It returns an
// error that matches [segue.ErrFenced] if a higher one is recorded. Setting the
// same again does nothing.
func (s *Store) SetIncarnation(inc segue.Incarnation) error {
	return s.update(func(id Identity) (Identity, error) { return id.withIncarnation(inc) })
}

// Retire records that the node has left its cluster for good. The store goes on
// until it is closed, but cannot be opened again.
func (s *Store) Retire() error {
	return s.update(func(id Identity) (Identity, error) {
		id.Retired = true

		return id, nil
	})
}

func (s *Store) update(change func(Identity) (Identity, error)) error {
	s.changing.Lock()
	defer s.changing.Unlock()

	old := s.Identity()

	id, err := change(old)
	if err != nil || id == old {
		return err
	}

	if s.disk != nil {
		if err := s.disk.setIdentity(id); err != nil {
			return err
		}
	}

	s.identity.Store(&id)

	return nil
}

// Close releases the directory. It must not be called while a [Raft] runs on
// the store. A store that stalled or was damaged stays locked until the process
// ends.
func (s *Store) Close() error {
	if s.disk == nil {
		return nil
	}

	return s.disk.close()
}

// take reserves the store for a Raft, which is told of its failure.
func (s *Store) take(onFatal func(error)) error {
	if s.taken.Swap(true) {
		return errors.New("the store has been used before: open it again")
	}

	if s.disk != nil {
		return s.disk.attach(onFatal)
	}

	return nil
}

// failed returns a channel that is closed when the store has failed. It is nil
// in memory.
func (s *Store) failed() <-chan struct{} {
	if s.disk == nil {
		return nil
	}

	return s.disk.failed
}

// failure returns the reason of the failure, nil if there is none.
func (s *Store) failure() error {
	select {
	case <-s.failed():
		return s.disk.check()
	default:
		return nil
	}
}
