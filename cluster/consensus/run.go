package consensus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
)

// Run takes part in the log until ctx ends or the store fails. It finishes the
// calls that have begun, as far as that is possible in a second or while a
// majority answers, and returns after the last goroutine has ended. It does not
// pass leadership on: call [Raft.TransferTo] before ctx ends.
//
// It returns nil after ctx has ended, an error that matches [ErrDisk],
// [ErrStalled] or [ErrDamaged] after the store has failed, and an error if raft
// does not accept the store. It may be called once.
func (r *Raft) Run(ctx context.Context) error {
	if phase := r.advance(idle, starting); phase != idle {
		return fmt.Errorf("consensus: Run was called before, or during Bootstrap")
	}

	dialCtx, hangUp := context.WithCancel(context.WithoutCancel(ctx)) // calls are drained after ctx
	defer hangUp()

	l := newLink(r.self, r.cfg.Listener, func(id segue.NodeID, timeout time.Duration) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(dialCtx, timeout)
		defer cancel()

		return r.cfg.Dial(ctx, id)
	})
	trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: l, MaxPool: maxPool, MaxRPCsInFlight: maxInFlight, Timeout: ioTimeout,
		Logger: newLogBridge(r.cfg.Logger, "raft transport"),
	})

	node, err := r.start(trans)
	if err != nil {
		r.setPhase(stopped, nil)

		return fmt.Errorf("consensus: start: %w", errors.Join(err, hang(l, trans, failedLimit)))
	}

	node.RegisterObserver(raft.NewObserver(nil, false, r.observe))
	r.setPhase(running, node)

	select {
	case <-ctx.Done():
	case <-r.cfg.Store.failed():
	}

	r.drain(l)
	hangUp()

	err = shutdown(node, l, trans, r.cfg.Store)
	r.setPhase(stopped, nil)

	return errors.Join(r.cfg.Store.failure(), err)
}

// advance moves from one phase to another, if it is the current one, and
// returns what the phase was.
func (r *Raft) advance(from, to phase) phase {
	r.mu.Lock()
	defer r.mu.Unlock()

	was := r.phase
	if was == from {
		r.phase = to
	}

	return was
}

func (r *Raft) setPhase(p phase, node *raft.Raft) {
	r.mu.Lock()
	r.phase, r.node = p, node
	r.mu.Unlock()

	r.bell.ring()
}

// observe is called by raft for everything that happens; it must not block.
func (r *Raft) observe(o *raft.Observation) bool {
	switch o.Data.(type) {
	case raft.LeaderObservation, raft.RaftState:
		r.bell.ring()
	}

	return false // there is no channel to send it to
}

// start makes raft of the store, on a goroutine of its own: there the store may
// end it when it fails, and a panic of raft about what it reads is an error.
func (r *Raft) start(trans raft.Transport) (*raft.Raft, error) {
	type outcome struct {
		node *raft.Raft
		err  error
	}

	ended := make(chan outcome, 1)

	go func() {
		out := outcome{err: errors.New("the store failed")}

		defer func() {
			if p := recover(); p != nil {
				out.err = fmt.Errorf("raft does not accept the store: %v", p)
			}
			ended <- out
		}()

		s := r.cfg.Store
		out.node, out.err = raft.NewRaft(r.cfg.raftConfig(), r.fsm, s.raftLogs(), s.raftStable(), s.snaps, trans)
	}()

	select {
	case out := <-ended:
		if failure := r.cfg.Store.failure(); failure != nil && out.node == nil {
			return nil, failure
		}

		return out.node, out.err
	case <-r.cfg.Store.failed(): // the goroutine may hang as the disk does
		return nil, r.cfg.Store.failure()
	}
}
