package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// StallLimit is the longest that one operation of a store may take, five times
// the default election timeout.
const StallLimit = 5 * time.Second

// A watchdog runs operations on a disk and makes the first failure final.
type watchdog struct {
	path   string
	logger *slog.Logger

	// failed is closed by the first failure.
	failed chan struct{}

	mu      sync.Mutex // guards the fields below
	cause   error      // the first failure
	closed  bool
	onFatal func(error) // set once
}

func newWatchdog(path string, logger *slog.Logger) *watchdog {
	return &watchdog{path: path, logger: logger, failed: make(chan struct{})}
}

// check returns the reason why no operation may run any more.
func (w *watchdog) check() error {
	w.mu.Lock()
	defer w.mu.Unlock()

	switch {
	case w.cause != nil:
		return w.cause
	case w.closed:
		return errClosed
	}

	return nil
}

// attach sets who is told about the failure.
func (w *watchdog) attach(onFatal func(error)) error {
	w.mu.Lock()
	defer w.mu.Unlock()

	switch {
	case w.cause != nil:
		return w.cause
	case w.closed:
		return errClosed
	}

	w.onFatal = onFatal

	return nil
}

// fail makes err the end of the store, unless it has failed before. It returns
// the first failure.
func (w *watchdog) fail(err error) error {
	w.mu.Lock()

	if w.cause != nil {
		defer w.mu.Unlock()

		return w.cause
	}

	w.cause = err
	onFatal := w.onFatal
	close(w.failed)
	w.mu.Unlock()

	w.logger.Error("the store has failed and refuses every operation from now on", "error", err)

	if onFatal != nil {
		onFatal(err)
	}

	return err
}

// run executes one operation. A failed store does not execute it; a store that
// fails meanwhile does not report its success. An error that matches ErrDamaged
// or ErrDisk is final, any other is returned as it is.
func (w *watchdog) run(what string, op func() error) error {
	if err := w.check(); err != nil {
		return err
	}

	stall := time.AfterFunc(StallLimit, func() {
		_ = w.fail(fmt.Errorf("%s: %s takes longer than %v: %w", w.path, what, StallLimit, ErrStalled)) //nolint:errcheck // its argument
	})
	defer stall.Stop()

	err := guarded(w.path, op)
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrDisk) {
		return w.fail(fmt.Errorf("%s: %w", what, err))
	}

	select {
	case <-w.failed:
		return w.check()
	default:
		return err
	}
}

// guarded runs op, which reads a file through a memory map. A page that cannot
// be read, because the file is too short or the disk gives an error, and a page
// that makes no sense panic in the middle of it; both are damage.
func guarded(path string, op func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))

	defer func() {
		if p := recover(); p != nil {
			err = damaged(path, "reading it ended in %q", fmt.Sprint(p))
		}
	}()

	return op()
}
