package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// Times of a watch.
const (
	defaultInterval = 250 * time.Millisecond
	minInterval     = 10 * time.Millisecond
	pollTimeout     = 5 * time.Second  // of one question
	patience        = 30 * time.Second // without an answer
)

// watchFlags are the flags of commands that can watch.
type watchFlags struct {
	on          bool
	interval    time.Duration
	failOnPause bool
}

func (w *watchFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&w.on, "watch", "w", false, "follow the rollout to its end, also on its way back")
	f.DurationVar(&w.interval, "interval", defaultInterval, "how often to ask while watching")
	f.BoolVar(&w.failOnPause, "fail-on-pause", false, "with --watch: exit with 10 when the rollout waits for a person")
}

// limit is the default time of the command: a watch has none.
func (w *watchFlags) limit() time.Duration {
	if w.on {
		return 0
	}

	return defaultTimeout
}

// asking limits the time for the change itself, which precedes a watch.
func (w *watchFlags) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.on {
		return context.WithTimeout(ctx, defaultTimeout)
	}

	return context.WithCancel(ctx) // it has the time of the command
}

// A poller asks again and again, and bears with a node that does not answer for
// a while.
type poller struct {
	a        *app
	interval time.Duration
	note     func(format string, args ...any) // tells people what is wrong
	silent   time.Time                        // since when there is no answer, zero if there is one
	answered bool                             // at least once
}

// poll calls ask, with a limited time, until it is done or fails with an error
// that patience does not mend.
func (p *poller) poll(ctx context.Context, ask func(ctx context.Context) (done bool, err error)) error {
	for {
		once, cancel := context.WithTimeout(ctx, pollTimeout)
		done, err := ask(once)

		cancel()

		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			p.silent, p.answered = time.Time{}, true
		default:
			if err := p.bear(err); err != nil {
				return err
			}
		}

		if done {
			return nil
		}

		if !pause(ctx, max(p.interval, minInterval)) {
			return ctx.Err()
		}
	}
}

// bear returns nil for an error that may pass.
func (p *poller) bear(err error) error {
	passing := errors.Is(err, httpapi.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, segue.ErrRetry) || errors.Is(err, segue.ErrNoLeader) || errors.Is(err, segue.ErrNotFound)

	switch {
	case !p.answered || !passing:
		return err
	case p.silent.IsZero():
		p.silent = p.a.now()
		p.note("%v; asking again for up to %s", err, patience)
	case p.a.now().Sub(p.silent) > patience:
		return err
	}

	return nil
}

// A view shows a rollout while it goes on.
type view interface {
	show(ro httpapi.Rollout)
	// clear takes away what is not to stay.
	clear()
}

// follow shows a rollout until it ends and prints its end, which outcome turns
// into an exit code.
func (a *app) follow(
	ctx context.Context, c *httpapi.Client, rev segue.Revision, w watchFlags, outcome func(httpapi.Rollout) error,
) error {
	v := a.newView()
	p := &poller{a: a, interval: w.interval, note: func(format string, args ...any) {
		v.clear()
		a.notef(format, args...)
	}}

	var last httpapi.Rollout

	err := p.poll(ctx, func(ctx context.Context) (bool, error) {
		ro, err := c.Rollout(ctx, rev)
		if err != nil {
			return false, err
		}

		rev, last = ro.Revision, ro // the newest one, from now on by its number
		v.show(ro)

		return ro.Phase.Ended() || ro.Phase == httpapi.Paused && w.failOnPause, nil
	})

	v.clear()

	if err != nil {
		ref := number(rev)
		if rev == 0 {
			ref = "current"
		}

		return goesOn(err, "rollout "+ref, fmt.Sprintf("segue rollout status %s --watch", ref))
	}

	if a.format != formatJSONL { // its last line said it
		if err := a.print(last, func() string { return a.rolloutText(last) }); err != nil {
			return err
		}
	}

	return outcome(last)
}

// goesOn says that what is watched goes on when the watch ends before.
func goesOn(err error, what, next string) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, err: fmt.Errorf("no longer watching; %s goes on", what), next: next}
	case errors.Is(err, context.DeadlineExceeded):
		return &exitError{code: exitTimeout, err: fmt.Errorf("the time is over; %s goes on", what), next: next}
	}

	return err
}
