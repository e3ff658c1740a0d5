package rpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/wire"
)

// request is what a handler was called with.
type request struct {
	typ   wire.FrameType
	body  string
	reply func(wire.FrameType, []byte)
}

// inbox is a handler that keeps requests for the test to answer.
type inbox chan request

func (in inbox) handle(_ context.Context, t wire.FrameType, body []byte, reply func(wire.FrameType, []byte)) {
	in <- request{t, string(body), reply}
}

// ends are both ends of a connection, which run until stop is called.
type ends struct {
	client, server         *rpc.Conn
	stopClient, stopServer func()
}

// start runs two ends over a pipe. Both are stopped when the test ends.
func start(t *testing.T, client, server rpc.Config) *ends {
	t.Helper()

	a, b := net.Pipe()
	e := &ends{client: newConn(t, a, client), server: newConn(t, b, server)}
	e.stopClient = run(t, e.client, nil)
	e.stopServer = run(t, e.server, nil)

	return e
}

// errAny is any outcome of Run: the peer closes while this end writes.
var errAny = errors.New("any or none")

// run runs c and returns what stops it. The error of Run must match want.
func run(t *testing.T, c *rpc.Conn, want error) (stop func()) {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)

	go func() { ended <- c.Run(ctx) }()

	stop = sync.OnceFunc(func() {
		cancel()

		if err := <-ended; want != errAny && !errors.Is(err, want) { //nolint:errorlint // not wrapped
			t.Errorf("Run() = %v, want %v", err, want)
		}
	})

	t.Cleanup(stop)

	return stop
}

// outcome is what Do returned.
type outcome struct {
	typ  wire.FrameType
	body string
	err  error
}

// do starts a request and returns where its outcome will be.
func do(ctx context.Context, c *rpc.Conn, body string) chan outcome {
	ch := make(chan outcome, 1)

	go func() {
		rt, reply, err := c.Do(ctx, wire.Call, []byte(body))
		ch <- outcome{rt, string(reply), err}
	}()

	return ch
}

func wantReply(t *testing.T, got outcome, typ wire.FrameType, body string) {
	t.Helper()

	if got.err != nil || got.typ != typ || got.body != body {
		t.Errorf("Do() = %v, %q, %v, want %v, %q", got.typ, got.body, got.err, typ, body)
	}
}

func wantError(t *testing.T, err error, want ...error) {
	t.Helper()

	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("error = %v, want it to match %v", err, w)
		}
	}
}

// frames reads what the peer under test sends, as a peer of another make.
type frames struct {
	nc net.Conn
	r  *wire.Reader
}

func (f *frames) next(t *testing.T) (wire.FrameType, uint64, string) {
	t.Helper()

	typ, p, err := f.r.Next()
	if err != nil || len(p) < 8 {
		t.Fatalf("Next() = %v, %q, %v, want a frame with an id", typ, p, err)
	}

	return typ, binary.BigEndian.Uint64(p), string(p[8:])
}

func (f *frames) send(t *testing.T, typ wire.FrameType, id uint64, body string) {
	t.Helper()

	if _, err := f.nc.Write(frame(t, typ, id, body)); err != nil {
		t.Fatal(err)
	}
}

// frame returns a frame with the id of a request.
func frame(t *testing.T, typ wire.FrameType, id uint64, body string) []byte {
	t.Helper()

	b, err := wire.AppendFrame(nil, typ, append(binary.BigEndian.AppendUint64(nil, id), body...))
	if err != nil {
		t.Error(err)
	}

	return b
}

// bare runs one end whose peer the test plays.
func bare(t *testing.T, cfg rpc.Config, want error) (*rpc.Conn, *frames, func()) {
	t.Helper()

	a, b := net.Pipe()
	c := newConn(t, a, cfg)

	t.Cleanup(func() { b.Close() })

	return c, &frames{b, wire.NewReader(b)}, run(t, c, want)
}
