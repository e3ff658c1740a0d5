package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The buckets of the file. They are a format: do not rename them.
const (
	bucketMeta   = "meta"   // identity -> [Identity]
	bucketLog    = "log"    // index, 8 bytes big-endian -> entry
	bucketStable = "stable" // raft's keys -> value and CRC32C of key and value

	keyIdentity = "identity"
)

// lockTimeout is how long OpenStore waits for another process to let go of the
// file.
const lockTimeout = time.Second

// A disk is the part of a store that is a file: raft's log, its votes and the
// node's identity in bbolt. Any of its methods may be called by several
// goroutines. After the first failure every method returns that failure.
type disk struct {
	*watchdog

	db *bbolt.DB

	// fault, if not nil, is called before a transaction is committed, with
	// what it does. Its error is taken for one of the disk. Tests only.
	fault atomic.Pointer[func(what string) error]

	voteMu   sync.Mutex // guards the field below
	voteTerm []byte     // held back until the candidate is known, nil if none is
}

func openDisk(path string, logger *slog.Logger) (*disk, error) {
	d := &disk{watchdog: newWatchdog(path, logger)}

	err := guarded(path, func() error {
		db, err := bbolt.Open(path, 0o600, options())
		d.db = db

		return err //nolint:wrapcheck // openError names the file
	})
	if err != nil {
		return nil, openError(path, err)
	}

	return d, nil
}

func options() *bbolt.Options {
	return &bbolt.Options{
		Timeout:        lockTimeout,
		FreelistType:   bbolt.FreelistMapType,
		NoFreelistSync: true,
		NoStatistics:   true,
	}
}

// openError tells apart a file that is in use, one that cannot be reached and
// one that is not what was written.
func openError(path string, err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}

	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("%s: %w", path, ErrInUse)
	}

	var (
		errno syscall.Errno
		where *fs.PathError
	)
	if errors.As(err, &errno) || errors.As(err, &where) {
		return fmt.Errorf("open %s: %w", path, err)
	}

	return damaged(path, "it cannot be opened (%v)", err)
}

// read runs fn in a transaction that sees a consistent state and whose memory fn
// must not keep.
func (d *disk) read(what string, fn func(tx *bbolt.Tx) error) error {
	return d.run(what, func() error {
		return d.db.View(fn)
	})
}

// write runs fn in a transaction and returns after its changes are on disk. An
// error of fn undoes them and is returned; any other error is final.
func (d *disk) write(what string, fn func(tx *bbolt.Tx) error) error {
	return d.run(what, func() error {
		// Not Update: after a panic it rolls back, which reads the file again
		// on a goroutine that cannot be guarded.
		tx, err := d.db.Begin(true)
		if errors.Is(err, berrors.ErrDatabaseNotOpen) { // closed meanwhile
			return errClosed
		}

		if err != nil {
			return fmt.Errorf("%s: %w: %w", d.path, ErrDisk, err)
		}

		if err := fn(tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}

		if fault := d.fault.Load(); fault != nil {
			err = (*fault)(what)
		}

		if err != nil {
			err = errors.Join(err, tx.Rollback())
		} else {
			err = tx.Commit()
		}

		if err != nil {
			return fmt.Errorf("%s: %w: %w", d.path, ErrDisk, err)
		}

		return nil
	})
}

func (d *disk) identity() (Identity, error) {
	var id Identity

	err := d.read("reading the identity", func(tx *bbolt.Tx) error {
		var err error
		id, err = identityOf(tx, d.path)

		return err
	})

	return id, err
}

func (d *disk) setIdentity(id Identity) error {
	return d.write("writing the identity", func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketMeta)).Put([]byte(keyIdentity), id.encode())
	})
}

// close releases the file. After a stall or damage it leaves that to the end of
// the process, since bbolt might never return.
func (d *disk) close() error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	cause := d.cause
	d.mu.Unlock()

	if again {
		return nil
	}

	if cause != nil && !errors.Is(cause, ErrDisk) {
		return cause
	}

	if err := d.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", d.path, err)
	}

	return nil
}

// createFile makes the file of a new store with that identity. The file appears
// under its name complete and synced, or not at all, so that a crash cannot
// leave a half of it. If another process was faster, its file stays.
func createFile(dir, path string, id Identity) (err error) {
	tmp, err := os.CreateTemp(dir, tempPrefix+"*")
	if err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, err)
	}

	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(tmp.Name()))) }()

	if err = tmp.Close(); err != nil {
		return fmt.Errorf("create a store: %w", err)
	}

	db, err := bbolt.Open(tmp.Name(), 0o600, options())
	if err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, err)
	}

	err = errors.Join(db.Update(func(tx *bbolt.Tx) error { return format(tx, id) }), db.Close())
	if err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, err)
	}

	if err = publish(tmp.Name(), path); err != nil {
		return fmt.Errorf("create a store in %s: %w", dir, err)
	}

	return syncDir(dir)
}

// format writes the identity first and then makes room for the rest.
func format(tx *bbolt.Tx, id Identity) error {
	meta, err := tx.CreateBucket([]byte(bucketMeta))
	if err != nil {
		return err //nolint:wrapcheck // createFile describes it
	}

	if err := meta.Put([]byte(keyIdentity), id.encode()); err != nil {
		return err //nolint:wrapcheck // createFile describes it
	}

	for _, name := range []string{bucketLog, bucketStable} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err //nolint:wrapcheck // createFile describes it
		}
	}

	return nil
}
