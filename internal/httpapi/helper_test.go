package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/segue-cluster/segue/internal/httpapi"
	"github.com/segue-cluster/segue/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon bounds every wait of the tests. It is reached only when one fails.
const soon = 10 * time.Second

// noon is when the example cluster is looked at.
func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

func example() *apitest.Backend { return apitest.New(apitest.Example(noon())) }

// request asks h, as a client on this machine would.
func request(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.TODO(), method, target, bytes.NewReader([]byte(body)))
	r.Host = "127.0.0.1:7950"

	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]

			continue
		}

		r.Header.Add(headers[i], headers[i+1])
	}

	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)

	return w
}

// golden compares got with a file under testdata/golden. Files are part of the
// API's contract: UPDATE_GOLDEN=1 writes those that do not exist yet, and
// nothing changes one that does.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()

	path := filepath.Join("testdata", "golden", name)

	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}

		return
	}

	if err != nil {
		t.Fatalf("%v; UPDATE_GOLDEN=1 writes files that do not exist", err)
	}

	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// indent makes JSON readable for golden files.
func indent(t *testing.T, b []byte) []byte {
	t.Helper()

	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatalf("not JSON: %v: %s", err, b)
	}

	return append(bytes.TrimSpace(out.Bytes()), '\n')
}

// problemOf reads an answer that must be a problem, and checks that its parts
// agree.
func problemOf(t *testing.T, resp *http.Response) httpapi.Problem {
	t.Helper()

	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	if got := resp.Header.Get("Content-Type"); got != httpapi.ProblemType {
		t.Fatalf("Content-Type = %q, want %q; body %s", got, httpapi.ProblemType, body)
	}

	var p httpapi.Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("problem: %v: %s", err, body)
	}

	if p.Status != resp.StatusCode || p.Title == "" || p.Detail == "" || p.Type != "urn:segue:problem:"+string(p.Code) {
		t.Errorf("problem of status %d is not whole: %+v", resp.StatusCode, p)
	}

	if (p.RetryAfter > 0) != (resp.Header.Get("Retry-After") != "") {
		t.Errorf("retry_after = %d, Retry-After = %q", p.RetryAfter, resp.Header.Get("Retry-After"))
	}

	return p
}
