package node_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segue-cluster/segue/internal/httpapi"
	"github.com/segue-cluster/segue/node"
)

// load calls every process again and again, through every node, and counts what
// was acknowledged.
type load struct {
	t     *testing.T
	nodes []*running
	acked []atomic.Int64
	calls atomic.Int64
}

// run calls with so many callers until ctx is done. A call that fails is an
// error of the test.
func (l *load) run(ctx context.Context, callers int) {
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; ctx.Err() == nil; i += callers {
				p := i % len(l.acked)

				// The call outlives the end of the load: its outcome must be known.
				if _, err := node.Call[sum](context.WithoutCancel(ctx), l.nodes[i%len(l.nodes)].Node, counterOf(p), add{By: 1}); err != nil {
					l.t.Errorf("call of %s: %v", counterOf(p), err)

					return
				}

				l.acked[p].Add(1)
				l.calls.Add(1)
			}
		})
	}

	wg.Wait()
}

func counterOf(p int) string { return fmt.Sprintf("counter/%d", p) }

// check compares what was acknowledged with what the processes hold.
func (l *load) check(ctx context.Context) {
	l.t.Helper()

	for p := range l.acked {
		got, err := node.Ask[sum](ctx, l.nodes[p%len(l.nodes)].Node, counterOf(p), "get", nil)
		if want := l.acked[p].Load(); err != nil || got.N != want {
			l.t.Errorf("%s = %v, %v, want %d", counterOf(p), got, err, want)
		}
	}
}

// rollOut starts a rollout through the operators' API and follows it to its end.
func rollOut(ctx context.Context, t *testing.T, n *running, to string) httpapi.Rollout {
	t.Helper()

	c, err := httpapi.NewClient(httpapi.ClientConfig{Addr: "http://" + n.Addrs().Admin})
	if err != nil {
		t.Fatal(err)
	}

	defer c.Close()

	r, err := c.StartRollout(ctx, httpapi.StartRequest{To: to})
	for err == nil && !r.Phase.Ended() {
		select {
		case <-time.After(10 * time.Millisecond):
			r, err = c.Rollout(ctx, r.Revision)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}

	if err != nil {
		t.Fatalf("rollout to %s: %v", to, err)
	}

	t.Logf("rollout %d to %s is %s after %v: %+v", r.Revision, to, r.Phase, r.Updated.Sub(r.Started), r.Ledger)

	return r
}

// Three nodes of a release give everything to three of the next one, take it
// back and give it again, under calls through all six; then the old ones stop
// at once, voters and leader among them.
func TestRolloutUnderLoad(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()

	secret := cookie(t)
	begin := func(release string, expect int, join ...string) *running {
		return start(t, node.Config{
			Release: release, CookieFile: secret, Expect: expect, Join: join, Admin: "127.0.0.1:0", Ops: "127.0.0.1:0",
			Kinds: []node.Kind{counterKind()},
		})
	}

	l := &load{t: t, acked: make([]atomic.Int64, 400)}
	seed := begin("1.0.0", 3)
	l.nodes = append(l.nodes, seed)

	for i := range 5 {
		release, expect := "1.0.0", 3
		if i >= 2 {
			release, expect = "1.0.1", 0
		}

		l.nodes = append(l.nodes, begin(release, expect, seed.Addrs().Gossip))
	}

	for _, n := range l.nodes {
		waitReady(ctx, t, n)
	}

	calling, stopCalling := context.WithCancel(ctx)

	var wg sync.WaitGroup

	wg.Go(func() { l.run(calling, 4) })

	for _, to := range []string{"1.0.1", "1.0.0", "1.0.1"} {
		r := rollOut(ctx, t, l.nodes[len(to)%3], to)
		if r.Phase != httpapi.Completed || r.Ledger.Lost != 0 || len(r.Ledger.Held) != 0 {
			t.Errorf("rollout to %s: %+v", to, r)
		}
	}

	stopCalling()
	wg.Wait()

	for _, n := range l.nodes[:3] {
		n.stop()
	}

	for _, n := range l.nodes[:3] {
		if err := <-n.done; err != nil {
			t.Errorf("stop of %s: %v", n.Name(), err)
		}
	}

	l.nodes = l.nodes[3:]
	l.check(ctx)

	// The new nodes can be written: they vote and lead.
	after, stopAfter := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stopAfter()

	l.run(after, 2)
	l.check(ctx)
	t.Logf("%d calls", l.calls.Load())

	for _, n := range l.nodes {
		n.stop()
	}

	for _, n := range l.nodes {
		if err := <-n.done; err != nil {
			t.Errorf("stop of %s: %v", n.Name(), err)
		}
	}
}

// waitReady waits until a node can serve.
func waitReady(ctx context.Context, t *testing.T, n *running) {
	t.Helper()

	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Addrs().Ops+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}

		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()

			if resp.StatusCode == http.StatusOK {
				return
			}
		}

		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s did not become ready: %v", n.Name(), ctx.Err())
		}
	}
}
