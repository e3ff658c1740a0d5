package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segue-cluster/segue/internal/wire"
)

// Defaults of [Config].
const (
	DefaultMaxServing   = 4096
	DefaultMaxQueued    = 1 << 20
	DefaultMaxReplies   = 64 << 20
	DefaultWriteTimeout = 30 * time.Second
	DefaultFlushTimeout = time.Second
)

// A Handler takes one request of the peer. It is called on the goroutine that
// reads the connection, one request after the other, and must not block. The
// body is valid until it returns, and ctx until the connection ends.
//
// The function reply answers the request, with a frame of type REPLY, REDIRECT
// or ANSWER. It may be called at any time from any goroutine, it does not
// block, and it copies body. Only its first call counts; after the end of the
// connection none does. Every request must be replied to in the end: until then
// it counts as being served. For a request that asks for no reply, reply does
// nothing.
type Handler func(ctx context.Context, t wire.FrameType, body []byte, reply func(rt wire.FrameType, body []byte))

// Config holds the parameters of a [Conn]. The zero value of a field selects
// the default named in its comment.
type Config struct {
	// Handler takes the requests of the peer. Default: they are refused.
	Handler Handler

	// MaxServing is the number of requests of the peer that may be without a
	// reply. While there are so many, nothing is read. Default
	// [DefaultMaxServing].
	MaxServing int

	// MaxQueued is the size, in bytes, above which the frames that wait to be
	// written make senders of requests wait, and the reading of requests. A
	// single frame may be larger. Default [DefaultMaxQueued].
	MaxQueued int

	// MaxReplies is the size, in bytes, of the waiting frames above which a
	// further reply ends the connection: the peer does not read. Default
	// [DefaultMaxReplies].
	MaxReplies int

	// WriteTimeout bounds one write, and with it the time for which a peer can
	// be held back before it gives the connection up. Default
	// [DefaultWriteTimeout].
	WriteTimeout time.Duration

	// FlushTimeout bounds the writing of what is queued when the connection is
	// stopped. Default [DefaultFlushTimeout].
	FlushTimeout time.Duration

	// Logger receives a record when a connection fails. Default: discard.
	Logger *slog.Logger
}

// Validate reports every problem of c at once.
func (c Config) Validate() error {
	var errs []error

	negative := func(name string, value int64) {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s %d is negative", name, value))
		}
	}

	negative("max serving", int64(c.MaxServing))
	negative("max queued", int64(c.MaxQueued))
	negative("max replies", int64(c.MaxReplies))
	negative("write timeout", int64(c.WriteTimeout))
	negative("flush timeout", int64(c.FlushTimeout))

	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.MaxServing = or(c.MaxServing, DefaultMaxServing)
	c.MaxQueued = or(c.MaxQueued, DefaultMaxQueued)
	c.MaxReplies = or(c.MaxReplies, max(DefaultMaxReplies, c.MaxQueued))
	c.WriteTimeout = or(c.WriteTimeout, DefaultWriteTimeout)
	c.FlushTimeout = or(c.FlushTimeout, DefaultFlushTimeout)

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	return c
}

// or returns v, or the default if v is zero.
func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}

	return v
}
