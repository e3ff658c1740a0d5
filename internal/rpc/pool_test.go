package rpc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/wire"
)

var (
	nodeA = segue.NodeID{0xa}
	nodeB = segue.NodeID{0xb}

	errDown = errors.New("node is down")
)

// network dials pipes to servers that it runs itself.
type network struct {
	t       *testing.T
	handler rpc.Handler

	mu    sync.Mutex
	down  map[segue.NodeID]bool        // dials fail
	stuck map[segue.NodeID]bool        // dials hang until ctx ends
	dials map[segue.NodeID][]time.Time // when each began
	stops map[segue.NodeID][]func()    // of the servers
	conns map[segue.NodeID][]*rpc.Conn // of the servers
}

func newNetwork(t *testing.T, handler rpc.Handler) *network {
	t.Helper()

	return &network{
		t: t, handler: handler, down: map[segue.NodeID]bool{}, stuck: map[segue.NodeID]bool{},
		dials: map[segue.NodeID][]time.Time{}, stops: map[segue.NodeID][]func(){}, conns: map[segue.NodeID][]*rpc.Conn{},
	}
}

func (n *network) set(m map[segue.NodeID]bool, node segue.NodeID, v bool) {
	n.mu.Lock()
	defer n.mu.Unlock()

	m[node] = v
}

func (n *network) dialled(node segue.NodeID) []time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()

	return n.dials[node]
}

// stop ends the servers of a node.
func (n *network) stop(node segue.NodeID) {
	n.mu.Lock()
	stops := n.stops[node]
	n.mu.Unlock()

	for _, stop := range stops {
		stop()
	}
}

func (n *network) dial(ctx context.Context, node segue.NodeID) (net.Conn, error) {
	n.mu.Lock()
	n.dials[node] = append(n.dials[node], time.Now())
	down, stuck := n.down[node], n.stuck[node]
	n.mu.Unlock()

	switch {
	case stuck:
		<-ctx.Done()

		return nil, ctx.Err()
	case down:
		return nil, errDown
	}

	a, b := net.Pipe()
	c := newConn(n.t, b, rpc.Config{Handler: n.handler})

	n.mu.Lock()
	defer n.mu.Unlock()

	n.conns[node] = append(n.conns[node], c)
	n.stops[node] = append(n.stops[node], run(n.t, c, errAny))

	return a, nil
}

// newPool runs a pool on n until the test ends or stop is called.
func newPool(t *testing.T, n *network, cfg rpc.PoolConfig) (*rpc.Pool, func()) {
	t.Helper()

	cfg.Dial = n.dial

	p, err := rpc.NewPool(cfg)
	if err != nil {
		t.Fatalf("NewPool() = %v, want no error", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)

	go func() { ended <- p.Run(ctx) }()

	stop := sync.OnceFunc(func() {
		cancel()

		if err := <-ended; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
	})

	t.Cleanup(stop)

	return p, stop
}

func ask(ctx context.Context, p *rpc.Pool, node segue.NodeID, body string) outcome {
	rt, reply, err := p.Do(ctx, node, wire.Call, []byte(body))

	return outcome{rt, string(reply), err}
}

func TestPoolDialsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, echo)
		p, _ := newPool(t, n, rpc.PoolConfig{})

		var wg sync.WaitGroup

		for _, node := range []segue.NodeID{nodeA, nodeB} {
			for range 50 {
				wg.Go(func() { wantReply(t, ask(t.Context(), p, node, "x"), wire.Reply, "x") })
			}
		}

		wg.Wait()

		if err := p.Send(t.Context(), nodeA, wire.Request, nil); err != nil {
			t.Errorf("Send() = %v, want no error", err)
		}

		if a, b := len(n.dialled(nodeA)), len(n.dialled(nodeB)); a != 1 || b != 1 {
			t.Errorf("%d and %d dials, want 1 and 1", a, b)
		}
	})
}

// A node that is down costs a dial per back-off, its callers hear at once, and
// callers of another node do not notice.
func TestPoolBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, echo)
		p, _ := newPool(t, n, rpc.PoolConfig{})
		n.set(n.down, nodeA, true)

		for range 2000 {
			begin := time.Now()

			wantError(t, ask(t.Context(), p, nodeA, "x").err, segue.ErrRetry, errDown)
			wantReply(t, ask(t.Context(), p, nodeB, "y"), wire.Reply, "y")

			if got := time.Since(begin); got != 0 {
				t.Fatalf("two calls took %v, want no time", got)
			}

			time.Sleep(10 * time.Millisecond) // of the fake clock
		}

		dials := n.dialled(nodeA)
		if len(dials) < 20/2 || len(dials) > 5+20/2+1 {
			t.Errorf("%d dials in 20 s, want about one each 2 s", len(dials))
		}

		least := rpc.DefaultMinBackoff
		for i := range dials[1:] {
			if gap := dials[i+1].Sub(dials[i]); gap < least {
				t.Errorf("dial %d came %v after the one before, want at least %v", i+1, gap, least)
			}

			least = min(2*least, rpc.DefaultMaxBackoff*9/10)
		}

		n.set(n.down, nodeA, false)
		time.Sleep(rpc.DefaultMaxBackoff) // of the fake clock
		wantReply(t, ask(t.Context(), p, nodeA, "x"), wire.Reply, "x")
	})
}

// Connections that end at once are backed off like dials that fail.
func TestPoolBacksOffShortConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, echo)
		p, _ := newPool(t, n, rpc.PoolConfig{})

		for range 1000 {
			if err := ask(t.Context(), p, nodeA, "x").err; err == nil {
				n.stop(nodeA)
				synctest.Wait()
			} else {
				wantError(t, err, segue.ErrRetry)
			}

			time.Sleep(10 * time.Millisecond) // of the fake clock
		}

		if dials := n.dialled(nodeA); len(dials) < 5 || len(dials) > 12 {
			t.Errorf("%d dials in 10 s, want about 5 and then one each 2 s", len(dials))
		}
	})
}

// A dial that hangs ends with its timeout, and only its own callers wait.
func TestPoolDialHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, echo)
		p, _ := newPool(t, n, rpc.PoolConfig{DialTimeout: 3 * time.Second})
		n.set(n.stuck, nodeA, true)

		begin := time.Now()
		got := make(chan outcome, 1)

		go func() { got <- ask(t.Context(), p, nodeA, "x") }()

		synctest.Wait()
		wantReply(t, ask(t.Context(), p, nodeB, "y"), wire.Reply, "y")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		wantError(t, ask(ctx, p, nodeA, "x").err, segue.ErrRetry, context.DeadlineExceeded)
		wantError(t, (<-got).err, segue.ErrRetry, context.DeadlineExceeded)

		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("the dial was given up after %v, want 3s", took)
		}
	})
}

func TestPoolReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 10)
		n := newNetwork(t, in.handle)
		p, _ := newPool(t, n, rpc.PoolConfig{})
		got := make(chan outcome, 1)

		go func() { got <- ask(t.Context(), p, nodeA, "in flight") }()

		<-in
		time.Sleep(time.Minute) // of the fake clock
		n.stop(nodeA)
		wantError(t, (<-got).err, segue.ErrOutcomeUnknown)

		go func() { got <- ask(t.Context(), p, nodeA, "again") }()

		(<-in).reply(wire.Reply, []byte("back"))
		wantReply(t, <-got, wire.Reply, "back")

		if dials := n.dialled(nodeA); len(dials) != 2 {
			t.Errorf("%d dials, want 2", len(dials))
		}
	})
}

func TestPoolClosesIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 10)
		n := newNetwork(t, in.handle)
		p, _ := newPool(t, n, rpc.PoolConfig{})
		long := make(chan outcome, 1)

		go func() { long <- ask(t.Context(), p, nodeA, "takes an hour") }()

		slow := <-in

		time.Sleep(time.Hour) // of the fake clock

		select {
		case <-n.conns[nodeA][0].Done():
			t.Error("a connection in use was closed")
		default:
		}

		begin := time.Now()

		slow.reply(wire.Reply, []byte("done"))
		wantReply(t, <-long, wire.Reply, "done")
		<-n.conns[nodeA][0].Done()

		idle := time.Since(begin)
		if idle < rpc.DefaultIdleTimeout || idle > rpc.DefaultIdleTimeout*5/4 {
			t.Errorf("the connection was closed after %v, want about %v", idle, rpc.DefaultIdleTimeout)
		}

		time.Sleep(time.Hour) // of the fake clock: the node is forgotten

		go func() { long <- ask(t.Context(), p, nodeA, "again") }()

		(<-in).reply(wire.Reply, []byte("back"))
		wantReply(t, <-long, wire.Reply, "back")
	})
}

func TestPoolStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 10)
		n := newNetwork(t, in.handle)
		p, stop := newPool(t, n, rpc.PoolConfig{})
		n.set(n.stuck, nodeB, true)

		inFlight, dialling := make(chan outcome, 1), make(chan outcome, 1)

		go func() { inFlight <- ask(t.Context(), p, nodeA, "x") }()
		go func() { dialling <- ask(t.Context(), p, nodeB, "x") }()

		<-in
		synctest.Wait()
		stop()

		wantError(t, (<-inFlight).err, segue.ErrOutcomeUnknown)
		wantError(t, (<-dialling).err, segue.ErrRetry)
		wantError(t, ask(t.Context(), p, nodeA, "x").err, segue.ErrRetry, segue.ErrStopping)
		wantError(t, p.Send(t.Context(), nodeA, wire.Call, nil), segue.ErrRetry)
	})
}

func TestPoolBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, echo)

		p, err := rpc.NewPool(rpc.PoolConfig{Dial: n.dial})
		if err != nil {
			t.Fatal(err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		wantError(t, ask(ctx, p, nodeA, "x").err, segue.ErrRetry, context.DeadlineExceeded)

		ctx, cancel = context.WithCancel(t.Context())

		var wg sync.WaitGroup

		wg.Go(func() {
			if err := p.Run(ctx); err != nil {
				t.Errorf("Run() = %v, want nil", err)
			}
		})

		wantReply(t, ask(t.Context(), p, nodeA, "x"), wire.Reply, "x")
		cancel()
		wg.Wait()
	})
}

// The error of a node that cannot be reached names it.
func TestPoolErrorsNameTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, echo)
		p, _ := newPool(t, n, rpc.PoolConfig{})
		n.set(n.down, nodeA, true)

		if err := ask(t.Context(), p, nodeA, "x").err; err == nil || !strings.Contains(err.Error(), nodeA.String()) {
			t.Errorf("Do() = %v, want %v in it", err, nodeA)
		}
	})
}
