package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// Defaults of the flags that every command has.
const (
	defaultAddr    = "http://127.0.0.1:7950"
	defaultTimeout = 10 * time.Second
)

// maxTokenFile is the largest token file, in bytes.
const maxTokenFile = 4096

// An app is what commands share: where they read and write, and the global
// flags. Tests make their own.
type app struct {
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
	outTTY   bool       // out is a terminal
	errTTY   bool       // err is a terminal
	width    func() int // columns of the terminal

	// Global flags.
	addr      string
	tokenFile string
	format    format
	timeout   time.Duration // 0: the command's default
	noColor   bool

	started bool // flags and arguments were accepted
}

func newApp() *app {
	return &app{
		out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now,
		outTTY: term.IsTerminal(int(os.Stdout.Fd())), errTTY: term.IsTerminal(int(os.Stderr.Fd())),
		width: func() int {
			columns, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil || columns <= 0 {
				return 80
			}

			return columns
		},
	}
}

// run carries out one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)

	cmd, err := root.ExecuteContextC(ctx)

	return a.report(ctx, cmd, err)
}

// newRoot builds all commands. Each has a file of its own.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "segue",
		Short:         "Move the live state of a service from one release to the next",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := a.complete(); err != nil {
				return err
			}

			a.started = true

			return nil
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)

	f := root.PersistentFlags()
	f.StringVar(&a.addr, "addr", "", "admin address of any node: http://host:port or unix:///path (SEGUE_ADDR; default "+defaultAddr+")")
	f.StringVar(&a.tokenFile, "token-file", "", "file with the bearer token (SEGUE_TOKEN_FILE, or the token itself in SEGUE_TOKEN)")
	f.VarP(&a.format, "output", "o", "table, wide, json, yaml or jsonl")
	f.DurationVar(&a.timeout, "timeout", 0, "give up after this time; what was asked for goes on (default 10s, none while watching)")
	f.BoolVar(&a.noColor, "no-color", false, "no colors (NO_COLOR)")

	for _, group := range [...]*cobra.Group{
		{ID: groupLook, Title: "Look:"}, {ID: groupChange, Title: "Change:"}, {ID: groupScript, Title: "For scripts and set-up:"},
	} {
		root.AddGroup(group)
	}

	root.AddCommand(
		newStatus(a),
		newMembers(a),
		newOwners(a),
		newLosses(a),
		newRollout(a),
		newDrain(a),
		newUndrain(a),
		newWait(a),
		newHealthcheck(a),
		newCookie(a),
		newVersion(a),
	)
	root.SetCompletionCommandGroupID(groupScript)
	root.SetHelpCommandGroupID(groupScript)

	return root
}

// Groups of commands in the help.
const (
	groupLook   = "look"
	groupChange = "change"
	groupScript = "script"
)

// complete fills the global flags from the environment.
func (a *app) complete() error {
	if a.addr == "" {
		a.addr = a.getenv("SEGUE_ADDR")
	}

	if a.addr == "" {
		a.addr = defaultAddr
	}

	if a.tokenFile == "" {
		a.tokenFile = a.getenv("SEGUE_TOKEN_FILE")
	}

	if a.format == "" {
		a.format = formatTable
	}

	if a.timeout < 0 {
		return usagef("--timeout %s is negative", a.timeout)
	}

	return nil
}

// client returns a client of the node that the flags name.
func (a *app) client() (*httpapi.Client, error) {
	token := a.getenv("SEGUE_TOKEN")

	if a.tokenFile != "" {
		b, err := readSmall(a.tokenFile)
		if err != nil {
			return nil, usagef("token file: %v", err)
		}

		token = strings.TrimSpace(string(b))
		if token == "" {
			return nil, usagef("token file %s is empty", a.tokenFile)
		}
	}

	c, err := httpapi.NewClient(httpapi.ClientConfig{Addr: a.addr, Token: token})
	if err != nil {
		return nil, usagef("%v", err)
	}

	return c, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist", path)
	}

	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written

	b, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}

	if len(b) > maxTokenFile {
		return nil, fmt.Errorf("%s is longer than %d bytes: it is not a token", path, maxTokenFile)
	}

	return b, nil
}

// within limits ctx to the time of the flag, or to the default of the command;
// 0 is no limit.
func (a *app) within(ctx context.Context, byDefault time.Duration) (context.Context, context.CancelFunc) {
	d := a.timeout
	if d == 0 {
		d = byDefault
	}

	if d == 0 {
		return context.WithCancel(ctx)
	}

	return context.WithTimeout(ctx, d)
}

// ask runs f with a client and a limited time.
func (a *app) ask(ctx context.Context, f func(ctx context.Context, c *httpapi.Client) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()

	ctx, cancel := a.within(ctx, defaultTimeout)
	defer cancel()

	return f(ctx, c)
}

// actor returns who asks for a change.
func (a *app) actor() string {
	if s := a.getenv("SEGUE_ACTOR"); s != "" {
		return s
	}

	user := a.getenv("USER")
	if user == "" {
		user = a.getenv("LOGNAME")
	}

	host, err := os.Hostname()

	switch {
	case user == "" && err != nil:
		return "segue"
	case user == "":
		return "segue@" + host
	case err != nil:
		return user
	}

	return user + "@" + host
}

// notef prints one line for people, beside the data.
func (a *app) notef(format string, args ...any) {
	_, _ = fmt.Fprintf(a.err, format+"\n", args...) //nolint:errcheck // nobody to tell
}

// nextf prints the command that may follow, unless a program reads along.
func (a *app) nextf(format string, args ...any) {
	if a.format.forPeople() {
		a.notef("next: "+format, args...)
	}
}

// Times between attempts of a change.
const (
	insistFirst = 100 * time.Millisecond
	insistMost  = 2 * time.Second
)

// insist asks for a change until the cluster takes or refuses it, or ctx ends.
// Asking twice must do no harm.
func insist[T any](ctx context.Context, a *app, change func(ctx context.Context) (T, error)) (T, error) {
	wait := insistFirst

	for {
		v, err := change(ctx)

		switch {
		case errors.Is(err, segue.ErrNoLeader), errors.Is(err, segue.ErrRetry), errors.Is(err, segue.ErrNotOwner),
			errors.Is(err, segue.ErrOutcomeUnknown), errors.Is(err, segue.ErrDeadline):
		default:
			return v, err
		}

		a.notef("%v; trying again", err)

		if !pause(ctx, wait) {
			return v, err
		}

		wait = min(2*wait, insistMost)
	}
}

// pause waits and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
