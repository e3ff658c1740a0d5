package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// A listener tells when it is closed.
type listener struct {
	net.Listener

	closed func()
}

func (l listener) Close() error {
	defer l.closed()

	return l.Listener.Close()
}

// The server helper runs Serve on a free port. What it returns as stop ends it,
// and returns what Serve returned.
func server(t *testing.T, c httpapi.ServeConfig) (base string, stop func() error) {
	t.Helper()

	return serverClosing(t, c, func() {})
}

func serverClosing(t *testing.T, c httpapi.ServeConfig, closed func()) (base string, stop func() error) {
	t.Helper()

	bound, err := httpapi.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	ln := listener{bound, closed}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)

	go func() { done <- httpapi.Serve(ctx, ln, c) }()

	stop = sync.OnceValue(func() error {
		cancel()

		select {
		case err := <-done:
			return err
		case <-time.After(soon):
			return errors.New("Serve does not return")
		}
	})

	t.Cleanup(func() { _ = stop() })

	return "http://" + ln.Addr().String(), stop
}

// get asks over a connection of its own.
func get(t *testing.T, target string) (*http.Response, string, error) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}

	transport := &http.Transport{}
	defer transport.CloseIdleConnections()

	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()

	body, err := io.ReadAll(resp.Body)

	return resp, string(body), err
}

func TestServeFinishesRequests(t *testing.T) {
	t.Parallel()

	entered, release, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	c := httpapi.ServeConfig{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release

		if r.Context().Err() == nil {
			_, _ = w.Write([]byte("done"))
		}
	})}
	base, stop := serverClosing(t, c, sync.OnceFunc(func() { close(closed) }))

	type answer struct {
		body string
		err  error
	}

	answers := make(chan answer, 1)

	go func() {
		_, body, err := get(t, base)
		answers <- answer{body, err}
	}()

	<-entered

	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()

	<-closed
	close(release)

	if a := <-answers; a.err != nil || a.body != "done" {
		t.Errorf("the request in flight got %q, %v", a.body, a.err)
	}

	if err := <-stopped; err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

func TestServeCutsOff(t *testing.T) {
	t.Parallel()

	entered := make(chan struct{})
	base, stop := server(t, httpapi.ServeConfig{
		Grace: 20 * time.Millisecond,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		}),
	})

	failed := make(chan error, 1)

	go func() {
		_, _, err := get(t, base)
		failed <- err
	}()

	<-entered

	if err := stop(); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off after 20ms") {
		t.Errorf("Serve() = %v, want that requests were cut off", err)
	}

	if err := <-failed; err == nil {
		t.Error("the request that was cut off got an answer")
	}
}

func TestServeReportsDeafHandlers(t *testing.T) {
	t.Parallel()

	entered, release := make(chan struct{}), make(chan struct{})
	base, stop := server(t, httpapi.ServeConfig{
		Grace: 20 * time.Millisecond,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(entered)
			<-release
		}),
	})

	failed := make(chan error, 1)

	go func() {
		_, _, err := get(t, base)
		failed <- err
	}()

	<-entered

	if err := stop(); err == nil || !strings.Contains(err.Error(), "1 handlers ignore the end") {
		t.Errorf("Serve() = %v, want that a handler ignores the end", err)
	}

	close(release)
	<-failed
}

func TestServeLeaving(t *testing.T) {
	t.Parallel()

	var leaving atomic.Bool

	base, _ := server(t, httpapi.ServeConfig{Handler: http.NotFoundHandler(), Leaving: leaving.Load})

	for _, want := range []bool{false, true} {
		leaving.Store(want)

		resp, _, err := get(t, base)
		if err != nil || resp.Close != want {
			t.Errorf("leaving %t: the answer closes its connection: %t, %v", want, resp != nil && resp.Close, err)
		}
	}
}

func TestServePanic(t *testing.T) {
	t.Parallel()

	var (
		mu  sync.Mutex
		log bytes.Buffer
	)

	base, stop := server(t, httpapi.ServeConfig{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken invariant") }),
		Logger:  slog.New(slog.NewTextHandler(&syncWriter{mu: &mu, w: &log}, &slog.HandlerOptions{Level: slog.LevelError})),
	})

	if _, _, err := get(t, base); err == nil {
		t.Error("a handler that panics answered")
	}

	if err := stop(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}

	if !strings.Contains(log.String(), "broken invariant") {
		t.Errorf("the log says %q", log.String())
	}
}

// syncWriter makes a writer safe for several goroutines.
type syncWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (s *syncWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.w.Write(b)
}

func TestServeBrokenListener(t *testing.T) {
	t.Parallel()

	ln, err := httpapi.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	_ = ln.Close()

	if err := httpapi.Serve(t.Context(), ln, httpapi.ServeConfig{Handler: http.NotFoundHandler()}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve() of a closed listener = %v, want net.ErrClosed", err)
	}
}

// pipes is a listener whose connections are pipes, for bubbles of fake time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })

	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }

// TestSlowBody checks that a body must come in within a time, and that its
// deadline does not end the call that follows.
func TestSlowBody(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		ln := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)

		go func() {
			done <- httpapi.Serve(ctx, ln, httpapi.ServeConfig{Handler: httpapi.Gateway(&thinker{}, httpapi.Options{})})
		}()

		conn, end := net.Pipe()
		ln.conns <- end

		in := bufio.NewReader(conn)
		head := "POST /v1/call/a/b/c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"

		for _, body := range []string{"null", "true"} { // the second on a connection that had a deadline before
			_, _ = io.WriteString(conn, head+body)

			if got := answerOf(t, in); got != body {
				t.Errorf("answer %q, want %q", got, body)
			}
		}

		start := time.Now()
		_, _ = io.WriteString(conn, head+"nu")

		if got := answerOf(t, in); !strings.Contains(got, "did not come in within 10s") {
			t.Errorf("answer to half a body: %q", got)
		}

		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("half a body was waited for %s, want 10s", took)
		}

		_ = conn.Close()

		cancel()

		if err := <-done; err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
	})
}

// thinker is a Caller that takes its time, more than a body may take.
type thinker struct{}

func (*thinker) Call(ctx context.Context, _ segue.Address, _ string, body []byte, _ string) (httpapi.Result, error) {
	select {
	case <-time.After(20 * time.Second):
		return httpapi.Result{Body: body}, nil
	case <-ctx.Done():
		return httpapi.Result{}, ctx.Err()
	}
}

func answerOf(t *testing.T, in *bufio.Reader) string {
	t.Helper()

	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	return string(body)
}
