//go:build linux || darwin

package deathwatch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/segue-cluster/segue"
)

const (
	// StaleAfter is the age at which [Hold] removes files that nobody locks.
	StaleAfter = time.Hour

	sweepLimit   = 1000 // files that one Hold looks at
	contentLimit = 512  // bytes, more than a file of this package holds
	suffix       = ".alive"
)

// A Lock says that this process is alive, until it is closed or the process
// ends.
type Lock struct {
	path string

	mu     sync.Mutex // guards the fields below
	fd     int        // no *os.File: its finalizer would give up the lock
	closed bool
}

// Hold declares this start of the node alive. It makes dir, for this user
// alone, if it does not exist; dir's parent must exist or be made by the same
// rule, one level deep. It refuses a directory that others may write to, a file
// that exists already (the start token was used before) and, with an error that
// matches [errors.ErrUnsupported], a file system whose locks cannot be trusted.
// A node without a Lock runs well, but its death is never certain.
func Hold(dir string, id segue.NodeID, start uint64) (*Lock, error) {
	if id.IsZero() || start == 0 {
		return nil, errors.New("deathwatch: node id and start token are required")
	}

	if err := secureDir(dir); err != nil {
		return nil, fmt.Errorf("deathwatch: %w", err)
	}

	sweep(dir, time.Now())

	path := pathOf(dir, id, start)

	fd, err := openRetry(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_EXCL|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("deathwatch: create %s: %w", path, err)
	}

	if err := lockAndFill(fd, content(id, start, BootID())); err != nil {
		return nil, errors.Join(fmt.Errorf("deathwatch: %s: %w", path, err), syscall.Unlink(path), syscall.Close(fd))
	}

	return &Lock{path: path, fd: fd}, nil
}

// lockAndFill writes the content once the lock is held: never before.
func lockAndFill(fd int, text string) error {
	if err := localLocks(fd); err != nil {
		return err
	}

	if err := flockRetry(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock: %w", err)
	}

	n, err := syscall.Write(fd, []byte(text))
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}

	if err != nil {
		return fmt.Errorf("write: %w", err)
	}

	return nil
}

// Close gives up the lock and removes the file: from here on the node counts as
// dead. Call it last, when nothing of the node can act any more. A second call
// does nothing.
func (l *Lock) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.closed {
		return nil
	}

	l.closed = true

	err := syscall.Unlink(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}

	if err := errors.Join(err, syscall.Close(l.fd)); err != nil {
		return fmt.Errorf("deathwatch: release %s: %w", l.path, err)
	}

	return nil
}

// Certify reports whether this start of the node is certainly dead. False with
// no error means that it is not certain: it is alive, or stopped, or never held
// a lock here, or has closed it, or ran in another boot. An error, which comes
// with false, tells what stood in the way.
func Certify(dir string, id segue.NodeID, start uint64) (dead bool, err error) {
	boot := BootID()
	if boot == "" {
		return false, nil
	}

	if err := checkDir(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}

		return false, fmt.Errorf("deathwatch: %w", err)
	}

	path := pathOf(dir, id, start)

	fd, err := openRetry(path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}

		return false, fmt.Errorf("deathwatch: open %s: %w", path, err)
	}

	dead, err = certifyFile(fd, path, content(id, start, boot))

	if err := errors.Join(err, syscall.Close(fd)); err != nil {
		return false, fmt.Errorf("deathwatch: %s: %w", path, err)
	}

	return dead, nil
}

func certifyFile(fd int, path, want string) (dead bool, err error) {
	if err := localLocks(fd); err != nil {
		return false, err
	}

	got, err := readAll(fd)
	if err != nil || got != want {
		return false, err // half written, or of another boot
	}

	switch err := flockRetry(fd, syscall.LOCK_SH|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("lock: %w", err)
	}

	return sameFile(fd, path)
}

// sameFile reports whether path still leads to the file behind fd. Nobody but a
// Close of the holder or a sweep removes it, and nobody makes it again; if
// somebody did, the lock proves nothing.
func sameFile(fd int, path string) (bool, error) {
	var opened, named syscall.Stat_t
	if err := syscall.Fstat(fd, &opened); err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}

	err := syscall.Lstat(path, &named)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // removed since it was opened; the lock on it was given up
	}

	if err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}

	return opened.Dev == named.Dev && opened.Ino == named.Ino, nil
}

// sweep removes the files in dir of nodes that died long ago. It is a courtesy:
// what it cannot remove stays.
func sweep(dir string, now time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}

	for _, e := range entries[:min(len(entries), sweepLimit)] {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), suffix) || now.Sub(info.ModTime()) < StaleAfter {
			continue
		}

		removeUnlocked(filepath.Join(dir, e.Name()))
	}
}

func removeUnlocked(path string) {
	fd, err := openRetry(path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}

	if flockRetry(fd, syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		_ = syscall.Unlink(path) //nolint:errcheck // the next sweep tries again
	}

	_ = syscall.Close(fd) //nolint:errcheck // it was only read
}

func pathOf(dir string, id segue.NodeID, start uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%016x%s", id, start, suffix))
}

// content is what the file of a node says.
func content(id segue.NodeID, start uint64, boot string) string {
	return fmt.Sprintf("segue alive 1\nnode %s\nstart %016x\nboot %s\n", id, start, boot)
}

func readAll(fd int) (string, error) {
	buf := make([]byte, contentLimit)

	for n := 0; ; {
		k, err := syscall.Read(fd, buf[n:])

		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return "", fmt.Errorf("read: %w", err)
		case k == 0: // the end, or a full buffer
			return string(buf[:n]), nil
		default:
			n += k
		}
	}
}

// openRetry opens a file. Signals may interrupt it, at any time in Go.
func openRetry(path string, flags int, mode uint32) (fd int, err error) {
	for {
		fd, err = syscall.Open(path, flags, mode)
		if !errors.Is(err, syscall.EINTR) {
			return fd, err //nolint:wrapcheck // the caller names the path
		}
	}
}

func flockRetry(fd, how int) error {
	for {
		err := syscall.Flock(fd, how)
		if !errors.Is(err, syscall.EINTR) {
			return err //nolint:wrapcheck // the caller compares it
		}
	}
}
