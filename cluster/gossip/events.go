package gossip

// MaxEvents is the number of the newest events that [Gossip.Events] can return.
const MaxEvents = 1024

// A ring keeps the newest events.
type ring struct {
	last uint64 // the Seq of the newest event
	buf  []Event
}

// add numbers e and stores it in the place of the oldest one.
func (r *ring) add(e Event) {
	r.last++
	e.Seq = r.last

	if len(r.buf) < MaxEvents {
		r.buf = append(r.buf, e)
	} else {
		r.buf[(r.last-1)%MaxEvents] = e
	}
}

// since returns the events after seq, the oldest first, and how many of them
// were overwritten.
func (r *ring) since(seq uint64) (events []Event, missed uint64) {
	if seq >= r.last {
		return nil, 0
	}

	first := r.last - uint64(len(r.buf)) + 1
	if seq+1 < first {
		missed = first - seq - 1
	} else {
		first = seq + 1
	}

	for ; first <= r.last; first++ {
		events = append(events, r.buf[(first-1)%MaxEvents])
	}

	return events, missed
}
