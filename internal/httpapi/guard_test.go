package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

func TestToken(t *testing.T) {
	t.Parallel()

	for name, h := range map[string]http.Handler{
		"admin":   httpapi.Admin(example(), httpapi.Options{Token: "s3cret"}),
		"gateway": httpapi.Gateway(&echo{}, httpapi.Options{Token: "s3cret"}),
	} {
		for _, headers := range [][]string{
			{},
			{"Authorization", "s3cret"},
			{"Authorization", "Basic s3cret"},
			{"Authorization", "Bearer "},
			{"Authorization", "Bearer s3cre"},
			{"Authorization", "Bearer s3cret2"},
		} {
			w := request(h, http.MethodGet, "/v1/nowhere", "", headers...)

			p := problemOf(t, w.Result())
			if p.Status != http.StatusUnauthorized || p.Code != "unauthorized" || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q = %+v, want 401 and WWW-Authenticate", name, headers, p)
			}

			if strings.Contains(w.Body.String(), "s3cre") {
				t.Errorf("%s with %q tells the token: %s", name, headers, w.Body)
			}
		}

		w := request(h, http.MethodGet, "/v1/nowhere", "", "Authorization", "Bearer s3cret", "Host", "node-1.example:7950")
		if w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
			t.Errorf("%s with the token = %d %s", name, w.Code, w.Body)
		}
	}
}

func TestHostNames(t *testing.T) {
	t.Parallel()

	h := httpapi.Admin(example(), httpapi.Options{})

	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:7950": 200, "[::1]:7950": 200, "[::1]": 200, "localhost:7950": 200, "localhost": 200,
		"evil.example": 403, "evil.example:7950": 403, "127.0.0.1.evil.example:7950": 403, "": 403,
	} {
		if w := request(h, http.MethodGet, "/v1/status", "", "Host", host); w.Code != want {
			t.Errorf("GET with Host %q = %d, want %d: %s", host, w.Code, want, w.Body)
		}
	}

	if w := request(httpapi.Gateway(&echo{}, httpapi.Options{}), http.MethodPost, "/v1/call/a/b/c", "", "Host", "donations:8080"); w.Code != 200 {
		t.Errorf("call with a service name as Host = %d, want 200: %s", w.Code, w.Body)
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()

	b := example()
	for name, h := range map[string]http.Handler{
		"/v1/rollouts/2/abort": httpapi.Admin(b, httpapi.Options{}),
		"/v1/call/a/b/c":       httpapi.Gateway(&echo{}, httpapi.Options{}),
	} {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
		} {
			p := problemOf(t, request(h, http.MethodPost, name, "", headers...).Result())
			if p.Status != http.StatusForbidden || p.Code != "forbidden" {
				t.Errorf("POST %s with %q = %+v, want 403", name, headers, p)
			}
		}

		if w := request(h, http.MethodPost, name, "", "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusOK {
			t.Errorf("POST %s of the same origin = %d %s", name, w.Code, w.Body)
		}
	}

	if got := len(b.Calls()); got != 1 {
		t.Errorf("the backend was asked %d times, want 1", got)
	}
}

// stuck is a Caller whose calls wait for their contexts.
type stuck struct{ entered chan struct{} }

func (s stuck) Call(ctx context.Context, _ segue.Address, _ string, _ []byte, _ string) (httpapi.Result, error) {
	s.entered <- struct{}{}

	<-ctx.Done()

	return httpapi.Result{}, ctx.Err()
}

func TestInFlight(t *testing.T) {
	t.Parallel()

	const limit = 2

	s := stuck{entered: make(chan struct{})}
	h := httpapi.Gateway(s, httpapi.Options{MaxInFlight: limit})
	ctx, cancel := context.WithTimeout(t.Context(), soon)

	done := make(chan int, limit)

	for range limit {
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/call/a/b/c", nil)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)

			done <- w.Code
		}()

		<-s.entered
	}

	p := problemOf(t, request(h, http.MethodPost, "/v1/call/a/b/c", "").Result())
	if p.Status != http.StatusServiceUnavailable || p.Code != "retry" || p.RetryAfter == 0 {
		t.Errorf("call over the limit = %+v, want 503 retry", p)
	}

	cancel()

	for range limit {
		<-done
	}
}
