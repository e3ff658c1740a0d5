package node

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
)

// A Turn is the run of one handler on one message. It is valid until the
// handler returns and must not be used by another goroutine.
type Turn struct {
	p     *proc
	kind  *Kind
	token segue.Token
	now   time.Time
	log   *slog.Logger
	rand  *rand.Rand

	set      map[string]*pending // timers set and, as nil, cancelled in this turn
	more     int                 // timers by which set changes the number of the process's
	ended    bool
	panicked bool
}

// pending is a timer that is to be set when the turn has ended.
type pending struct {
	after time.Duration
	body  handoff.Body
}

// Address returns the address of the process.
func (t *Turn) Address() segue.Address { return t.p.addr }

// Key returns the key of the process.
func (t *Turn) Key() string { return t.p.addr.Key }

// Token returns the fencing token of this turn. A store outside that remembers
// the highest token per shard, and refuses smaller ones, is safe from a turn
// that runs where the process no longer is.
func (t *Turn) Token() segue.Token { return t.token }

// Now returns the time of the turn: the same at each call. Handlers should use
// it in place of the clock.
func (t *Turn) Now() time.Time { return t.now }

// Rand returns a source of random numbers for this turn.
func (t *Turn) Rand() *rand.Rand {
	if t.rand == nil {
		t.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}

	return t.rand
}

// Log returns a logger that names the process.
func (t *Turn) Log() *slog.Logger { return t.log }

// MaxTimers is the number of timers that one process may have.
const MaxTimers = 1024

// After sends the process a message of its own kind when d has passed, once,
// wherever the process is then. A timer of the same id is replaced. The timer
// stands when the turn has ended. An error means that the message has no
// handler, cannot be encoded, or that there are too many timers.
func (t *Turn) After(id string, d time.Duration, message any) error {
	if id == "" || len(id) > segue.MaxKeyLen {
		return fmt.Errorf("timer id of %d bytes, want 1 to %d: %w", len(id), segue.MaxKeyLen, segue.ErrBadRequest)
	}

	h, err := t.kind.handlerOf(message)
	if err != nil {
		return err
	}

	body, err := encodeBody(h.name, h.message, message)
	if err != nil {
		return err
	}

	fresh := !t.armed(id)
	if fresh && t.p.timerCount()+t.more >= MaxTimers {
		return fmt.Errorf("%s has %d timers, the most that a process may have: %w", t.p.addr, MaxTimers, segue.ErrTooLarge)
	}

	if fresh {
		t.more++
	}

	if t.set == nil {
		t.set = map[string]*pending{}
	}

	t.set[id] = &pending{after: max(d, 0), body: body}

	return nil
}

// Cancel removes a timer, if there is one.
func (t *Turn) Cancel(id string) {
	if !t.armed(id) {
		return
	}

	t.more--

	if t.set == nil {
		t.set = map[string]*pending{}
	}

	t.set[id] = nil
}

// armed reports whether the process has a timer, as this turn sees it.
func (t *Turn) armed(id string) bool {
	if set, ok := t.set[id]; ok {
		return set != nil
	}

	return t.p.hasTimer(id)
}

// End removes the process when the turn has ended: its state and its timers.
// Its next message makes it anew.
func (t *Turn) End() { t.ended = true }
