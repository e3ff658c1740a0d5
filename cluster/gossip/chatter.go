package gossip

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// chatterQueue is the number of memberlist's log lines that wait to be
// written; more are dropped and counted. The queue is there because memberlist
// writes some lines while it holds its lock, and a log may block.
const chatterQueue = 256

// A topic sorts memberlist's log lines by what an operator makes of them.
type topic uint8

const (
	topicOther   topic = iota
	topicCookie        // a peer has another key
	topicLabel         // a peer has another cluster name
	topicPlain         // a peer does not encrypt
	topicIgnored       // a node that is not believed in was heard of
	topicGarbage       // what arrived makes no sense
	topicSuspect       // a probe failed
	topicUDP           // a member answers TCP but not UDP
	topics             // the number of topics
)

// counters are the counts behind [Stats].
type counters struct {
	cookie, label, plain, ignored, garbage atomic.Uint64
	streamsRefused, linesDropped           atomic.Uint64
}

// A line is one line of memberlist's log.
type line struct {
	topic  topic
	level  slog.Level
	text   string // without prefix and address
	remote string // the address of the peer, if the line names one
}

// parseLine sorts one line of memberlist v0.7.0. The texts are no contract of
// memberlist: tests provoke each of them, so that an upgrade that changes one
// is noticed.
func parseLine(s string) line {
	l := line{level: slog.LevelDebug}

	prefix, text, found := strings.Cut(s, "] ")
	if found {
		s = text
	}

	if prefix == "[ERR" || prefix == "[ERROR" || prefix == "[WARN" {
		l.level = slog.LevelWarn
	}

	l.text, l.remote, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(s), "memberlist: "), " from=")

	for _, k := range [...]struct {
		text  string
		topic topic
		level slog.Level
	}{
		{"no installed keys could decrypt", topicCookie, slog.LevelWarn},
		{`unacceptable label ""`, topicPlain, slog.LevelWarn}, // no Segue node at all
		{"unacceptable label", topicLabel, slog.LevelWarn},
		{"remote state is not encrypted", topicPlain, slog.LevelWarn},
		{"ignoring alive message", topicIgnored, slog.LevelWarn},
		{"over TCP but UDP probes failed", topicUDP, slog.LevelWarn},
		{"has failed, no acks received", topicSuspect, slog.LevelDebug},
		{"Decrypt packet failed", topicGarbage, slog.LevelDebug},
		{"failed to receive", topicGarbage, slog.LevelDebug},
		{"cannot decode label", topicGarbage, slog.LevelDebug},
		{"label header cannot be empty", topicGarbage, slog.LevelDebug},
		{"invalid checksum", topicGarbage, slog.LevelDebug},
		{"Failed to decode", topicGarbage, slog.LevelDebug},
		{"invalid msgType", topicGarbage, slog.LevelDebug},
		{"not supported", topicGarbage, slog.LevelDebug},
	} {
		if strings.Contains(l.text, k.text) {
			l.topic, l.level = k.topic, k.level

			break
		}
	}

	return l
}

// suspectOf returns the gossip name in "Suspect X has failed, no acks received".
func (l line) suspectOf() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(l.text, "Suspect "), " has failed")

	return name
}

// count adds l to the counter of its topic.
func (c *counters) count(t topic) {
	switch t {
	case topicCookie:
		c.cookie.Add(1)
	case topicLabel:
		c.label.Add(1)
	case topicPlain:
		c.plain.Add(1)
	case topicIgnored:
		c.ignored.Add(1)
	case topicGarbage:
		c.garbage.Add(1)
	case topicOther, topicSuspect, topicUDP, topics:
	}
}

// A chatter is the [slog.Handler] behind memberlist's logger. Handle never
// waits.
type chatter struct {
	log    *slog.Logger
	table  *table
	counts *counters
	lines  chan line
}

var _ slog.Handler = (*chatter)(nil)

// Enabled lets every line through to Handle.
func (c *chatter) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs and WithGroup are never called: memberlist has no attributes.
func (c *chatter) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup returns c.
func (c *chatter) WithGroup(string) slog.Handler { return c }

// Handle takes one line of memberlist's log.
func (c *chatter) Handle(ctx context.Context, r slog.Record) error { //nolint:gocritic // the interface passes it by value
	l := parseLine(r.Message)
	c.counts.count(l.topic)

	if l.topic == topicSuspect {
		c.table.suspected(l.suspectOf(), time.Now())
	}

	if c.log.Enabled(ctx, l.level) {
		c.queue(l)
	}

	return nil
}

// queue hands l to the goroutine that writes the log, if there is room.
func (c *chatter) queue(l line) {
	select {
	case c.lines <- l:
	default:
		c.counts.linesDropped.Add(1)
	}
}

// quietFor is how long a topic is silent after a line of it was written.
const quietFor = 10 * time.Second

// A quiet lets one line of a topic through per [quietFor], and all lines
// below Warn.
type quiet struct {
	until      [topics]time.Time
	suppressed [topics]int
}

// pass reports whether to write l, and how many lines like it were not.
func (q *quiet) pass(l line, now time.Time) (suppressed int, ok bool) {
	if l.level < slog.LevelWarn {
		return 0, true
	}

	if now.Before(q.until[l.topic]) {
		q.suppressed[l.topic]++

		return 0, false
	}

	suppressed = q.suppressed[l.topic]
	q.until[l.topic], q.suppressed[l.topic] = now.Add(quietFor), 0

	return suppressed, true
}

// write logs l in words for an operator. The key id is that of this node.
func (l line) write(ctx context.Context, log *slog.Logger, suppressed int, keyID string) {
	attrs := []slog.Attr{slog.String("detail", l.text)}
	if l.remote != "" {
		attrs = append(attrs, slog.String("remote", l.remote))
	}

	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}

	if keyID != "" && l.topic == topicCookie {
		attrs = append(attrs, slog.String("own_key", keyID))
	}

	message := "memberlist"

	switch l.topic {
	case topicCookie:
		message = "cookie mismatch: a peer talks to this node with another cookie"
	case topicLabel:
		message = "a node of another cluster name talks to this node"
	case topicPlain:
		message = "somebody talks to the gossip port without encryption"
	case topicIgnored:
		message = "ignoring what gossip says about a node"
	case topicUDP:
		message = "a member answers over TCP but not over UDP: open the gossip port for UDP"
	case topicOther, topicGarbage, topicSuspect, topics:
	}

	log.LogAttrs(ctx, l.level, message, attrs...) //nolint:sloglint // one of the constants above
}
