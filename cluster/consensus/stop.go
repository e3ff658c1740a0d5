package consensus

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// How long Run waits at its end.
const (
	drainLimit  = time.Second      // for calls that have begun
	stopLimit   = 10 * time.Second // for raft; only a machine that hangs takes longer
	failedLimit = time.Second      // for raft after the store has failed
)

// drain refuses new calls and lets those that wait for raft finish. If they
// cannot be committed, the node is cut off: it then loses leadership after the
// lease, and all of them end with an unknown outcome. What raft is left with
// when it is shut down, it may never answer.
func (r *Raft) drain(l *link) {
	r.mu.Lock()

	quiet := make(chan struct{})

	r.phase, r.quiet = draining, quiet
	if r.calls == 0 {
		close(quiet)
		r.quiet = nil
	}
	r.mu.Unlock()
	r.bell.ring()

	if !r.await(quiet, drainLimit) {
		l.cut()
		r.await(quiet, 2*r.cfg.Timing.LeaderLease+drainLimit)
	}
}

// await waits for c, for at most d or until the store has failed.
func (r *Raft) await(c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-c:
		return true
	case <-timer.C:
	case <-r.cfg.Store.failed():
	}

	return false
}

// shutdown ends raft and then its transport.
func shutdown(node *raft.Raft, l *link, trans *raft.NetworkTransport, s *Store) error {
	ended := make(chan struct{})
	future := node.Shutdown()

	l.cut() // or raft would wait for answers of its peers

	go func() {
		defer close(ended)

		_ = future.Error() //nolint:errcheck // is always nil
	}()

	timer := time.NewTimer(stopLimit)
	defer timer.Stop()

	var err error

	select {
	case <-ended:
	case <-timer.C:
		err = fmt.Errorf("consensus: stop: raft has not ended after %v: the machine hangs", stopLimit)
	case <-s.failed():
		timer.Reset(failedLimit)

		select {
		case <-ended:
		case <-timer.C: // as the disk does
		}
	}

	return errors.Join(err, hang(l, trans, failedLimit))
}

// hang closes the transport and waits until raft has let go of it.
func hang(l *link, trans *raft.NetworkTransport, limit time.Duration) error {
	trans.CloseStreams()

	err := trans.Close()
	if err != nil {
		err = fmt.Errorf("close the transport: %w", err)
	}

	timer := time.NewTimer(limit)
	defer timer.Stop()

	select {
	case <-l.idle:
		return err
	case <-timer.C:
		return errors.Join(err, fmt.Errorf("connections of raft are in use after %v", limit))
	}
}
