package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The contents of a data directory.
const (
	fileName     = "raft.db"
	tempPrefix   = "raft.db.new-"
	snapshotsDir = "snapshots" // raft's name, below the directory
	snapshotTemp = ".tmp"      // raft's suffix of a snapshot that is not complete
)

// publish gives the file tmp the name path, unless path exists.
func publish(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}

	// The file system knows no links, or another process that owns the
	// directory has cleaned up.
	if _, statErr := os.Lstat(path); statErr == nil {
		return nil
	}

	if err := os.Rename(tmp, path); err != nil {
		return err //nolint:wrapcheck // names both files
	}

	return nil
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // directories cannot be synced there
		return nil
	}

	f, err := os.Open(dir) //nolint:gosec // the directory that the caller asked for
	if err != nil {
		return err //nolint:wrapcheck // names the directory
	}

	return errors.Join(f.Sync(), f.Close())
}

// hasSnapshots reports whether dir holds a snapshot, complete or not.
func hasSnapshots(dir string) (bool, error) {
	entries, err := os.ReadDir(filepath.Join(dir, snapshotsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}

	if err != nil {
		return false, fmt.Errorf("look for snapshots: %w", err)
	}

	return len(entries) > 0, nil
}

// sweep removes what a crash left behind. The caller holds the directory.
func sweep(dir string) error {
	var errs []error

	for sub, leftover := range map[string]func(name string) bool{
		"":           func(name string) bool { return strings.HasPrefix(name, tempPrefix) },
		snapshotsDir: func(name string) bool { return strings.HasSuffix(name, snapshotTemp) },
	} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		errs = append(errs, ignoreMissing(err))

		for _, e := range entries {
			if leftover(e.Name()) {
				errs = append(errs, os.RemoveAll(filepath.Join(dir, sub, e.Name())))
			}
		}
	}

	return errors.Join(errs...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
}
