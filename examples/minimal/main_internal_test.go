package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segue-cluster/segue/cluster/identity"
)

// asProgram makes the test binary be the program.
const asProgram = "MINIMAL_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}

	os.Exit(m.Run())
}

// output is what a program writes, readable while it runs.
type output struct {
	mu  sync.Mutex // guards the field below
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.buf.Write(b)
}

// String returns what was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.buf.String()
}

// start runs the program until the test ends.
func start(ctx context.Context, t *testing.T, addr string) (*exec.Cmd, *output, <-chan error) {
	t.Helper()

	cookie := filepath.Join(t.TempDir(), "cookie")
	if _, err := identity.WriteCookieFile(cookie); err != nil {
		t.Fatal(err)
	}

	var log output

	cmd := exec.CommandContext(ctx, os.Args[0], "--cookie-file", cookie, "--bind", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), asProgram+"=1", "HTTP_ADDR="+addr)
	cmd.Stdout, cmd.Stderr = &log, &log

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	return cmd, &log, ended
}

// listen takes a free port.
func listen(t *testing.T) net.Listener {
	t.Helper()

	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	return l
}

// The program of the README starts, counts, and ends at SIGTERM.
func TestProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	l := listen(t)
	if err := l.Close(); err != nil { // the program will have the port
		t.Fatal(err)
	}

	addr := l.Addr().String()
	cmd, log, ended := start(ctx, t, addr)

	for _, want := range []string{"1", "2", "3"} {
		if got := visitPage(ctx, t, "http://"+addr+"/pages/home", ended); got != want {
			t.Fatalf("visit %s = %q\n%s", want, got, log)
		}
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if err := <-ended; err != nil {
		t.Errorf("after SIGTERM: %v, want status 0\n%s", err, log)
	}
}

// It ends with an error if its port is taken, and says so.
func TestPortTaken(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	l := listen(t)
	defer func() { _ = l.Close() }()

	_, log, ended := start(ctx, t, l.Addr().String())

	if err := <-ended; err == nil || !strings.Contains(log.String(), "address already in use") {
		t.Errorf("with the port taken: %v, want a status and the reason\n%s", err, log)
	}
}

// visitPage posts to the page, as soon as somebody listens.
func visitPage(ctx context.Context, t *testing.T, url string, ended <-chan error) string {
	t.Helper()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}

		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()

			if err != nil {
				t.Fatal(err)
			}

			return strings.TrimSpace(string(b))
		}

		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the program ended: %v", err)
		case <-ctx.Done():
			t.Fatalf("nobody listens at %s: %v", url, err)
		}
	}
}
