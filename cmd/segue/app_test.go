package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
	"github.com/segue-cluster/segue/internal/httpapi/apitest"
)

func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// testApp returns an app without a terminal whose clock stands at noon, and what
// it writes to.
func testApp(environ map[string]string) (a *app, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	a = &app{
		out: out, err: errs, getenv: func(name string) string { return environ[name] }, now: noon,
		width: func() int { return 60 }, format: formatTable,
	}

	return a, out, errs
}

func serve(t *testing.T, h http.Handler) map[string]string {
	t.Helper()

	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)

	return map[string]string{"SEGUE_ADDR": srv.URL}
}

func TestFormats(t *testing.T) {
	t.Parallel()

	for _, f := range []format{formatJSON, formatJSONL, formatYAML} {
		a, out, _ := testApp(nil)
		a.format = f

		if err := a.print(apitest.Example(noon()).Rollouts, nil); err != nil {
			t.Fatal(err)
		}

		want, err := os.ReadFile(filepath.Join("testdata", "rollouts."+string(f)))
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("--output %s (-want +got):\n%s", f, diff)
		}
	}
}

func TestYAMLQuotes(t *testing.T) {
	t.Parallel()

	b, err := encodeYAML(struct {
		S     []string       `json:"s"`
		Empty []string       `json:"empty"`
		Map   map[string]int `json:"map"`
	}{S: []string{"1.0", "true", "null", "", "a: b", "<&>", "é\n\"x\"", "2026-11-25", "-"}, Empty: []string{}})
	if err != nil {
		t.Fatal(err)
	}

	want := "s:\n  - \"1.0\"\n  - \"true\"\n  - \"null\"\n  - \"\"\n  - 'a: b'\n  - <&>\n  - |-\n    é\n    \"x\"\n" +
		"  - \"2026-11-25\"\n  - '-'\nempty: []\nmap: null\n"
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("encodeYAML (-want +got):\n%s", diff)
	}
}

func TestTableColors(t *testing.T) {
	t.Parallel()

	table := &table{columns: []column{{name: "NODE"}, {name: "STATUS", paint: paintWord}, {name: "N", right: true}, {name: "W", wide: true}}}
	table.add("a", "alive", "1", "w")
	table.add("bé\x1b[2J", "failed", "12", "w")

	plain := "NODE    STATUS   N\na       alive    1\nbé [2J  failed  12\n"
	colored := "NODE    STATUS   N\na       \x1b[32malive\x1b[0m    1\nbé [2J  \x1b[31mfailed\x1b[0m  12\n"

	for _, tt := range []struct {
		name    string
		tty     bool
		noColor bool
		environ map[string]string
		want    string
	}{
		{"pipe", false, false, nil, plain},
		{"terminal", true, false, nil, colored},
		{"--no-color", true, true, nil, plain},
		{"NO_COLOR", true, false, map[string]string{"NO_COLOR": "1"}, plain},
		{"dumb", true, false, map[string]string{"TERM": "dumb"}, plain},
	} {
		a, _, _ := testApp(tt.environ)
		a.outTTY, a.noColor = tt.tty, tt.noColor

		if diff := cmp.Diff(tt.want, table.text(a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestHuman(t *testing.T) {
	t.Parallel()

	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(15402): "15,402", count(1234567): "1,234,567",
		plural(1, "shard", "shards"): "1 shard", plural(1200, "shard", "shards"): "1,200 shards",
		bytesText(1023): "1023B", bytesText(1536): "1.5KiB", bytesText(19083264): "18.2MiB", bytesText(1 << 63): "8.0EiB",
		duration(-time.Second): "0s", duration(59900 * time.Millisecond): "59s", duration(510 * time.Second): "8m30s",
		duration(90 * time.Minute): "1h30m", duration(146 * time.Hour): "6d2h", millis(0.4249): "0.42ms",
		took(-1): "0.0s", took(4249 * time.Millisecond): "4.2s", took(65 * time.Minute): "1h5m",
		number(segue.Epoch(0)): "", number(segue.Epoch(7)): "7",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestActor(t *testing.T) {
	t.Parallel()

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		environ map[string]string
		want    string
	}{
		{map[string]string{"SEGUE_ACTOR": "ci", "USER": "bob"}, "ci"},
		{map[string]string{"USER": "bob", "LOGNAME": "eve"}, "bob@" + host},
		{map[string]string{"LOGNAME": "eve"}, "eve@" + host},
		{nil, "segue@" + host},
	} {
		if a, _, _ := testApp(tt.environ); a.actor() != tt.want {
			t.Errorf("actor with %v = %q, want %q", tt.environ, a.actor(), tt.want)
		}
	}
}

func TestScreen(t *testing.T) {
	t.Parallel()

	a, out, errs := testApp(nil)
	a.errTTY = true

	v := a.newView()
	ro := apitest.Example(noon()).Rollouts[0]
	v.show(ro)

	first := errs.String()
	if strings.Contains(first, "\x1b") || !strings.Contains(first, "\n[##") {
		t.Errorf("the first picture is %q", first)
	}

	for line := range strings.Lines(first) {
		if len([]rune(line)) > a.width() {
			t.Errorf("line %q is wider than %d", line, a.width())
		}
	}

	errs.Reset()
	v.show(ro)

	up := fmt.Sprintf("\x1b[%dA\x1b[J", strings.Count(first, "\n"))
	if got := errs.String(); got != up+first {
		t.Errorf("the second picture is %q, want the first again after %q", got, up)
	}

	errs.Reset()
	v.clear()
	v.clear()

	if got := errs.String(); got != up || out.Len() > 0 {
		t.Errorf("clear wrote %q and %q, want %q", got, out, up)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		s     httpapi.Share
		width int
		want  string
	}{
		{httpapi.Share{At: 2, Moving: 2, Held: 1, Total: 8}, 12, "[##>>!...]"},
		{httpapi.Share{At: 8, Total: 8}, 12, "[########]"},
		{httpapi.Share{Total: 8}, 12, "[........]"},
		{httpapi.Share{At: 1, Total: 3}, 1000, "[" + strings.Repeat("#", 21) + strings.Repeat(".", 43) + "]"},
		{httpapi.Share{At: 1, Total: 3}, 0, "[.]"},
		{httpapi.Share{}, 12, ""},
	} {
		if got := bar(tt.s, tt.width); got != tt.want {
			t.Errorf("bar(%+v, %d) = %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()

	a, _, errs := testApp(nil)
	now := noon()
	a.now = func() time.Time { return now }
	ro := apitest.Example(noon()).Rollouts[0]
	v := a.newView()

	step := func(after time.Duration, change func(), want int) {
		t.Helper()

		now = now.Add(after)

		change()
		errs.Reset()
		v.show(ro)

		if got := strings.Count(errs.String(), "\n"); got != want {
			t.Errorf("at %s: %d lines, want %d: %s", now.Format(time.TimeOnly), got, want, errs)
		}
	}

	step(0, func() {}, 1)
	step(time.Second, func() {}, 0)
	step(time.Second, func() { ro.Share.At++ }, 0)                     // counts wait
	step(3*time.Second, func() { ro.Share.At++ }, 1)                   // 5 s after the last line
	step(time.Millisecond, func() { ro.Stage++ }, 1)                   // steps do not wait
	step(time.Millisecond, func() { ro.Phase = httpapi.Completed }, 1) // nor does the end
	step(29*time.Second, func() {}, 0)
	step(time.Second, func() {}, 1) // a sign of life
}

func TestPatience(t *testing.T) {
	t.Parallel()

	a, _, errs := testApp(nil)
	now := noon()
	a.now = func() time.Time { return now }

	passing := fmt.Errorf("%w: the node restarts", httpapi.ErrUnreachable)
	answers := []error{nil, passing, passing, nil, passing, passing, passing}
	p := &poller{a: a, interval: time.Microsecond, note: a.notef}

	err := p.poll(t.Context(), func(context.Context) (bool, error) {
		now = now.Add(16 * time.Second)
		err := answers[0]
		answers = answers[1:]

		return false, err
	})
	if !errors.Is(err, httpapi.ErrUnreachable) || len(answers) > 0 {
		t.Errorf("poll() = %v with %d answers left, want ErrUnreachable at the last", err, len(answers))
	}

	if got := strings.Count(errs.String(), "asking again for up to 30s"); got != 2 {
		t.Errorf("%d notes, want one for each silence: %s", got, errs)
	}

	// Who never answered gets no patience, nor does an error that stays.
	for _, tt := range []struct {
		answered bool
		err      error
	}{{false, passing}, {true, httpapi.ErrUnauthorized}} {
		p := &poller{a: a, answered: tt.answered, note: a.notef}
		if err := p.poll(t.Context(), func(context.Context) (bool, error) { return false, tt.err }); !errors.Is(err, tt.err) {
			t.Errorf("poll() = %v, want %v", err, tt.err)
		}
	}
}

// hourglass is a context whose time is over when a test says so.
type hourglass struct {
	context.Context //nolint:containedctx // it is one

	over chan struct{}
}

func (h hourglass) Done() <-chan struct{} { return h.over }

func (h hourglass) Err() error {
	select {
	case <-h.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestCutOff cuts commands off while they watch or wait: by Ctrl-C, and because
// their time is over.
func TestCutOff(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		args []string
		edit func(c *apitest.Cluster)
		says string // when the time is over
	}{
		{[]string{"rollout", "status", "-w"}, nil, "rollout 2 goes on\nnext: segue rollout status 2 --watch\n"},
		{[]string{"rollout", "abort", "-w"}, nil, "rollout 2 goes on\n"},
		{[]string{"drain", apitest.Name(0), "-w"}, nil, "the drain of " + apitest.Name(0) + " goes on\n"},
		{[]string{"wait", "members=5", "release=1.0.1:3"}, nil, "over: 4 of 5 members are alive; 2 of 3 nodes of release 1.0.1 are alive\n"},
		{[]string{"wait", "shards"}, nil, "over: shards: 4 owned, 2 moving, 1 held, 1 lost\n"},
		{[]string{"wait", "leader"}, func(c *apitest.Cluster) { c.Status.Leader = "" }, "over: there is no leader\n"},
	} {
		for _, code := range []int{exitInterrupted, exitTimeout} {
			var (
				ctx context.Context
				end func()
			)

			if code == exitInterrupted {
				ctx, end = context.WithCancel(t.Context())
			} else {
				h := hourglass{t.Context(), make(chan struct{})}
				ctx, end = h, func() { close(h.over) }
			}

			b := apitest.New(apitest.Example(noon()))
			if tt.edit != nil {
				b.Edit(tt.edit)
			}

			b.Play(func(*apitest.Cluster) {}, func(*apitest.Cluster) {}, func(*apitest.Cluster) {}, func(*apitest.Cluster) { end() })

			a, _, errs := testApp(serve(t, httpapi.Admin(b, httpapi.Options{})))
			if got := a.run(ctx, append(tt.args, "--interval", "10ms")); got != code {
				t.Errorf("%q cut off = %d, want %d: %s", tt.args, got, code, errs)
			}

			if code == exitTimeout && !strings.Contains(errs.String(), tt.says) {
				t.Errorf("%q says %q, want %q", tt.args, errs, tt.says)
			}
		}
	}
}

func TestInsist(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		last error
		code int
	}{
		{segue.ErrNoLeader, exitUnavailable},
		{segue.ErrOutcomeUnknown, exitTimeout},
		{segue.ErrRefused, exitRefused},
		{nil, exitOK},
	} {
		h := hourglass{t.Context(), make(chan struct{})}
		a, _, errs := testApp(nil)
		a.started = true
		attempts := 0

		_, err := insist(h, a, func(context.Context) (int, error) {
			attempts++

			switch {
			case attempts == 1:
				return 0, segue.ErrRetry
			case tt.last == nil:
				return 0, nil
			}

			close(h.over)

			return 0, &httpapi.ProblemError{Problem: httpapi.ProblemOf(tt.last)}
		})
		if attempts != 2 || !errors.Is(err, tt.last) {
			t.Errorf("insist() = %v after %d attempts, want %v after 2", err, attempts, tt.last)
		}

		if got := a.report(t.Context(), newRoot(a), repeatable(err, "abc")); got != tt.code {
			t.Errorf("exit code of %v = %d, want %d", err, got, tt.code)
		}

		if got := strings.Contains(errs.String(), "--request-id abc does no harm"); got != (tt.code == exitTimeout) {
			t.Errorf("after %v it says %q", err, errs)
		}
	}
}

// TestWatchOnTerminal follows a rollout whose node is away for a moment.
func TestWatchOnTerminal(t *testing.T) {
	t.Parallel()

	b := apitest.New(apitest.Example(noon()))
	h := httpapi.Admin(b, httpapi.Options{})
	var asked atomic.Int32

	a, out, errs := testApp(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 2, 3: // the second on a new connection, which the client does not try again
			panic(http.ErrAbortHandler)
		case 6:
			b.Edit(func(c *apitest.Cluster) { c.Rollouts[0].Phase, c.Rollouts[0].Aborted = httpapi.RolledBack, true })
		}

		h.ServeHTTP(w, r)
	})))
	a.errTTY, a.outTTY = true, true

	if got := a.run(t.Context(), []string{"rollout", "status", "-w", "--interval", "10ms"}); got != exitAborted {
		t.Errorf("exit code %d, want 11: %s", got, errs)
	}

	if !strings.Contains(errs.String(), "asking again") || !strings.Contains(out.String(), "\x1b[33mROLLED_BACK\x1b[0m") {
		t.Errorf("stderr %q, stdout %q", errs, out)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()

	for status, want := range map[int]int{
		400: exitUsage, 413: exitUsage, 401: exitNotAllowed, 403: exitNotAllowed, 404: exitNotFound, 410: exitNotFound,
		409: exitRefused, 412: exitRefused, 422: exitRefused, 503: exitUnavailable, 429: exitUnavailable, 502: exitUnavailable,
		504: exitTimeout, 500: exitUnexpected, 501: exitUnexpected,
	} {
		if got := codeOfStatus(status); got != want {
			t.Errorf("codeOfStatus(%d) = %d, want %d", status, got, want)
		}
	}

	if err := outcomeOf(httpapi.Rollout{RolloutSummary: httpapi.RolloutSummary{Phase: httpapi.Gating}}); err == nil {
		t.Error("a rollout that goes on has an outcome")
	}
}
