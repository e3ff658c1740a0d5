package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/segue-cluster/segue/internal/httpapi"
)

// Times between lines of a watch that is not on a terminal: when only counts
// changed, and when nothing did.
const (
	countsEvery = 5 * time.Second
	beatEvery   = 30 * time.Second
)

// newView returns the view for this format and terminal.
func (a *app) newView() view {
	switch {
	case a.format == formatJSONL:
		return &jsonView{a: a}
	case a.errTTY && a.format.forPeople() && a.getenv("TERM") != "dumb":
		return &screenView{a: a}
	}

	return &lineView{a: a}
}

// lineView writes a line to stderr for every change.
type lineView struct {
	a    *app
	last httpapi.Rollout
	at   time.Time // of the last line
}

func (v *lineView) show(ro httpapi.Rollout) {
	now := v.a.now()

	stepped := v.at.IsZero() || ro.Phase != v.last.Phase || ro.Stage != v.last.Stage || ro.Message != v.last.Message ||
		len(ro.Ledger.Held) != len(v.last.Ledger.Held)
	counted := ro.Share != v.last.Share || ro.Ledger.Moved != v.last.Ledger.Moved

	if !stepped && now.Sub(v.at) < beatEvery && (!counted || now.Sub(v.at) < countsEvery) {
		return
	}

	v.last, v.at = ro, now
	v.a.notef("%s", rolloutLine(now, ro))
}

func (*lineView) clear() {}

// rolloutLine formats where a rollout stands, for people and for grep.
func rolloutLine(now time.Time, ro httpapi.Rollout) string {
	target := 0
	if ro.Stage >= 1 && ro.Stage <= len(ro.Stages) {
		target = ro.Stages[ro.Stage-1]
	}

	line := fmt.Sprintf("%s rollout=%d phase=%s stage=%d/%d target=%d%% at=%d/%d moving=%d held=%d moved=%d lost=%d",
		now.Format(time.TimeOnly), ro.Revision, ro.Phase, ro.Stage, len(ro.Stages), target, ro.Share.At, ro.Share.Total,
		ro.Share.Moving, ro.Share.Held, ro.Ledger.Moved, ro.Ledger.Lost)

	if ro.Message != "" {
		line += fmt.Sprintf(" message=%q", ro.Message)
	}

	return line
}

// jsonView writes a line of JSON to stdout for every change.
type jsonView struct {
	a    *app
	last string
}

func (v *jsonView) show(ro httpapi.Rollout) {
	b, err := encode(ro, "")
	if err != nil || string(b) == v.last {
		return
	}

	v.last = string(b)
	_, _ = v.a.out.Write(b) //nolint:errcheck // a reader that is gone is met at the end
}

func (*jsonView) clear() {}

// screenView redraws a few lines in place, on stderr.
type screenView struct {
	a     *app
	lines int // that are on the screen
}

func (v *screenView) show(ro httpapi.Rollout) {
	text := v.a.rolloutText(ro) + bar(ro.Share, v.a.width()) + "\n"
	width := v.a.width()

	var s strings.Builder

	s.WriteString(v.home())

	v.lines = 0

	for line := range strings.Lines(text) {
		s.WriteString(clip(strings.TrimSuffix(line, "\n"), width) + "\n")

		v.lines++
	}

	_, _ = io.WriteString(v.a.err, s.String()) //nolint:errcheck // nobody to tell
}

func (v *screenView) clear() {
	_, _ = io.WriteString(v.a.err, v.home()) //nolint:errcheck // nobody to tell
	v.lines = 0
}

// home returns what moves the cursor to where the view begins and erases it.
func (v *screenView) home() string {
	if v.lines == 0 {
		return ""
	}

	return fmt.Sprintf("\x1b[%dA\x1b[J", v.lines)
}

// clip shortens a line that would wrap. Lines with colors are short.
func clip(line string, width int) string {
	if utf8.RuneCountInString(line) < width || strings.Contains(line, "\x1b") {
		return line
	}

	return string([]rune(line)[:max(width-1, 1)])
}

// bar draws the share of shards: there, on their way, held, not asked yet.
func bar(s httpapi.Share, width int) string {
	const most = 64

	cells := min(most, max(width-4, 1))
	if s.Total <= 0 {
		return ""
	}

	there := s.At * cells / s.Total
	moving := (s.At+s.Moving)*cells/s.Total - there
	held := (s.At+s.Moving+s.Held)*cells/s.Total - there - moving
	rest := max(cells-there-moving-held, 0)

	return "[" + strings.Repeat("#", there) + strings.Repeat(">", moving) + strings.Repeat("!", held) +
		strings.Repeat(".", rest) + "]"
}
