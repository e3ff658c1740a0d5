package node

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/internal/clock"
)

// timer is a message that a process sends to itself later.
type timer struct {
	p     *proc
	id    string
	due   int64 // by the node's clock
	body  handoff.Body
	index int // in the heap, -1 if it is not there
}

// timers fires the timers of all processes of the node from one goroutine.
type timers struct {
	now  clock.Clock
	fire func(shard segue.ShardID, addr segue.Address, id string)

	mu   sync.Mutex // guards the field below
	heap timerHeap
	wake chan struct{}
}

func newTimers(now clock.Clock, fire func(segue.ShardID, segue.Address, string)) *timers {
	return &timers{now: now, fire: fire, wake: make(chan struct{}, 1)}
}

// arm puts a timer into the queue. Arming one that is there moves it.
func (t *timers) arm(x *timer) {
	t.mu.Lock()
	if x.index >= 0 && x.index < len(t.heap) && t.heap[x.index] == x {
		heap.Fix(&t.heap, x.index)
	} else {
		heap.Push(&t.heap, x)
	}
	first := t.heap[0] == x
	t.mu.Unlock()

	if first {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// disarm takes a timer out of the queue, if it is there.
func (t *timers) disarm(x *timer) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if x.index >= 0 && x.index < len(t.heap) && t.heap[x.index] == x {
		heap.Remove(&t.heap, x.index)
	}
}

// run fires what is due until ctx is done. A timer is out of the queue when it
// fires, and still a timer of its process until the turn that it causes.
func (t *timers) run(ctx context.Context) {
	sleep := time.NewTimer(0)
	defer sleep.Stop()

	for {
		due, wait := t.due()
		for _, x := range due {
			t.fire(x.p.shard, x.p.addr, x.id)
		}

		sleep.Reset(wait)

		select {
		case <-sleep.C:
		case <-t.wake:
		case <-ctx.Done():
			return
		}
	}
}

// due takes what is due out of the queue and tells how long to wait.
func (t *timers) due() (due []*timer, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()

	now := t.now()

	for len(t.heap) > 0 && t.heap[0].due <= now {
		x, ok := heap.Pop(&t.heap).(*timer)
		if ok {
			due = append(due, x)
		}
	}

	if len(t.heap) == 0 {
		return due, time.Hour
	}

	return due, time.Duration(t.heap[0].due - now)
}

// timerHeap implements heap.Interface.
type timerHeap []*timer

func (h *timerHeap) Len() int           { return len(*h) }
func (h *timerHeap) Less(i, j int) bool { return (*h)[i].due < (*h)[j].due }
func (h *timerHeap) Swap(i, j int) {
	s := *h
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) {
	t, ok := x.(*timer)
	if ok {
		t.index = len(*h)
		*h = append(*h, t)
	}
}

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	x.index = -1
	*h = old[:len(old)-1]

	return x
}
