package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segue-cluster/segue/cluster/identity"
	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/node"
)

type counter struct{ N int64 }

type add struct{ By int64 }

type sum struct{ N int64 }

func counterKind() node.Kind {
	return node.NewKind(schema.MustDefine[counter]("counter", 1),
		node.On("add", func(_ *node.Turn, c *counter, m add) (sum, error) {
			c.N += m.By

			return sum{c.N}, nil
		}),
		node.Query("get", func(_ *node.Turn, c *counter, _ struct{}) (sum, error) { return sum(*c), nil }),
	)
}

func cookie(t *testing.T) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "cookie")
	if _, err := identity.WriteCookieFile(path); err != nil {
		t.Fatal(err)
	}

	return path
}

// running is a node under test.
type running struct {
	*node.Node

	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, cfg node.Config) *running {
	t.Helper()

	cfg.App = "test"
	cfg.Bind, cfg.Data = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Name = fmt.Sprintf("n%d", names.Add(1))

	level := slog.LevelInfo
	if os.Getenv("SEGUE_TEST_DEBUG") != "" {
		level = slog.LevelDebug
	}

	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level})).With("n", cfg.Name)

	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Node: n, stop: cancel, done: make(chan error, 1)}

	go func() { r.done <- n.Run(ctx) }()

	return r
}

var names atomic.Int64

func TestOneNode(t *testing.T) {
	n := start(t, node.Config{Release: "1.0.0", CookieFile: cookie(t), Kinds: []node.Kind{counterKind()}})

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 100 {
				if _, err := node.Call[sum](ctx, n.Node, fmt.Sprintf("counter/%d", i%4), add{By: 1}); err != nil {
					t.Errorf("call %d: %v", j, err)

					return
				}
			}
		})
	}

	wg.Wait()

	for i := range 4 {
		got, err := node.Ask[sum](ctx, n.Node, fmt.Sprintf("counter/%d", i), "get", nil)
		if err != nil || got.N != 400 {
			t.Errorf("counter/%d = %v, %v, want 400", i, got, err)
		}
	}

	n.stop()

	if err := <-n.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
