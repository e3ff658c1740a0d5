package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/segue-cluster/segue"
)

// A Trace is told of every connection, by several goroutines at a time. Its
// functions must not block. A nil function is skipped.
type Trace struct {
	// Accepted is called after the introduction of a peer that dialled. took
	// is the time from the TCP connection to there.
	Accepted func(proto string, peer Intro, took time.Duration)

	// Refused is called for each connection that was accepted from TCP and
	// came to nothing.
	Refused func(reason Reason, remote net.Addr, err error)

	// Dialled is called after the introduction of a peer that was dialled.
	Dialled func(proto string, peer Intro, took time.Duration)

	// DialFailed is called for each dial that came to nothing.
	DialFailed func(proto string, reason Reason, err error)

	// Closed is called when an accepted connection has been closed after it
	// was established.
	Closed func(proto string, peer Intro)
}

func (t Trace) withDefaults() Trace {
	if t.Accepted == nil {
		t.Accepted = func(string, Intro, time.Duration) {}
	}

	if t.Refused == nil {
		t.Refused = func(Reason, net.Addr, error) {}
	}

	if t.Dialled == nil {
		t.Dialled = func(string, Intro, time.Duration) {}
	}

	if t.DialFailed == nil {
		t.DialFailed = func(string, Reason, error) {}
	}

	if t.Closed == nil {
		t.Closed = func(string, Intro) {}
	}

	return t
}

// A Reason says in one word why a connection came to nothing. There are few of
// them: those below, those of the Identity's errors, and segue.Codes.
type Reason string

// The reasons of this package.
const (
	// RateLimited: the address had too many failures before.
	RateLimited Reason = "rate_limited"
	// Crowded: the oldest stranger made room for another one.
	Crowded Reason = "crowded"
	// Timeout: the handshake took too long.
	Timeout Reason = "timeout"
	// NotTLS: the first bytes are of another protocol.
	NotTLS Reason = "not_tls"
	// Handshake: TLS failed otherwise: version, protocol, no certificate.
	Handshake Reason = "handshake"
	// Unresolved: no address of the node is known.
	Unresolved Reason = "unresolved"
	// Gone: the connection ended or could not be made.
	Gone Reason = "gone"
	// Cancelled: this node ended it: it stops, or the caller of Dial gave up.
	Cancelled Reason = "cancelled"
	// PeerRefused: the peer did not accept this node's certificate or protocol.
	PeerRefused Reason = "peer_refused"
	// BadIntro: what came instead of an introduction could not be read.
	BadIntro Reason = "bad_intro"
)

// reasonOf names what ended a connection. The order matters: an error of a
// judgement may carry an error of the network and the reverse.
func reasonOf(err error) Reason {
	if e, ok := errors.AsType[*reasonError](err); ok {
		return e.reason
	}

	// What the Identity refused.
	if e, ok := errors.AsType[interface {
		error
		Reason() string
	}](err); ok {
		return Reason(e.Reason())
	}

	if c, ok := errors.AsType[*segue.ConditionError](err); ok {
		return Reason(c.Code())
	}

	switch {
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.As(err, new(tls.RecordHeaderError)):
		return NotTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNREFUSED):
		return Gone
	}

	return Handshake
}

// reasonError gives an error a reason of this package.
type reasonError struct {
	reason Reason
	err    error
}

// Error returns the text of the cause.
func (e *reasonError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *reasonError) Unwrap() error { return e.err }

func because(reason Reason, err error) error { return &reasonError{reason: reason, err: err} }
