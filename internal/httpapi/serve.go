package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// Limits of a listener.
const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// DefaultGrace is the default of [ServeConfig].Grace.
const DefaultGrace = 5 * time.Second

// A ServeConfig says how [Serve] works.
type ServeConfig struct {
	// Handler answers the requests. Required.
	Handler http.Handler

	// Grace is how long requests may go on after the end of ctx. Default
	// [DefaultGrace].
	Grace time.Duration

	// Leaving reports whether the node is on its way out. From then on every
	// answer closes its connection, so that clients move to another node before
	// this one stops. Nil means never. Called for every request.
	Leaving func() bool

	// Logger receives what goes wrong with connections, at level debug, and
	// panics of handlers. Nil discards them.
	Logger *slog.Logger
}

// Serve answers requests that come in on ln until ctx is done. Then it closes
// ln, lets the requests in flight end and returns nil; requests that take longer
// than Grace are cut off, and the error says so. The contexts of requests
// outlive ctx up to that point. Serve owns ln. It returns when no handler runs
// any more, or, for one that ignores its context, after another Grace.
func Serve(ctx context.Context, ln net.Listener, c ServeConfig) error {
	if c.Grace <= 0 {
		c.Grace = DefaultGrace
	}

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}

	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()

	f := &flights{c: c, empty: make(chan struct{})}
	srv := &http.Server{
		Handler:           f,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}

	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()

	var failed error

	select {
	case err := <-served:
		failed = fmt.Errorf("serve %s: %w", ln.Addr(), err)
		served <- nil
	case <-ctx.Done():
	}

	graceful, cancel := context.WithTimeout(base, c.Grace)
	defer cancel()

	if err := srv.Shutdown(graceful); err != nil {
		failed = errors.Join(failed, fmt.Errorf("serve %s: requests were cut off after %s: %w", ln.Addr(), c.Grace, err))
	}

	cut()
	<-served // it returns once the listener is closed

	return errors.Join(failed, ignoreClosed(srv.Close()), f.land())
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}

	return err
}

// flights are the requests that are worked on.
type flights struct {
	c     ServeConfig
	empty chan struct{} // closed when closed is set and n is 0

	mu     sync.Mutex // guards the fields below
	n      int
	closed bool
}

// ServeHTTP implements [http.Handler].
func (f *flights) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.begin() {
		panic(http.ErrAbortHandler)
	}
	defer f.end()

	defer func() {
		v := recover()
		if v == nil {
			return
		}

		if v != http.ErrAbortHandler { //nolint:errorlint // the very value ends a request on purpose
			f.c.Logger.ErrorContext(r.Context(), "panic of a handler", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
		}

		panic(http.ErrAbortHandler) // closes the connection and logs nothing more
	}()

	if f.c.Leaving != nil && f.c.Leaving() {
		w.Header().Set("Connection", "close")
	}

	f.c.Handler.ServeHTTP(w, r)
}

func (f *flights) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.closed {
		return false
	}

	f.n++

	return true
}

func (f *flights) end() {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.n--
	if f.closed && f.n == 0 {
		close(f.empty)
	}
}

// land waits for the handlers, whose contexts were cancelled.
func (f *flights) land() error {
	f.mu.Lock()
	f.closed = true
	n := f.n
	f.mu.Unlock()

	if n == 0 {
		return nil
	}

	timer := time.NewTimer(f.c.Grace)
	defer timer.Stop()

	select {
	case <-f.empty:
		return nil
	case <-timer.C:
		return fmt.Errorf("%d handlers ignore the end of their contexts", n)
	}
}
