package httpapi

import (
	"log/slog"
	"time"
)

// Limits of requests.
const (
	// MaxText is the longest reason or actor, in bytes. It is what a rollout's
	// record holds.
	MaxText = 512
	// MaxRequestID is the longest request id, in bytes.
	MaxRequestID = 128
	// MaxAdminBody is the largest body of a request to [Admin], in bytes.
	MaxAdminBody = 64 << 10
	// MaxCallTimeout is the longest that a call may ask to wait.
	MaxCallTimeout = 60 * time.Second
)

// Defaults of [Options].
const (
	DefaultCallTimeout  = 30 * time.Second
	DefaultAdminTimeout = 15 * time.Second
	DefaultMaxBody      = 1 << 20
	DefaultMaxInFlight  = 1024
)

// Options say how [Admin] and [Gateway] answer. The zero value is a good one.
type Options struct {
	// Token that requests must bear, "" for none. A listener that strangers can
	// reach needs one.
	Token string

	// Version is what [Admin] answers to who asks for it.
	Version Version

	// Timeout limits the work for one request: a change in [Admin], a call in
	// [Gateway] that names no Segue-Timeout. Default [DefaultAdminTimeout] and
	// [DefaultCallTimeout]; a gateway's is at most [MaxCallTimeout].
	Timeout time.Duration

	// MaxBody is the largest body of a call, in bytes. Default
	// [DefaultMaxBody].
	MaxBody int64

	// MaxInFlight is the number of requests that are worked on at once; more are
	// refused and may be sent again. Default [DefaultMaxInFlight].
	MaxInFlight int

	// Logger receives internal errors. Nil discards them.
	Logger *slog.Logger
}

// withDefaults fills what is zero or negative.
func (o Options) withDefaults(timeout time.Duration) Options {
	if o.Timeout <= 0 {
		o.Timeout = timeout
	}

	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}

	if o.MaxInFlight <= 0 {
		o.MaxInFlight = DefaultMaxInFlight
	}

	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}

	return o
}
