package transport

import (
	"net"
	"sync"
)

// strangers are the accepted connections before the end of their introduction,
// in the order in which they came.
type strangers struct {
	max int

	mu      sync.Mutex // guards the fields below
	next    uint64
	waiting map[uint64]*stranger
	closed  bool
}

type stranger struct {
	number uint64 // they are numbered as they come
	raw    net.Conn

	evicted bool // guarded by strangers.mu
}

func newStrangers(limit int) *strangers {
	return &strangers{max: limit, waiting: make(map[uint64]*stranger)}
}

// add takes raw in, and ends the oldest one if there are too many. It returns
// nil after close.
func (s *strangers) add(raw net.Conn) *stranger {
	s.mu.Lock()

	if s.closed {
		s.mu.Unlock()

		return nil
	}

	n := &stranger{number: s.next, raw: raw}
	s.next++
	s.waiting[n.number] = n

	var oldest *stranger

	if len(s.waiting) > s.max {
		for _, o := range s.waiting {
			if oldest == nil || o.number < oldest.number {
				oldest = o
			}
		}

		oldest.evicted = true
		delete(s.waiting, oldest.number)
	}

	s.mu.Unlock()

	if oldest != nil {
		abort(oldest.raw)
	}

	return n
}

// remove takes n out. It reports whether n is still welcome.
func (s *strangers) remove(n *stranger) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	delete(s.waiting, n.number)

	return !n.evicted && !s.closed
}

// wasEvicted reports whether n made room for another one.
func (s *strangers) wasEvicted(n *stranger) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return n.evicted
}

func (s *strangers) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return len(s.waiting)
}

// close ends all of them, and those to come.
func (s *strangers) close() {
	s.mu.Lock()
	s.closed = true

	all := make([]*stranger, 0, len(s.waiting))
	for _, n := range s.waiting {
		all = append(all, n)
	}

	s.mu.Unlock()

	for _, n := range all {
		abort(n.raw)
	}
}

// abort closes a connection at once: what is under way is dropped, and the
// system keeps nothing of it.
func abort(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) //nolint:errcheck // it is closed next
	}

	_ = raw.Close() //nolint:errcheck // there is nothing to do about it
}
