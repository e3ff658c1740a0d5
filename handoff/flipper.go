package handoff

import (
	"context"
	"time"

	"github.com/segue-cluster/segue"
)

// maxFlips bounds the processes between freeze and active, whatever their size.
const maxFlips = 8

// follow flips what has to be flipped and waits until the session is over, for
// every shard, or its stream is.
func (x *session) follow(ctx context.Context) {
	deadline := time.NewTimer(x.d.cfg.SessionTimeout)
	defer deadline.Stop()

	var (
		todo []segue.Address
		soak <-chan time.Time
	)

	for {
		todo = x.flipSome(todo)
		over, forwarding := x.progress()

		switch {
		case x.stream.cause() != nil, over && !forwarding:
			return
		case over && soak == nil:
			soak = time.After(x.d.cfg.Soak)
		}

		select {
		case <-x.wake:
		case <-deadline.C:
			x.retreat("the session took longer than " + x.d.cfg.SessionTimeout.String())
		case <-soak:
			for _, shard := range x.shards {
				x.d.with(shard, func(r *Replica, _ Moment, out *Effects) { r.Soaked(x.id, out) })
			}
		case <-ctx.Done():
			return
		}
	}
}

// flipSome flips processes while the window has room, and returns the rest.
func (x *session) flipSome(todo []segue.Address) []segue.Address {
	for {
		if len(todo) == 0 {
			if todo = x.nextShard(); len(todo) == 0 {
				return nil
			}
		}

		x.mu.Lock()
		room := len(x.started) == 0 || len(x.started) < maxFlips && x.bytes < x.d.cfg.Window
		x.mu.Unlock()

		if !room {
			return todo
		}

		addr := todo[0]
		todo = todo[1:]
		x.d.with(segue.ShardOf(addr, x.d.cfg.Shards), func(r *Replica, _ Moment, out *Effects) { r.Flip(addr, out) })
	}
}

// nextShard returns the processes of the next shard that may be flipped.
func (x *session) nextShard() []segue.Address {
	for {
		x.mu.Lock()

		if len(x.flipping) == 0 {
			x.mu.Unlock()

			return nil
		}

		shard := x.flipping[0]
		x.flipping = x.flipping[1:]
		x.mu.Unlock()

		var list []segue.Address

		x.d.Inspect(shard, func(r *Replica) { list = r.Unlocal() })

		if len(list) > 0 {
			return list
		}
	}
}

// progress reports whether every shard's session is over, and whether any
// still passes stragglers on.
func (x *session) progress() (over, forwarding bool) {
	x.mu.Lock()
	over = len(x.open) == 0
	x.mu.Unlock()

	for _, shard := range x.shards {
		x.d.Inspect(shard, func(r *Replica) {
			forwarding = forwarding || r.Role() == Forwarding && r.Session().ID == x.id
		})
	}

	return over, forwarding
}

func (x *session) retreat(why string) {
	for _, shard := range x.shards {
		x.d.with(shard, func(r *Replica, _ Moment, out *Effects) { r.Retreat(x.id, why, false, out) })
	}
}

// flip lets the processes of a shard be flipped. The slot is locked.
func (x *session) flip(shard segue.ShardID) {
	x.mu.Lock()
	defer x.mu.Unlock()

	x.flipping = append(x.flipping, shard)
	x.notify()
}

// frozen starts the clock of a process. The slot is locked.
func (x *session) frozen(addr segue.Address) {
	x.mu.Lock()
	defer x.mu.Unlock()

	x.started[addr] = inFlight{since: time.Now()}
}

// flipped notes the bytes that are on their way. The slot is locked.
func (x *session) flipped(addr segue.Address, bytes int) {
	x.mu.Lock()
	defer x.mu.Unlock()

	f := x.started[addr]
	f.bytes = bytes
	x.started[addr] = f
	x.bytes += bytes
}

// active stops the clock of a process.
func (x *session) active(addr segue.Address) {
	x.mu.Lock()
	f, ok := x.started[addr]

	var pause time.Duration

	if ok {
		pause = time.Since(f.since)
		x.pauses.Add(pause)
		x.bytes -= f.bytes
		delete(x.started, addr)
	}
	x.mu.Unlock()

	if ok && x.d.cfg.Trace.Flipped != nil {
		x.d.cfg.Trace.Flipped(pause, f.bytes)
	}

	x.notify()
}

// ended notes that the session is over for a shard. The slot is locked.
func (x *session) ended(shard segue.ShardID, outcome string) {
	x.mu.Lock()
	defer x.mu.Unlock()

	delete(x.open, shard)

	if outcome != outcomeCommitted {
		for addr, f := range x.started {
			if segue.ShardOf(addr, x.d.cfg.Shards) == shard {
				x.bytes -= f.bytes
				delete(x.started, addr)
			}
		}
	}

	x.notify()
}
