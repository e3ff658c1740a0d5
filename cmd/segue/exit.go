package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/segue-cluster/segue/internal/httpapi"
)

// Exit codes. Scripts depend on them: never change one.
const (
	exitOK          = 0
	exitUnexpected  = 1
	exitUsage       = 2
	exitRefused     = 3   // by the present state of the cluster
	exitNotFound    = 4   // also: a filter that nothing matches
	exitUnavailable = 5   // cannot connect, no leader, no quorum; try later
	exitNotAllowed  = 6   // token or cookie
	exitTimeout     = 7   // of this program; what it asked for goes on
	exitPaused      = 10  // the rollout waits for a person
	exitAborted     = 11  // the rollout was taken back by a person
	exitRolledBack  = 12  // the rollout went back by itself; the cluster is healthy
	exitFailed      = 13  // the rollout can go neither way; a person is needed
	exitInterrupted = 130 // the watch only
)

// An exitError ends the program with a code. With a nil err everything was said
// already.
type exitError struct {
	code int
	err  error
	next string // what to do, "" if the error says so
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}

	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// report prints err, of a command, and returns the exit code.
func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}

	code, next := a.judge(ctx, cmd, err)

	if e, ok := errors.AsType[*exitError](err); !ok || e.err != nil {
		a.notef("segue: %s", printable(err.Error()))
	}

	if next != "" {
		a.notef("next: %s", printable(next))
	}

	return code
}

// judge returns the exit code of an error, and what to do about it.
func (a *app) judge(ctx context.Context, cmd *cobra.Command, err error) (code int, next string) {
	help := cmd.CommandPath() + " --help"

	if e, ok := errors.AsType[*exitError](err); ok {
		if e.code == exitUsage {
			return e.code, help
		}

		return e.code, e.next
	}

	if !a.started { // flags or arguments
		return exitUsage, help
	}

	if p, ok := errors.AsType[*httpapi.ProblemError](err); ok {
		return codeOfStatus(p.Problem.Status), p.Problem.Next
	}

	switch {
	case ctx.Err() != nil:
		return exitInterrupted, ""
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout, ""
	case errors.Is(err, httpapi.ErrUnreachable):
		return exitUnavailable, "name the admin address of a node that runs, with --addr or SEGUE_ADDR"
	}

	return exitUnexpected, ""
}

func codeOfStatus(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return exitUsage
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitNotAllowed
	case http.StatusNotFound, http.StatusGone:
		return exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return exitRefused
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway:
		return exitUnavailable
	case http.StatusGatewayTimeout:
		return exitTimeout
	}

	return exitUnexpected
}
