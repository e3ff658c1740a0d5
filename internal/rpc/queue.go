package rpc

import "github.com/segue-cluster/segue/internal/wire"

// keepBuffer is the largest buffer that is used again, in bytes.
const keepBuffer = 2 << 20

// A queue collects frames that will leave in one write. It is not safe for
// concurrent use.
type queue struct {
	frames []byte
	asks   []ask // the requests in frames that wait for a reply, in order
	given  int   // asks that were given up
}

// ask is the place of a request in queue.frames.
type ask struct {
	call       *call // nil if given up
	start, end int
}

// size returns the number of bytes that wait.
func (q *queue) size() int { return len(q.frames) }

// push appends a frame that is within the limit of its type. The call is nil
// for replies and for requests that ask for none.
func (q *queue) push(t wire.FrameType, prefix, body []byte, k *call) {
	start := len(q.frames)

	frames, err := wire.AppendFrameParts(q.frames, t, prefix, body)
	if err != nil {
		panic("rpc: a frame was queued unchecked: " + err.Error())
	}

	q.frames = frames
	if k != nil {
		k.place = len(q.asks)
		q.asks = append(q.asks, ask{k, start, len(frames)})
	}
}

// drop gives up the request of k, which is queued: it will not be written.
func (q *queue) drop(k *call) {
	q.asks[k.place].call = nil
	q.given++
}

// take returns the frames, and leaves the queue with the empty buffer next.
// The requests count as sent from here on.
func (q *queue) take(next []byte) []byte {
	if q.given > 0 {
		q.compact()
	}

	for i := range q.asks {
		if k := q.asks[i].call; k != nil {
			k.queued = false
		}
	}

	frames := q.frames
	clear(q.asks)
	q.frames, q.asks, q.given = next[:0], q.asks[:0], 0

	return frames
}

// compact removes the frames of requests that were given up.
func (q *queue) compact() {
	kept, from := q.frames[:0], 0

	for _, a := range q.asks {
		if a.call == nil {
			kept = append(kept, q.frames[from:a.start]...)
			from = a.end
		}
	}

	q.frames = append(kept, q.frames[from:]...)
}
