package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
	"github.com/segue-cluster/segue/internal/httpapi/apitest"
)

// soon bounds every wait of the tests. It is reached only when one fails.
const soon = 10 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"segue": main})
}

// TestScripts runs the scripts of testdata/script, each against a made-up
// cluster of its own. UPDATE_SCRIPTS=1 writes what segue prints into them.
func TestScripts(t *testing.T) {
	t.Parallel()

	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") == "1",
		Setup:               setUp,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "cluster": setCluster, "play": play, "asked": asked, "awaitread": awaitRead,
		},
	})
}

type valueKey struct{}

// world is what a script talks to.
type world struct {
	b    *apitest.Backend
	read chan struct{} // gets an element at each read of rollouts that was to be noticed
}

func setUp(env *testscript.Env) error {
	w := &world{b: apitest.New(apitest.Example(time.Now())), read: make(chan struct{}, 1)}
	env.Values[valueKey{}] = w

	version := httpapi.Version{
		Segue: "0.1.0", Go: "go1.26", Platform: "linux/amd64", App: "donation_platform", Release: "1.0.0", Node: apitest.Name(1),
	}

	for name, h := range map[string]http.Handler{
		"SEGUE_ADDR":   httpapi.Admin(w.b, httpapi.Options{Version: version}),
		"PRIVATE_ADDR": httpapi.Admin(w.b, httpapi.Options{Version: version, Token: "s3cret"}),
		"OPS_ADDR":     httpapi.Ops(draining{}, nil),
		"STRANGE_ADDR": http.NotFoundHandler(),
	} {
		srv := httptest.NewServer(h)
		env.Defer(srv.Close)
		env.Setenv(name, srv.URL)
	}

	env.Setenv("NOBODY_ADDR", "http://127.0.0.1:1")
	env.Setenv("SEGUE_ACTOR", "alice@laptop")
	env.Setenv("HOME", env.WorkDir)

	return nil
}

// draining is the health of a node that lives and is not ready.
type draining struct{}

func (draining) Live() []httpapi.Check { return []httpapi.Check{{Name: "loops"}} }

func (draining) Ready() []httpapi.Check {
	return []httpapi.Check{{Name: "joined"}, {Name: "serving", Err: errors.New("the node is draining")}}
}

func (d draining) ReadyForHandoff() []httpapi.Check { return d.Ready() }
func (d draining) Started() []httpapi.Check         { return d.Live() }

func worldOf(ts *testscript.TestScript) *world {
	w, ok := ts.Value(valueKey{}).(*world)
	if !ok {
		ts.Fatalf("the script has no world")
	}

	return w
}

// exits runs: exits CODE segue ARGS..., which must exit with the code. It runs
// within the test: a start of a program takes long under the race detector. Paths
// in arguments are absolute.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || args[1] != "segue" {
		ts.Fatalf("usage: exits CODE segue ARGS...")
	}

	want, err := strconv.Atoi(args[0])
	ts.Check(err)

	a := newApp()
	a.out, a.err, a.getenv = ts.Stdout(), ts.Stderr(), ts.Getenv
	a.outTTY, a.errTTY = false, false

	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()

	if got := a.run(ctx, args[2:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// edits are changes of the cluster by name.
func edits() map[string]func(c *apitest.Cluster) {
	phase := func(p httpapi.Phase) func(*apitest.Cluster) {
		return func(c *apitest.Cluster) { c.Rollouts[0].Phase = p }
	}

	return map[string]func(c *apitest.Cluster){
		"empty": func(c *apitest.Cluster) { *c = apitest.Cluster{} },
		"noleader": func(c *apitest.Cluster) {
			c.Position.Leader, c.Status.Leader = "", ""
			c.Status.Health, c.Status.VotersHealthy, c.Status.Tolerates = httpapi.Unavailable, 1, 0
			c.Status.Reasons = []string{"no leader for 14s: 1 of 3 voters is reachable, 2 are needed"}
		},
		"completed":    phase(httpapi.Completed),
		"progressing":  phase(httpapi.Progressing),
		"paused":       phase(httpapi.Paused),
		"rolling_back": phase(httpapi.RollingBack),
		"rolled_back":  phase(httpapi.RolledBack),
		"failed":       phase(httpapi.Failed),
		"stage3":       func(c *apitest.Cluster) { c.Rollouts[0].Stage = 3 },
		"moved": func(c *apitest.Cluster) {
			ro := &c.Rollouts[0]
			ro.Share.At, ro.Share.Moving = ro.Share.At+ro.Share.Moving, 0
			ro.Ledger.Moved += 4000
			ro.Ledger.Shards += 2
		},
		"ended": func(c *apitest.Cluster) { // an hour and 5 minutes after its start
			c.Rollouts[0].Updated = c.Rollouts[0].Started.Add(65 * time.Minute)
		},
		"why": func(c *apitest.Cluster) { c.Rollouts[0].Message = "no node of release 1.0.1 is left" },
		"settled": func(c *apitest.Cluster) {
			c.Status.Shards = httpapi.ShardCounts{Total: apitest.Shards, Owned: apitest.Shards}
		},
		"emptied": func(c *apitest.Cluster) {
			for i := range c.Members {
				if c.Members[i].Draining {
					c.Members[i].Shards, c.Members[i].Processes = 0, 0
				}
			}
		},
		"halved": func(c *apitest.Cluster) {
			for i := range c.Members {
				if c.Members[i].Draining {
					c.Members[i].Shards, c.Members[i].Processes = 1, 5134
				}
			}
		},
		"gone":     func(c *apitest.Cluster) { c.Members = c.Members[1:] },
		"manyheld": manyHeld,
	}
}

func manyHeld(c *apitest.Cluster) {
	for i := range 12 {
		c.Rollouts[0].Ledger.Held = append(c.Rollouts[0].Ledger.Held, httpapi.Held{
			Shard: segue.ShardID(i), Reason: "the target \x1b[2J\nrefuses",
		})
	}
}

func edit(ts *testscript.TestScript, name string) func(c *apitest.Cluster) {
	f, ok := edits()[name]
	if !ok {
		ts.Fatalf("no change of the cluster is called %q", name)
	}

	return f
}

// setCluster runs: cluster EDIT..., or cluster fail CODE...
func setCluster(ts *testscript.TestScript, _ bool, args []string) {
	b := worldOf(ts).b

	if args[0] == "fail" {
		for _, code := range args[1:] {
			if code == "ok" {
				b.Fail(nil)

				continue
			}

			b.Fail(fmt.Errorf("the node says: %w", segue.FromCode(segue.Code(code), "")))
		}

		return
	}

	for _, name := range args {
		b.Edit(edit(ts, name))
	}
}

// play runs: play FRAME..., the changes before each of the reads that follow; a
// frame is edits joined by +, "-" for none, "!" for a read to be noticed.
func play(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)

	for _, frame := range args {
		var fs []func(c *apitest.Cluster)

		for name := range strings.SplitSeq(frame, "+") {
			switch name {
			case "-":
			case "!":
				fs = append(fs, func(*apitest.Cluster) { w.read <- struct{}{} })
			default:
				fs = append(fs, edit(ts, name))
			}
		}

		w.b.Play(func(c *apitest.Cluster) {
			for _, f := range fs {
				f(c)
			}
		})
	}
}

// asked runs: asked CALL..., which compares with the changes that were asked
// for so far.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	if got, want := strings.Join(worldOf(ts).b.Calls(), "\n"), strings.Join(args, "\n"); got != want {
		ts.Fatalf("asked for\n%s\nwant\n%s", got, want)
	}
}

// awaitRead waits for a read to be noticed.
func awaitRead(ts *testscript.TestScript, _ bool, _ []string) {
	select {
	case <-worldOf(ts).read:
	case <-time.After(soon):
		ts.Fatalf("nobody reads")
	}
}
