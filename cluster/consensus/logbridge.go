package consensus

import (
	"context"
	"fmt"
	"io"
	stdlog "log" //nolint:depguard // hclog.Logger has it in its methods
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// repeatInterval is how often the same message of raft is logged above Debug.
// With a peer down, raft repeats some of them several times a second.
const repeatInterval = 10 * time.Second

// A logBridge gives raft's log records to slog. Raft calls Error what is normal
// in a rollout, like a peer that is gone: its errors become warnings, its
// warnings info, and everything else and all repetitions debug records.
type logBridge struct {
	handler slog.Handler
	name    string
	args    []any
	recent  *recent
}

var _ hclog.Logger = (*logBridge)(nil)

func newLogBridge(logger *slog.Logger, name string) *logBridge {
	return &logBridge{handler: logger.Handler(), name: name, recent: &recent{last: map[string]time.Time{}}}
}

// recent knows when each message was logged. Raft's messages are constants, so
// there are few.
type recent struct {
	mu   sync.Mutex // guards the field below
	last map[string]time.Time
}

func (r *recent) first(msg string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()

	if t, ok := r.last[msg]; ok && now.Sub(t) < repeatInterval {
		return false
	}

	r.last[msg] = now

	return true
}

// Log writes one record.
func (b *logBridge) Log(level hclog.Level, msg string, args ...any) {
	ctx := context.Background() //nolint:forbidigo // raft's logger knows no context
	now := time.Now()

	to := slog.LevelDebug

	switch level {
	case hclog.Error:
		to = slog.LevelWarn
	case hclog.Warn:
		to = slog.LevelInfo
	case hclog.NoLevel, hclog.Trace, hclog.Debug, hclog.Info, hclog.Off:
	}

	if to > slog.LevelDebug && !b.recent.first(msg, now) {
		to = slog.LevelDebug
	}

	if !b.handler.Enabled(ctx, to) {
		return
	}

	r := slog.NewRecord(now, to, b.name+": "+msg, 0)
	r.AddAttrs(attrs(b.args)...)
	r.AddAttrs(attrs(args)...)

	_ = b.handler.Handle(ctx, r) //nolint:errcheck // there is nowhere to report it
}

// attrs renders raft's values at once: some of them change later.
func attrs(args []any) []slog.Attr {
	list := make([]slog.Attr, 0, len(args)/2+1)

	for pair := range slices.Chunk(args, 2) {
		if len(pair) == 1 {
			return append(list, slog.String("extra", render(pair[0])))
		}

		list = append(list, slog.String(strings.ReplaceAll(fmt.Sprint(pair[0]), "-", "_"), render(pair[1])))
	}

	return list
}

func render(v any) string {
	if f, ok := v.(hclog.Format); ok && len(f) > 0 {
		if layout, ok := f[0].(string); ok {
			return fmt.Sprintf(layout, f[1:]...)
		}
	}

	return fmt.Sprint(v)
}

// Trace writes a record.
func (b *logBridge) Trace(msg string, args ...any) { b.Log(hclog.Trace, msg, args...) }

// Debug writes a record.
func (b *logBridge) Debug(msg string, args ...any) { b.Log(hclog.Debug, msg, args...) }

// Info writes a record.
func (b *logBridge) Info(msg string, args ...any) { b.Log(hclog.Info, msg, args...) }

// Warn writes a record.
func (b *logBridge) Warn(msg string, args ...any) { b.Log(hclog.Warn, msg, args...) }

// Error writes a record.
func (b *logBridge) Error(msg string, args ...any) { b.Log(hclog.Error, msg, args...) }

// IsTrace reports whether such a record would be written.
func (b *logBridge) IsTrace() bool { return b.IsDebug() }

// IsDebug reports whether such a record would be written.
func (b *logBridge) IsDebug() bool {
	return b.handler.Enabled(context.Background(), slog.LevelDebug) //nolint:forbidigo // raft's logger knows no context
}

// IsInfo reports whether such a record would be written.
func (b *logBridge) IsInfo() bool { return b.IsDebug() }

// IsWarn reports that such a record may be written.
func (*logBridge) IsWarn() bool { return true }

// IsError reports that such a record may be written.
func (*logBridge) IsError() bool { return true }

// ImpliedArgs returns what With was given.
func (b *logBridge) ImpliedArgs() []any { return b.args }

// With returns a logger that adds args to every record.
func (b *logBridge) With(args ...any) hclog.Logger {
	c := *b
	c.args = slices.Concat(b.args, args)

	return &c
}

// Name returns the prefix of the messages.
func (b *logBridge) Name() string { return b.name }

// Named returns a logger with a longer prefix.
func (b *logBridge) Named(name string) hclog.Logger { return b.ResetNamed(b.name + "." + name) }

// ResetNamed returns a logger with another prefix.
func (b *logBridge) ResetNamed(name string) hclog.Logger {
	c := *b
	c.name = name

	return &c
}

// SetLevel does nothing: the handler decides.
func (*logBridge) SetLevel(hclog.Level) {}

// GetLevel returns the lowest level.
func (*logBridge) GetLevel() hclog.Level { return hclog.Trace }

// StandardLogger returns a logger of the standard library that writes records.
func (b *logBridge) StandardLogger(opts *hclog.StandardLoggerOptions) *stdlog.Logger {
	return stdlog.New(b.StandardWriter(opts), "", 0)
}

// StandardWriter returns a writer that makes a record of every write.
func (b *logBridge) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return lineWriter{b} }

type lineWriter struct{ b *logBridge }

// Write writes one record.
func (w lineWriter) Write(p []byte) (int, error) {
	w.b.Info(strings.TrimSpace(string(p)))

	return len(p), nil
}
