package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// echo is a Caller that answers with err or with what it was asked.
type echo struct {
	err    error
	result httpapi.Result
	within time.Duration // that the last call had
}

func (e *echo) Call(ctx context.Context, to segue.Address, message string, body []byte, id string) (httpapi.Result, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return httpapi.Result{}, errors.New("no deadline")
	}

	e.within = time.Until(deadline)

	res := e.result
	if res.Body == nil {
		res.Body = fmt.Appendf(nil, `[%q,%q,%q,%q]`, to, message, body, id)
	}

	return res, e.err
}

func TestCall(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		path, body string
		headers    []string
		want       string
	}{
		{"/v1/call/campaign/clean-water/donate", `{"cents":500}`, nil, `["campaign/clean-water","donate","{\"cents\":500}",""]`},
		{"/v1/call/campaign/clean-water/total", "", []string{"Segue-Request-Id", "r-1"}, `["campaign/clean-water","total","","r-1"]`},
		{"/v1/call/campaign/x/total", " \n", nil, `["campaign/x","total","",""]`},
		{"/v1/call/campaign/a%2Fb%20%C3%A9/total", "null", nil, `["campaign/a/b é","total","null",""]`},
		{"/v1/call/campaign/%2F/total", "", nil, `["campaign//","total","",""]`},
		{"/v1/call/campaign/%2E%2E/total", "", nil, `["campaign/..","total","",""]`},
		{"/v1/call/campaign/%252F/total", "", nil, `["campaign/%2F","total","",""]`},
		{"/v1/call/campaign/a+b/total", "", nil, `["campaign/a+b","total","",""]`},
	} {
		w := request(httpapi.Gateway(&echo{}, httpapi.Options{}), http.MethodPost, tt.path, tt.body, tt.headers...)
		if w.Code != http.StatusOK || w.Body.String() != tt.want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("POST %s %q = %d %s %s, want 200 %s", tt.path, tt.body, w.Code, w.Header().Get("Content-Type"), w.Body, tt.want)
		}
	}
}

func TestCallAnswer(t *testing.T) {
	t.Parallel()

	res := httpapi.Result{Body: []byte{}, Owner: "app_1@h", Token: segue.Token{Generation: 1, Epoch: 20, Session: 3}}

	for _, err := range []error{nil, segue.FromCode("handler", "the campaign is over")} {
		w := request(httpapi.Gateway(&echo{err: err, result: res}, httpapi.Options{}), http.MethodPost, "/v1/call/a/b/c", "")

		got := [...]string{w.Header().Get("Segue-Owner"), w.Header().Get("Segue-Token")}
		if want := [...]string{"app_1@h", "1.20.3"}; got != want {
			t.Errorf("owner and token = %q, want %q", got, want)
		}

		if err == nil && w.Body.String() != "null" {
			t.Errorf("an empty reply is %q, want null", w.Body)
		}

		if err != nil {
			if p := problemOf(t, w.Result()); p.Status != 422 || p.Detail != "the campaign is over" {
				t.Errorf("a handler's error = %+v", p)
			}
		}
	}

	w := request(httpapi.Gateway(&echo{}, httpapi.Options{}), http.MethodPost, "/v1/call/a/b/c", "")
	if _, ok := w.Header()["Segue-Token"]; ok {
		t.Errorf("Segue-Token = %q without a token", w.Header().Get("Segue-Token"))
	}
}

func TestCallRefuses(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		method, path, body string
		headers            []string
		status             int
		detail             string // part of it
	}{
		{http.MethodGet, "/v1/call/a/b/c", "", nil, 405, "GET is not a method"},
		{http.MethodPost, "/v1/status", "", nil, 404, "calls go to /v1/call/{kind}/{key}/{message}"},
		{http.MethodPost, "/v1/call/a/b", "", nil, 400, "2 parts"},
		{http.MethodPost, "/v1/call/a/b/c/d", "", nil, 400, "written %2F"},
		{http.MethodPost, "/v1/call/A/b/c", "", nil, 400, `kind "A"`},
		{http.MethodPost, "/v1/call/a//c", "", nil, 400, "key has 0 bytes"},
		{http.MethodPost, "/v1/call/a/%FF/c", "", nil, 400, "not valid UTF-8"},
		{http.MethodPost, "/v1/call/a/b%00/c", "", nil, 400, "NUL"},
		{http.MethodPost, "/v1/call/a/" + strings.Repeat("k", segue.MaxKeyLen+1) + "/c", "", nil, 400, "513 bytes"},
		{http.MethodPost, "/v1/call/a/b/Total", "", nil, 400, `message "Total"`},
		{http.MethodPost, "/v1/call/a/b/c?timeout=1s", "", nil, 400, "no query parameters"},
		{http.MethodPost, "/v1/call/a/b/c", `{"cents":5`, nil, 400, "not JSON: unexpected end of JSON input at byte 10"},
		{http.MethodPost, "/v1/call/a/b/c", `1 2`, nil, 400, "not JSON"},
		{http.MethodPost, "/v1/call/a/b/c", `"` + strings.Repeat("x", 99) + `"`, nil, 413, "100 bytes"},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Request-Id", ""}, 400, "Segue-Request-Id is empty"},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Request-Id", "é"}, 400, "printable ASCII"},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Request-Id", strings.Repeat("i", 129)}, 400, "129 characters"},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Request-Id", "1", "Segue-Request-Id", "2"}, 400, "2 times"},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Timeout", "soon"}, 400, `"soon" is not a duration`},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Timeout", "0s"}, 400, "not a duration from"},
		{http.MethodPost, "/v1/call/a/b/c", "", []string{"Segue-Timeout", "61s"}, 400, "to 1m0s"},
	} {
		w := request(httpapi.Gateway(&echo{}, httpapi.Options{MaxBody: 100}), tt.method, tt.path, tt.body, tt.headers...)

		p := problemOf(t, w.Result())
		if p.Status != tt.status || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s %s %q %q = %d %q, want %d and %q", tt.method, tt.path, tt.body, tt.headers, p.Status, p.Detail, tt.status, tt.detail)
		}
	}

	// At the limits it is accepted.
	w := request(httpapi.Gateway(&echo{}, httpapi.Options{MaxBody: 100}), http.MethodPost,
		"/v1/call/a/"+strings.Repeat("k", segue.MaxKeyLen)+"/c", `"`+strings.Repeat("x", 98)+`"`,
		"Segue-Request-Id", strings.Repeat("i", httpapi.MaxRequestID), "Segue-Timeout", "60s")
	if w.Code != http.StatusOK {
		t.Errorf("call at its limits = %d %s, want 200", w.Code, w.Body)
	}
}

func TestCallErrors(t *testing.T) {
	t.Parallel()

	for c, status := range codes() {
		w := request(httpapi.Gateway(&echo{err: fmt.Errorf("call: %w", c)}, httpapi.Options{}), http.MethodPost, "/v1/call/a/b/c", "")

		p := problemOf(t, w.Result())
		if p.Status != status || p.Code != c.Code() || p.Title != c.Error() {
			t.Errorf("problem of %q = %+v, want status %d", c, p, status)
		}
	}

	p := problemOf(t, request(httpapi.Gateway(&echo{err: errors.New("disk /dev/sda1 is full")}, httpapi.Options{}),
		http.MethodPost, "/v1/call/a/b/c", "").Result())
	if p.Status != 500 || strings.Contains(p.Detail, "sda1") {
		t.Errorf("an internal error = %+v, want 500 without what happened", p)
	}

	w := request(httpapi.Gateway(&echo{err: segue.ErrMailboxFull}, httpapi.Options{}), http.MethodPost, "/v1/call/a/b/c", "")
	golden(t, "problem.json", indent(t, w.Body.Bytes()))
}

func TestCallTimeout(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		option time.Duration
		header string
		want   time.Duration
	}{
		{0, "", httpapi.DefaultCallTimeout},
		{-1, "", httpapi.DefaultCallTimeout},
		{2 * time.Second, "", 2 * time.Second},
		{time.Hour, "", httpapi.MaxCallTimeout},
		{2 * time.Second, "5s", 5 * time.Second},
	} {
		var headers []string
		if tt.header != "" {
			headers = []string{"Segue-Timeout", tt.header}
		}

		e := &echo{}
		request(httpapi.Gateway(e, httpapi.Options{Timeout: tt.option}), http.MethodPost, "/v1/call/a/b/c", "", headers...)

		if e.within > tt.want || e.within < tt.want-time.Second {
			t.Errorf("Timeout %s, header %q: the call had %s, want %s", tt.option, tt.header, e.within, tt.want)
		}
	}

	s := stuck{entered: make(chan struct{}, 1)}

	p := problemOf(t, request(httpapi.Gateway(s, httpapi.Options{}), http.MethodPost, "/v1/call/a/b/c", "", "Segue-Timeout", "1ms").Result())
	if p.Status != http.StatusGatewayTimeout || p.Code != "deadline_exceeded" || p.RetryAfter != 0 {
		t.Errorf("a call that takes too long = %+v, want 504", p)
	}
}

// TestCallCut checks that a call that is cut off is never answered as if it
// had succeeded: its client may still be there.
func TestCallCut(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	s := stuck{entered: make(chan struct{}, 1)}
	w := httptest.NewRecorder()
	httpapi.Gateway(s, httpapi.Options{}).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/call/a/b/c", nil))

	if p := problemOf(t, w.Result()); p.Code != "outcome_unknown" {
		t.Errorf("a call that was cut off = %+v, want outcome_unknown", p)
	}
}

func TestCallPath(t *testing.T) {
	t.Parallel()

	for key, want := range map[string]string{
		"clean-water": "/v1/call/campaign/clean-water/donate",
		"a/b":         "/v1/call/campaign/a%2Fb/donate",
		".":           "/v1/call/campaign/%2E/donate",
		"..":          "/v1/call/campaign/%2E%2E/donate",
		"ä %?#":       "/v1/call/campaign/%C3%A4%20%25%3F%23/donate",
	} {
		if got := httpapi.CallPath(segue.Address{Kind: "campaign", Key: key}, "donate"); got != want {
			t.Errorf("CallPath(%q) = %q, want %q", key, got, want)
		}
	}
}

func FuzzParseCallPath(f *testing.F) {
	for _, s := range []string{
		"/v1/call/a/b/c", "/v1/call/a/%2F/c", "/v1/call/a/%2e%2e/c", "/v1/call/a/%/c", "/v1/call///", "/v1/call/a/b/c/d", "",
		"/v1/call/a/%ff/c", "/v1/call/a/b%00/c", "/v1/call/a/b+c/d",
	} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		to, message, err := httpapi.ParseCallPath(s)
		if err != nil {
			if p := httpapi.ProblemOf(err); p.Status != 400 && p.Status != 404 {
				t.Errorf("ParseCallPath(%q): %+v", s, p)
			}

			return
		}

		if err := to.Validate(); err != nil {
			t.Errorf("ParseCallPath(%q) = %q: %v", s, to, err)
		}

		again, name, err := httpapi.ParseCallPath(httpapi.CallPath(to, message))
		if diff := cmp.Diff([]any{to, message, error(nil)}, []any{again, name, err}); diff != "" {
			t.Errorf("ParseCallPath(CallPath(%q, %q)) (-want +got):\n%s", to, message, diff)
		}
	})
}
