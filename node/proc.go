package node

import (
	"sync"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
)

// proc is one process as this node hosts it. Its state is touched only by the
// one piece of work that the protocol allows at a time; the protocol's own view
// of it is in the replica of its shard.
type proc struct {
	addr  segue.Address
	shard segue.ShardID
	kind  *Kind // nil: this release does not know it, the record is kept as it is

	state    any             // *S; nil if there is none or it is still in record
	record   *handoff.Record // not decoded yet, or parked
	sealed   handoff.Sealed  // not opened yet
	carried  handoff.Record  // what came with the state and goes on with it, unread
	poisoned string          // a handler panicked; why

	mu      sync.Mutex // guards the fields below: timers fire from outside
	timers  map[string]*timer
	dropped bool
}

// exists reports whether the process has a state.
func (p *proc) exists() bool {
	return p.state != nil || p.record != nil && p.record.Codec != handoff.CodecNone
}

func (p *proc) timerCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	return len(p.timers)
}

func (p *proc) hasTimer(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.timers[id] != nil
}
