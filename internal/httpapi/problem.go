package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/segue-cluster/segue"
)

// ProblemType is the media type of errors.
const ProblemType = "application/problem+json"

// A Problem is an error as it is sent (RFC 9457).
type Problem struct {
	Type       string     `json:"type"`                  // "urn:segue:problem:" and the code
	Title      string     `json:"title"`                 // the condition, the same for every problem of the code
	Status     int        `json:"status"`                // of HTTP
	Detail     string     `json:"detail"`                // what happened this time
	Code       segue.Code `json:"code"`                  // stable
	Next       string     `json:"next,omitempty"`        // what to do
	RetryAfter int        `json:"retry_after,omitempty"` // seconds; 0 if a retry does not help by itself
}

// Codes of problems that only HTTP has. Wire.
const (
	codeUnauthorized segue.Code = "unauthorized"
	codeForbidden    segue.Code = "forbidden"
	codeNoPath       segue.Code = "no_such_path"
	codeMethod       segue.Code = "method_not_allowed"
)

// ErrUnauthorized is returned by [Client] when the token is missing or wrong, or
// when the request is not allowed for another reason. Do not retry.
var ErrUnauthorized = errors.New("not allowed")

// A ProblemError is an error that is, or was, a [Problem]. It matches the
// condition of its code, as [segue.FromCode] rebuilds it, or [ErrUnauthorized].
type ProblemError struct{ Problem Problem }

// Error returns the detail of the problem.
func (e *ProblemError) Error() string {
	if e.Problem.Detail == "" {
		return e.Problem.Title
	}

	return e.Problem.Detail
}

// Unwrap returns the condition.
func (e *ProblemError) Unwrap() error {
	switch e.Problem.Code {
	case codeUnauthorized, codeForbidden:
		return ErrUnauthorized
	case codeNoPath, codeMethod:
		return segue.ErrUnsupported
	}

	return segue.FromCode(e.Problem.Code, e.Problem.Detail)
}

// ProblemOf returns the problem of an error: that of the [ProblemError] in its
// tree, or the one of its [segue.CodeOf] with the error's text as detail. Ends
// of contexts are those of the request: its deadline, or the listener's end.
func ProblemOf(err error) Problem {
	if p, ok := errors.AsType[*ProblemError](err); ok {
		return p.Problem
	}

	code := segue.CodeOf(err)

	switch {
	case code != segue.ErrInternal.Code():
	case errors.Is(err, context.DeadlineExceeded):
		code = segue.ErrDeadline.Code()
	case errors.Is(err, context.Canceled):
		code = segue.ErrOutcomeUnknown.Code()
	}

	return newProblem(code, err.Error())
}

func newProblem(code segue.Code, detail string) Problem {
	m := meaningOf(code)

	return Problem{
		Type: "urn:segue:problem:" + string(code), Title: titleOf(code, m.status), Status: m.status, Detail: detail,
		Code: code, Next: m.next, RetryAfter: m.retryAfter,
	}
}

// problem returns an error with a detail.
func problem(code segue.Code, format string, args ...any) error {
	return &ProblemError{Problem: newProblem(code, fmt.Sprintf(format, args...))}
}

func badRequest(format string, args ...any) error {
	return problem(segue.ErrBadRequest.Code(), format, args...)
}

func titleOf(code segue.Code, status int) string {
	var c *segue.ConditionError
	if errors.As(segue.FromCode(code, ""), &c) && c.Code() == code {
		return c.Error()
	}

	return http.StatusText(status)
}

// meaning is what a code is in HTTP.
type meaning struct {
	status     int
	retryAfter int // seconds
	next       string
}

// Seconds to wait before a retry: of what a moment mends, and of what ends with
// a rollout.
const (
	retrySoon  = 1
	retryLater = 5
)

// meaningOf returns what a code means. Codes of newer releases are internal
// errors to this one.
func meaningOf(code segue.Code) meaning {
	switch code {
	case "not_owner", "retry":
		return meaning{http.StatusServiceUnavailable, retrySoon, "send it again, with the same Segue-Request-Id if it had one"}
	case "no_leader":
		return meaning{
			http.StatusServiceUnavailable, retrySoon,
			"wait until a majority of the voters reach each other; GET /v1/status shows how many do",
		}
	case "stopping":
		return meaning{http.StatusServiceUnavailable, retrySoon, "send it to another node"}
	case "kind_not_served", "not_yet_served":
		return meaning{http.StatusServiceUnavailable, retryLater, "send it again after the rollout"}
	case "mailbox_full", "busy":
		return meaning{http.StatusTooManyRequests, retrySoon, "send less, or raise the limit of the kind"}
	case "outcome_unknown", "deadline_exceeded":
		return meaning{
			http.StatusGatewayTimeout, 0,
			"it may have taken effect: look, or send it again with the same request id",
		}
	}

	return finalOf(code)
}

// finalOf returns the meaning of codes that a retry does not help.
func finalOf(code segue.Code) meaning {
	switch code {
	case "not_found":
		return meaning{status: http.StatusNotFound}
	case "unknown_kind", "unknown_message":
		return meaning{status: http.StatusNotFound, next: "look for a mistyped name, and which release serves it"}
	case "bad_request":
		return meaning{status: http.StatusBadRequest}
	case "too_large":
		return meaning{status: http.StatusRequestEntityTooLarge, next: "send less, or raise the limit"}
	case "handler":
		return meaning{status: http.StatusUnprocessableEntity}
	case "refused":
		return meaning{status: http.StatusConflict, next: "look at the present state, then decide"}
	case "fenced", "duplicate_name":
		return meaning{status: http.StatusConflict}
	case "process_lost":
		return meaning{status: http.StatusGone, next: "its node died; the OnLost of the kind, or a reset, decides what follows"}
	case "process_poisoned":
		return meaning{status: http.StatusInternalServerError, next: "find the panic in the log of its owner, then reset the process"}
	case "wrong_cluster":
		return meaning{status: http.StatusForbidden}
	case "unsupported":
		return meaning{status: http.StatusNotImplemented}
	case codeUnauthorized:
		return meaning{status: http.StatusUnauthorized, next: "send the header Authorization: Bearer TOKEN"}
	case codeForbidden:
		return meaning{status: http.StatusForbidden}
	case codeNoPath:
		return meaning{status: http.StatusNotFound, next: "look at the paths that the documentation of the API lists"}
	case codeMethod:
		return meaning{status: http.StatusMethodNotAllowed, next: "use a method of the header Allow"}
	}

	return meaning{status: http.StatusInternalServerError, next: "look into the log of the node that answered"}
}
