package node

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
)

// lanes hands out client lanes: one per call in flight to a process, so that
// few are needed and the requests of each are numbered without gaps.
type lanes struct {
	start  uint64 // of this node: makes lanes unique in the cluster
	last   atomic.Uint64
	shards [64]laneShard
}

type laneShard struct {
	mu   sync.Mutex // guards the field below
	free map[segue.Address][]*lane
}

// lane is one client of one process.
type lane struct {
	id   handoff.ClientID
	next uint64 // the number of its next request
	used time.Time
}

// laneIdle is how long an unused lane is kept. It is longer than processes
// remember its last reply, which is no loss: a lane continues at its base.
const laneIdle = 2 * handoff.Retention

func newLanes(start uint64) *lanes {
	l := &lanes{start: start}
	for i := range l.shards {
		l.shards[i].free = map[segue.Address][]*lane{}
	}

	return l
}

func (l *lanes) shard(addr segue.Address) *laneShard {
	h := uint32(2166136261) // FNV-1a
	for i := range len(addr.Key) {
		h = (h ^ uint32(addr.Key[i])) * 16777619
	}

	return &l.shards[h%64]
}

// take returns a lane to a process that nobody else uses.
func (l *lanes) take(addr segue.Address) *lane {
	s := l.shard(addr)

	s.mu.Lock()
	defer s.mu.Unlock()

	if free := s.free[addr]; len(free) > 0 {
		x := free[len(free)-1]
		s.free[addr] = free[:len(free)-1]

		return x
	}

	x := &lane{next: 1}
	x.id[0] = handoff.ClientLane
	binary.BigEndian.PutUint64(x.id[1:9], l.start)

	var n [8]byte

	binary.BigEndian.PutUint64(n[:], l.last.Add(1))
	copy(x.id[9:], n[1:])

	return x
}

// give returns a lane. One whose last request has an unknown outcome must not
// be returned: another number would be out of order.
func (l *lanes) give(addr segue.Address, x *lane) {
	s := l.shard(addr)
	x.used = time.Now()

	s.mu.Lock()
	defer s.mu.Unlock()

	s.free[addr] = append(s.free[addr], x)
}

// sweep forgets the lanes that nobody used for a while.
func (l *lanes) sweep(now time.Time) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()

		for addr, free := range s.free {
			kept := free[:0]

			for _, x := range free {
				if now.Sub(x.used) < laneIdle {
					kept = append(kept, x)
				}
			}

			if len(kept) == 0 {
				delete(s.free, addr)
			} else {
				s.free[addr] = kept
			}
		}

		s.mu.Unlock()
	}
}
