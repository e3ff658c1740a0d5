package consensus

import "sync"

// A bell wakes everybody who waits for something to change. Ringing it never
// blocks, and several rings may count as one.
type bell struct {
	mu sync.Mutex    // guards the field below
	ch chan struct{} // closed by the next ring, nil if nobody waits
}

// next returns a channel that the next ring closes.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()

	if b.ch == nil {
		b.ch = make(chan struct{})
	}

	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()

	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
