package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A pipe is one direction of a connection.
type pipe struct {
	mu   sync.Mutex // guards the fields below
	wake sync.Cond  // on mu; every change that somebody may wait for

	data []byte // Invariant: at most StreamBuffer bytes.
	// cut holds everything back from the reader: data, the end and a reset.
	cut        bool
	ended      bool  // the writer closed
	cause      error // why it ended; nil is a plain close
	abandoned  bool  // the reader closed
	readUntil  deadline
	writeUntil deadline
	readerDone bool // SetReadDeadline and Read are over
	writerDone bool // SetWriteDeadline and Write are over
}

func newPipe() *pipe {
	p := &pipe{}
	p.wake.L = &p.mu
	p.readUntil.wake = &p.wake
	p.writeUntil.wake = &p.wake

	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for {
		switch {
		case p.readerDone:
			return 0, net.ErrClosed
		case p.readUntil.expired:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case p.cut:
		case p.ended && p.cause != nil:
			return 0, p.cause
		case len(p.data) > 0:
			n := copy(b, p.data)
			p.data = p.data[n:]
			p.wake.Broadcast()

			return n, nil
		case p.ended:
			return 0, io.EOF
		}

		p.wake.Wait()
	}
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for n := 0; ; {
		switch {
		case p.writerDone:
			return n, net.ErrClosed
		case p.writeUntil.expired:
			return n, os.ErrDeadlineExceeded
		case p.abandoned && !p.cut:
			return n, syscall.EPIPE
		case n == len(b):
			return n, nil
		}

		if room := StreamBuffer - len(p.data); room > 0 {
			chunk := b[n:min(n+room, len(b))]
			p.data = append(p.data, chunk...)
			n += len(chunk)
			p.wake.Broadcast()

			continue
		}

		p.wake.Wait()
	}
}

// closeReader reports whether it was the first to close.
func (p *pipe) closeReader() bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	first := !p.readerDone
	p.readerDone, p.abandoned = true, true
	p.readUntil.setLocked(time.Time{})
	p.wake.Broadcast()

	return first
}

func (p *pipe) closeWriter(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.writerDone {
		return
	}

	p.writerDone, p.ended, p.cause = true, true, cause
	p.writeUntil.setLocked(time.Time{})
	p.wake.Broadcast()
}

func (p *pipe) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.cut = cut
	p.wake.Broadcast()
}

func (p *pipe) setReadDeadline(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.readerDone {
		return false
	}

	p.readUntil.setLocked(t)

	return true
}

func (p *pipe) setWriteDeadline(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.writerDone {
		return false
	}

	p.writeUntil.setLocked(t)

	return true
}
