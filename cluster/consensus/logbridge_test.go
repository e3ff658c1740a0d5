package consensus_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/segue-cluster/segue/cluster/consensus"
)

func TestLogBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer

		b := consensus.NewLogBridge(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}

				return a
			},
		})), "raft")

		b.Error("failed to contact", "server-id", 5, "error", errors.New("no route"))
		b.Error("failed to contact", "server-id", 6)
		b.With("id", "x").Warn("found", "left over")
		b.Named("sub").Info("initial", "servers", hclog.Fmt("%03d", 7))
		b.ResetNamed("other").Debug("b", nil, nil)
		b.Trace("c")
		b.StandardLogger(nil).Print("printed")
		time.Sleep(time.Minute)
		b.Error("failed to contact", "server-id", 7)

		want := []string{
			`level=WARN msg="raft: failed to contact" server_id=5 error="no route"`,
			`level=DEBUG msg="raft: failed to contact" server_id=6`,
			`level=INFO msg="raft: found" id=x extra="left over"`,
			`level=DEBUG msg="raft.sub: initial" servers=007`,
			`level=DEBUG msg="other: b" <nil>=<nil>`,
			`level=DEBUG msg="raft: c"`,
			`level=DEBUG msg="raft: printed"`,
			`level=WARN msg="raft: failed to contact" server_id=7`,
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}

		if !b.IsDebug() || !b.IsTrace() || !b.IsInfo() || !b.IsWarn() || !b.IsError() || b.Name() != "raft" || b.GetLevel() != hclog.Trace {
			t.Error("the bridge hides a level")
		}
	})
}

func TestLogBridgeDiscards(t *testing.T) {
	b := consensus.NewLogBridge(slog.New(slog.DiscardHandler), "raft")
	b.SetLevel(hclog.Trace)
	b.Error("not seen", "by", "anybody")

	if b.IsDebug() || len(b.With("a", 1).ImpliedArgs()) != 2 {
		t.Error("the bridge writes to a handler that discards")
	}
}
