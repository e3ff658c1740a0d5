package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
	"github.com/segue-cluster/segue/internal/httpapi/apitest"
)

// client returns a client of h.
func client(t *testing.T, h http.Handler, token string) *httpapi.Client {
	t.Helper()

	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)

	c, err := httpapi.NewClient(httpapi.ClientConfig{Addr: srv.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(c.Close)

	return c
}

func TestClientReads(t *testing.T) {
	t.Parallel()

	v := httpapi.BuildVersion()
	want := apitest.Example(noon())
	c := client(t, httpapi.Admin(example(), httpapi.Options{Token: "t", Version: v}), "t")
	ctx := t.Context()

	status, err := c.Status(ctx)
	wantStatus := want.Status
	wantStatus.Rollout = &want.Rollouts[0].RolloutSummary
	same(t, "Status", status, wantStatus, err)

	members, err := c.Members(ctx)
	same(t, "Members", members, want.Members, err)

	owners, err := c.Owners(ctx, httpapi.OwnerFilter{})
	same(t, "Owners", owners, want.Owners, err)

	owners, err = c.Owners(ctx, httpapi.OwnerFilter{
		Shards: []segue.ShardID{4, 6}, Node: apitest.Name(1), Release: "1.0.0", State: httpapi.ShardHeld,
	})
	same(t, "Owners", owners, want.Owners[4:5], err)

	want.Rollouts[1].Ledger.Held = []httpapi.Held{}
	rollouts, err := c.Rollouts(ctx)
	same(t, "Rollouts", rollouts, want.Rollouts, err)

	rollout, err := c.Rollout(ctx, 0)
	same(t, "Rollout(0)", rollout, want.Rollouts[0], err)

	rollout, err = c.Rollout(ctx, 1)
	same(t, "Rollout(1)", rollout, want.Rollouts[1], err)

	losses, err := c.Losses(ctx)
	same(t, "Losses", losses, want.Losses, err)

	version, err := c.Version(ctx)
	same(t, "Version", version, v, err)
}

func same(t *testing.T, what string, got, want any, err error) {
	t.Helper()

	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

func TestClientChanges(t *testing.T) {
	t.Parallel()

	b := example()
	c := client(t, httpapi.Admin(b, httpapi.Options{}), "")
	ctx := t.Context()

	aborted, err := c.AbortRollout(ctx, 2, httpapi.AbortRequest{Reason: "slow", Actor: "bob"})
	if err != nil || aborted.Phase != httpapi.Aborting || !aborted.Aborted {
		t.Errorf("AbortRollout(2) = %+v, %v", aborted, err)
	}

	b.Edit(func(c *apitest.Cluster) { c.Rollouts[0].Phase = httpapi.RolledBack })

	undo, err := c.UndoRollout(ctx, httpapi.UndoRequest{RequestID: "u"})
	if err != nil || undo.Revision != 3 || undo.Undoes != 1 {
		t.Errorf("UndoRollout() = %+v, %v", undo, err)
	}

	b.Edit(func(c *apitest.Cluster) { c.Rollouts[0].Phase = httpapi.Completed })

	for range 2 { // the second is the same request
		ro, err := c.StartRollout(ctx, httpapi.StartRequest{To: "1.0.1", RequestID: "s"})
		if err != nil || ro.Revision != 4 {
			t.Errorf("StartRollout() = %+v, %v", ro, err)
		}
	}

	m, err := c.Drain(ctx, apitest.Name(0))
	if err != nil || !m.Draining {
		t.Errorf("Drain() = %+v, %v", m, err)
	}

	m, err = c.Undrain(ctx, apitest.Node(0).String())
	if err != nil || m.Draining {
		t.Errorf("Undrain() = %+v, %v", m, err)
	}

	if _, err := c.Drain(ctx, "a/b%2F"); !errors.Is(err, segue.ErrNotFound) || !strings.Contains(err.Error(), `"a/b%2F"`) {
		t.Errorf("Drain of a strange name = %v, want ErrNotFound", err)
	}
}

func TestClientErrors(t *testing.T) {
	t.Parallel()

	b := example()
	c := client(t, httpapi.Admin(b, httpapi.Options{}), "")

	for cond := range codes() {
		b.Fail(fmt.Errorf("node a: %w", cond))

		_, err := c.StartRollout(t.Context(), httpapi.StartRequest{To: "2"})
		if !errors.Is(err, cond) || err.Error() != "node a: "+cond.Error() {
			t.Errorf("StartRollout() = %v, want %v", err, cond)
		}
	}

	private := client(t, httpapi.Admin(b, httpapi.Options{Token: "t"}), "wrong")
	if _, err := private.Status(t.Context()); !errors.Is(err, httpapi.ErrUnauthorized) {
		t.Errorf("Status() with a wrong token = %v, want ErrUnauthorized", err)
	}
}

func TestClientStrangeServers(t *testing.T) {
	t.Parallel()

	for name, h := range map[string]http.HandlerFunc{
		"text":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"broken":   func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") },
		"problem":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", httpapi.ProblemType) },
		"hang up":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		if _, err := client(t, h, "").Status(t.Context()); !errors.Is(err, httpapi.ErrUnreachable) {
			t.Errorf("Status() of a server that answers with %s = %v, want ErrUnreachable", name, err)
		}
	}

	c, err := httpapi.NewClient(httpapi.ClientConfig{Addr: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := c.Status(t.Context()); !errors.Is(err, httpapi.ErrUnreachable) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Status() of nobody = %v, want ErrUnreachable", err)
	}

	slow := client(t, httpapi.Gateway(stuck{}, httpapi.Options{}), "")

	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()

	if _, err := slow.Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Status() after the deadline = %v, want DeadlineExceeded", err)
	}
}

func TestClientUnix(t *testing.T) {
	t.Parallel()

	addr := "unix://" + filepath.Join(t.TempDir(), "a.sock")

	ln, err := httpapi.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)

	go func() {
		done <- httpapi.Serve(ctx, ln, httpapi.ServeConfig{Handler: httpapi.Admin(example(), httpapi.Options{})})
	}()

	c, err := httpapi.NewClient(httpapi.ClientConfig{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}

	if s, err := c.Status(t.Context()); err != nil || s.Cluster != "donation-prod" {
		t.Errorf("Status() = %+v, %v", s, err)
	}

	c.Close()
	cancel()

	if err := <-done; err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()

	for _, addr := range []string{"", "ftp://x", "http://", "http://x?y", "http://user:pw@x", "http://a b"} {
		if _, err := httpapi.NewClient(httpapi.ClientConfig{Addr: addr}); err == nil {
			t.Errorf("NewClient(%q) accepts it", addr)
		}
	}
}
