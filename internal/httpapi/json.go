package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
)

// bodyTimeout is how long a body may take to come in.
const bodyTimeout = 10 * time.Second

// writeJSON sends v. Errors of the connection have nobody to be told to.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var buf bytes.Buffer

	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)

	if err := enc.Encode(v); err != nil {
		writeProblem(w, newProblem(segue.ErrInternal.Code(), "encode the answer: "+err.Error()))

		return
	}

	writeBytes(w, status, "application/json", buf.Bytes())
}

func writeProblem(w http.ResponseWriter, p Problem) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}

	b, err := json.Marshal(p)
	if err != nil { // strings and numbers: cannot happen
		b = []byte("{}")
	}

	writeBytes(w, p.Status, ProblemType, append(b, '\n'))
}

func writeBytes(w http.ResponseWriter, status int, mediaType string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) //nolint:errcheck // the client is gone: nobody to tell
}

// readBody reads the whole body, at most limit bytes of it.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	// Not every ResponseWriter can; a real connection can.
	rc := http.NewResponseController(w)
	armed := rc.SetReadDeadline(time.Now().Add(bodyTimeout)) == nil

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))

	if armed && err == nil {
		// The server watches the connection while the handler runs: a deadline
		// that passes then would look like a client that is gone.
		err = rc.SetReadDeadline(time.Time{})
	}

	if err == nil {
		return body, nil
	}

	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problem(segue.ErrTooLarge.Code(), "the body is over the limit of %d bytes", large.Limit)
	}

	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return nil, badRequest("the body did not come in within %s", bodyTimeout)
	}

	return nil, badRequest("read the body: %v", err)
}

// decode reads a body that holds one JSON object, or nothing, into v.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := readBody(w, r, MaxAdminBody)
	if err != nil {
		return err
	}

	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}

	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()

	if err := dec.Decode(v); err != nil {
		return badRequest("the body is not as expected: %s", explain(err))
	}

	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("the body holds more than one JSON value")
	}

	return nil
}

// explain says in words for people why JSON could not be decoded.
func explain(err error) string {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return e.Error() + " at byte " + strconv.FormatInt(e.Offset, 10)
	}

	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "field " + strconv.Quote(e.Field) + " cannot hold " + e.Value
	}

	return strings.TrimPrefix(err.Error(), "json: ")
}

// checkText refuses what a record could not hold.
func checkText(what, s string) error {
	if len(s) > MaxText {
		return badRequest("%s has %d bytes, at most %d are allowed", what, len(s), MaxText)
	}

	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return badRequest("%s has a control character at byte %d", what, i)
		}
	}

	return nil
}

// checkRequestID refuses an id that is not 1 to [MaxRequestID] printable ASCII
// characters.
func checkRequestID(what, s string) error {
	if s == "" || len(s) > MaxRequestID {
		return badRequest("%s has %d characters, want 1 to %d", what, len(s), MaxRequestID)
	}

	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return badRequest("%s has a character at byte %d that is not printable ASCII", what, i)
		}
	}

	return nil
}

// list returns s, or an empty list for nil: null is not a list.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}

	return s
}
