package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/rollout"
	"github.com/segue-cluster/segue/handoff/schema"
)

type (
	tally struct{ N int64 }
	plus  struct{ By int64 }
	total struct{ N int64 }
)

func tallyKind() Kind {
	return NewKind(schema.MustDefine[tally]("tally", 1),
		On("plus", func(_ *Turn, c *tally, m plus) (total, error) { c.N += m.By; return total{c.N}, nil }),
		Query("get", func(_ *Turn, c *tally, _ struct{}) (total, error) { return total(*c), nil }))
}

func TestMoveUnderLoad(t *testing.T) {
	cookie := filepath.Join(t.TempDir(), "cookie")
	if _, err := identity.WriteCookieFile(cookie); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()

	var nodes []*Node
	var stops []context.CancelFunc
	var done []chan error
	startNode := func(release string, join []string, expect int) *Node {
		lv := slog.LevelInfo
		if os.Getenv("SEGUE_TEST_DEBUG") != "" {
			lv = slog.LevelDebug
		}
		name := fmt.Sprintf("n%d", len(nodes))
		n, err := New(Config{
			App: "test", Release: release, Name: name, Bind: "127.0.0.1:0", Data: "127.0.0.1:0", CookieFile: cookie, Join: join, Expect: expect,
			Kinds: []Kind{tallyKind()}, Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: lv})).With("n", name),
		})
		if err != nil {
			t.Fatal(err)
		}
		nctx, stop := context.WithCancel(context.Background())
		ch := make(chan error, 1)
		go func() { ch <- n.Run(nctx) }()
		nodes = append(nodes, n)
		stops = append(stops, stop)
		done = append(done, ch)
		return n
	}
	seed := startNode("1.0.0", nil, 3)
	startNode("1.0.0", []string{seed.Addr()}, 3)
	startNode("1.0.0", []string{seed.Addr()}, 3)

	const procs = 2000
	var wg sync.WaitGroup
	began := time.Now()
	for i := range procs {
		if i%100 == 0 {
			wg.Wait()
		}
		wg.Go(func() {
			if _, err := Call[total](ctx, nodes[i%3], fmt.Sprintf("tally/%d", i), plus{1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	t.Logf("%d processes made in %v", procs, time.Since(began))
	for range 3 {
		startNode("1.0.1", []string{seed.Addr()}, 0)
	}
	for _, n := range nodes[3:] {
		if err := n.ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	counts := make([]int64, procs)
	var load sync.WaitGroup
	var maxGap time.Duration
	var mu sync.Mutex
	calls := 0
	for w := range 16 {
		load.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				p := (j*16 + w) % procs
				b := time.Now()
				if _, err := Call[total](ctx, nodes[j%6], fmt.Sprintf("tally/%d", p), plus{1}); err != nil {
					t.Errorf("call: %v", err)
					return
				}
				d := time.Since(b)
				mu.Lock()
				counts[p]++
				calls++
				maxGap = max(maxGap, d)
				mu.Unlock()
			}
		})
	}
	for _, to := range []string{"1.0.1", "1.0.0", "1.0.1"} {
		var start ownership.RolloutStart
		var err error
		began := time.Now()
		nodes[0].cluster.Table(func(tb *ownership.Table) {
			start, err = rollout.Start(tb, rollout.Request{ID: to + fmt.Sprint(began), To: to}, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := nodes[0].cluster.Propose(ctx, start)
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		err = nodes[0].cluster.Until(ctx, func(tb *ownership.Table) bool {
			ro, _ := tb.Rollout(r.Revision)
			return ro != nil && ro.Phase.Ended()
		})
		nodes[0].cluster.Table(func(tb *ownership.Table) {
			ro, _ := tb.Rollout(r.Revision)
			h := ro.Ledger.PauseHistogram()
			t.Logf("rollout to %s in %v: %v phase %v moved %d shards %d aborted %d held %v lost %d pauses p50 %v p99 %v max %v", to, time.Since(began), err, ro.Phase, ro.Ledger.Moved, ro.Ledger.Shards, ro.Ledger.Aborted, ro.Ledger.Held, ro.Ledger.Lost, h.Quantile(.5), h.Quantile(.99), h.Max())
		})
	}
	close(stop)
	load.Wait()
	t.Logf("%d calls, slowest %v", calls, maxGap)
	for i := range procs {
		got, err := Ask[total](ctx, nodes[i%6], fmt.Sprintf("tally/%d", i), "get", nil)
		if err != nil || got.N != counts[i]+1 {
			t.Errorf("tally/%d = %v, %v, want %d", i, got, err, counts[i]+1)
		}
	}
	for i := range nodes {
		stops[i]()
	}
	for i := range nodes {
		if err := <-done[i]; err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
}
