package gossip

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseLine(t *testing.T) {
	for s, want := range map[string]line{
		"[DEBUG] memberlist: Stream connection from=127.0.0.1:1\n": {
			level: slog.LevelDebug, text: "Stream connection", remote: "127.0.0.1:1",
		},
		"[ERR] memberlist: Decrypt packet failed: no installed keys could decrypt the message from=10.0.0.1:7": {
			topic: topicCookie, level: slog.LevelWarn,
			text: "Decrypt packet failed: no installed keys could decrypt the message", remote: "10.0.0.1:7",
		},
		"[ERR] memberlist: Decrypt packet failed: Payload is too small to decrypt: 3": {
			topic: topicGarbage, level: slog.LevelDebug, text: "Decrypt packet failed: Payload is too small to decrypt: 3",
		},
		"[WARN] memberlist: Refuting a suspect message (from: x)": {
			level: slog.LevelWarn, text: "Refuting a suspect message (from: x)",
		},
		"[INFO] memberlist: Suspect a_1@h#0000000000000001 has failed, no acks received": {
			topic: topicSuspect, level: slog.LevelDebug, text: "Suspect a_1@h#0000000000000001 has failed, no acks received",
		},
		"without a prefix": {level: slog.LevelDebug, text: "without a prefix"},
	} {
		got := parseLine(s)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
			t.Errorf("parseLine(%q) (-want +got):\n%s", s, diff)
		}

		if got.topic == topicSuspect && got.suspectOf() != "a_1@h#0000000000000001" {
			t.Errorf("suspectOf() = %q", got.suspectOf())
		}
	}
}

func TestQuietLetsOneLineThrough(t *testing.T) {
	var q quiet

	now := time.Now()
	warn := line{topic: topicCookie, level: slog.LevelWarn}

	for _, tt := range []struct {
		l          line
		at         time.Duration
		suppressed int
		ok         bool
	}{
		{warn, 0, 0, true},
		{warn, 1, 0, false},
		{line{topic: topicLabel, level: slog.LevelWarn}, 1, 0, true},
		{line{topic: topicCookie, level: slog.LevelDebug}, 2, 0, true},
		{warn, 9 * time.Second, 0, false},
		{warn, 10 * time.Second, 2, true},
		{warn, 11 * time.Second, 0, false},
	} {
		if suppressed, ok := q.pass(tt.l, now.Add(tt.at)); suppressed != tt.suppressed || ok != tt.ok {
			t.Errorf("pass() at %v = %d, %t, want %d, %t", tt.at, suppressed, ok, tt.suppressed, tt.ok)
		}
	}
}

// A log that blocks must not block memberlist.
func TestChatterNeverWaits(t *testing.T) {
	c := &chatter{
		log: slog.New(slog.NewTextHandler(&strings.Builder{}, nil)), table: newTable("self", [8]byte{}),
		counts: &counters{}, lines: make(chan line, 1),
	}
	log := slog.NewLogLogger(c, slog.LevelInfo)

	for range 3 {
		log.Printf("[WARN] memberlist: something")
		log.Printf("[DEBUG] memberlist: nothing")
	}

	if got := c.counts.linesDropped.Load(); got != 2 {
		t.Errorf("%d lines were dropped, want 2", got)
	}

	var b strings.Builder

	(<-c.lines).write(context.Background(), slog.New(slog.NewTextHandler(&b, nil)), 7, "")

	if got := b.String(); !strings.Contains(got, "detail=something suppressed=7") {
		t.Errorf("write() wrote %q", got)
	}
}
