package httpapi_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/segue-cluster/segue/internal/httpapi"
)

// health is a Health whose answers are fixed.
type health struct{ live, ready, handoff, started []httpapi.Check }

func (h health) Live() []httpapi.Check            { return h.live }
func (h health) Ready() []httpapi.Check           { return h.ready }
func (h health) ReadyForHandoff() []httpapi.Check { return h.handoff }
func (h health) Started() []httpapi.Check         { return h.started }

func TestOps(t *testing.T) {
	t.Parallel()

	draining := []httpapi.Check{{Name: "joined"}, {Name: "serving", Err: errors.New("the node is draining")}}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	h := httpapi.Ops(health{live: []httpapi.Check{{Name: "loops"}}, ready: draining, handoff: draining}, metrics)

	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{http.MethodGet, "/livez", 200, "ok\n"},
		{http.MethodHead, "/livez", 200, "ok\n"},
		{http.MethodGet, "/livez?verbose", 200, "[+]loops ok\nlivez check passed\n"},
		{http.MethodGet, "/startupz", 200, "ok\n"},
		{http.MethodGet, "/readyz", 503, "[+]joined ok\n[-]serving failed: the node is draining\nreadyz check failed\n"},
		{http.MethodGet, "/readyz/handoff", 503, "[+]joined ok\n[-]serving failed: the node is draining\nreadyz/handoff check failed\n"},
		{http.MethodGet, "/metrics", 200, "up 1\n"},
	} {
		w := request(h, tt.method, tt.path, "")
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%s %s = %d %q, want %d %q", tt.method, tt.path, w.Code, w.Body, tt.status, tt.body)
		}
	}

	for _, tt := range []struct {
		h            http.Handler
		method, path string
		status       int
	}{
		{h, http.MethodPost, "/livez", 405},
		{h, http.MethodPost, "/metrics", 405},
		{h, http.MethodGet, "/healthz", 404},
		{httpapi.Ops(health{}, nil), http.MethodGet, "/metrics", 404},
	} {
		if p := problemOf(t, request(tt.h, tt.method, tt.path, "").Result()); p.Status != tt.status {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.path, p.Status, tt.status)
		}
	}
}
