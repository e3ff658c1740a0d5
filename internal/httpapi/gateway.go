package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/segue-cluster/segue"
)

type gateway struct {
	c Caller
	o Options
}

// Gateway returns the handler of calls; doc.go says how they look. It answers
// everything under /v1/call/. A browser of another origin is refused, one that
// sends no Origin and other programs are not.
func Gateway(c Caller, o Options) http.Handler {
	g := &gateway{c: c, o: o.withDefaults(DefaultCallTimeout)}
	g.o.Timeout = min(g.o.Timeout, MaxCallTimeout)

	guarded := newGuard(g.o, methods{http.MethodPost: g.call})
	guarded.anyHost = true // services call each other by names

	return guarded
}

func (g *gateway) call(w http.ResponseWriter, r *http.Request) {
	res, err := g.run(w, r)

	if res.Owner != "" {
		w.Header().Set(headerOwner, res.Owner)
	}

	if res.Token != (segue.Token{}) {
		w.Header().Set(headerToken, res.Token.String())
	}

	switch {
	case err != nil:
		g.fail(w, r, err)
	case len(res.Body) == 0:
		writeBytes(w, http.StatusOK, "application/json", []byte("null"))
	default:
		writeBytes(w, http.StatusOK, "application/json", res.Body)
	}
}

func (g *gateway) run(w http.ResponseWriter, r *http.Request) (Result, error) {
	to, message, err := ParseCallPath(r.URL.EscapedPath())
	if err != nil {
		return Result{}, err
	}

	if err := noQuery(r); err != nil {
		return Result{}, err
	}

	id, err := oneHeader(r, headerRequestID)
	if err == nil && id != "" {
		err = checkRequestID(headerRequestID, id)
	}

	if err != nil {
		return Result{}, err
	}

	timeout, err := g.timeout(r)
	if err != nil {
		return Result{}, err
	}

	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()

	body, err := readBody(w, r, g.o.MaxBody)
	if err != nil {
		return Result{}, err
	}

	if len(bytes.TrimSpace(body)) == 0 {
		body = nil
	} else if err := checkJSON(body); err != nil {
		return Result{}, err
	}

	return g.c.Call(ctx, to, message, body, id)
}

// timeout returns how long the call may take.
func (g *gateway) timeout(r *http.Request) (time.Duration, error) {
	s, err := oneHeader(r, headerTimeout)
	if err != nil || s == "" {
		return g.o.Timeout, err
	}

	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > MaxCallTimeout {
		return 0, badRequest("%s %q is not a duration from 1ns to %s, as in 250ms or 10s", headerTimeout, s, MaxCallTimeout)
	}

	return d, nil
}

func (g *gateway) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err)
	if p.Code == segue.ErrInternal.Code() {
		g.o.Logger.ErrorContext(r.Context(), "call failed", "path", r.URL.Path, "err", err)
		p.Detail = "an internal error; the log of the node says more" // it is not the clients' business
	}

	writeProblem(w, p)
}

// oneHeader returns the value of a header that may be given once, "" if it was
// not.
func oneHeader(r *http.Request, name string) (string, error) {
	values := r.Header.Values(name)
	if len(values) > 1 {
		return "", badRequest("the header %s is given %d times", name, len(values))
	}

	if len(values) == 0 {
		return "", nil
	}

	if values[0] == "" {
		return "", badRequest("the header %s is empty", name)
	}

	return values[0], nil
}

// checkJSON refuses what the owner could not decode, before it travels.
func checkJSON(body []byte) error {
	if json.Valid(body) {
		return nil
	}

	var raw json.RawMessage

	return badRequest("the body is not JSON: %s", explain(json.Unmarshal(body, &raw)))
}
