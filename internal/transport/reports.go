package transport

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"
)

// reportEvery is the least time between two lines about the same thing:
// strangers must not be able to fill the log.
const reportEvery = 10 * time.Second

// reports logs what went wrong with accepted connections.
type reports struct {
	logger *slog.Logger

	mu    sync.Mutex // guards the fields below
	last  map[Reason]time.Time
	quiet map[Reason]int // not logged since
}

func newReports(l *slog.Logger) *reports {
	return &reports{logger: l, last: make(map[Reason]time.Time), quiet: make(map[Reason]int)}
}

func (r *reports) refused(ctx context.Context, reason Reason, remote net.Addr, err error) {
	level := slog.LevelWarn

	switch reason {
	case Gone, Timeout, NotTLS, RateLimited, Crowded, Cancelled:
		level = slog.LevelDebug // strangers come and go
	case Handshake, PeerRefused, BadIntro, Unresolved:
	}

	more, ok := r.due(reason, time.Now())
	if !ok {
		return
	}

	r.logger.Log(ctx, level, "connection refused", "reason", string(reason), "remote", remote.String(), "error", err,
		"not_logged", more)
}

func (r *reports) acceptFailed(ctx context.Context, err error) {
	const accept = "accept"

	if more, ok := r.due(accept, time.Now()); ok {
		r.logger.ErrorContext(ctx, "cannot accept connections", "error", err, "not_logged", more)
	}
}

// due reports whether something about reason may be logged now, and how often
// it was not since the last time.
func (r *reports) due(reason Reason, now time.Time) (quiet int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()

	if last, seen := r.last[reason]; seen && now.Sub(last) < reportEvery {
		r.quiet[reason]++

		return 0, false
	}

	quiet = r.quiet[reason]
	r.last[reason], r.quiet[reason] = now, 0

	return quiet, true
}
