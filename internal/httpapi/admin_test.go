package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
	"github.com/segue-cluster/segue/internal/httpapi/apitest"
)

func TestAdminReads(t *testing.T) {
	t.Parallel()

	h := httpapi.Admin(example(), httpapi.Options{Version: httpapi.Version{
		Segue: "0.1.0", Go: "go1.26", Platform: "linux/amd64", App: "donation_platform", Release: "1.0.0", Node: apitest.Name(1),
	}})

	for file, path := range map[string]string{
		"status.json":          "/v1/status",
		"members.json":         "/v1/members",
		"owners.json":          "/v1/owners",
		"owners_filtered.json": "/v1/owners?shard=4&shard=5&shard=6&release=1.0.0&state=held&node=" + apitest.Node(1).String(),
		"rollouts.json":        "/v1/rollouts",
		"rollout.json":         "/v1/rollouts/2",
		"losses.json":          "/v1/losses",
		"version.json":         "/v1/version",
	} {
		w := request(h, http.MethodGet, path, "")
		if w.Code != http.StatusOK {
			t.Errorf("GET %s: status %d: %s", path, w.Code, w.Body)

			continue
		}

		golden(t, file, indent(t, w.Body.Bytes()))

		got := [...]string{w.Header().Get("Segue-Index"), w.Header().Get("Segue-Leader"), w.Header().Get("Segue-Stale")}
		if want := [...]string{"48213", apitest.Name(0), ""}; got != want {
			t.Errorf("GET %s: index, leader and stale = %q, want %q", path, got, want)
		}
	}

	for _, ref := range []string{"r2", "current"} {
		if w := request(h, http.MethodGet, "/v1/rollouts/"+ref, ""); !strings.Contains(w.Body.String(), `"revision":2,`) {
			t.Errorf("GET /v1/rollouts/%s = %d %s, want revision 2", ref, w.Code, w.Body)
		}
	}
}

func TestAdminReadsOfNothing(t *testing.T) {
	t.Parallel()

	h := httpapi.Admin(apitest.New(apitest.Cluster{}), httpapi.Options{})

	for path, want := range map[string]string{
		"/v1/members": "[]\n", "/v1/owners": "[]\n", "/v1/rollouts": "[]\n", "/v1/losses": "[]\n",
	} {
		w := request(h, http.MethodGet, path, "")
		if got := w.Body.String(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}

		if got := w.Header().Get("Segue-Stale"); got != "true" {
			t.Errorf("GET %s: Segue-Stale = %q, want true", path, got)
		}
	}

	golden(t, "status_empty.json", indent(t, request(h, http.MethodGet, "/v1/status", "").Body.Bytes()))
}

func TestAdminHead(t *testing.T) {
	t.Parallel()

	if w := request(httpapi.Admin(example(), httpapi.Options{}), http.MethodHead, "/v1/status", ""); w.Code != http.StatusOK {
		t.Errorf("HEAD /v1/status: status %d, want 200", w.Code)
	}
}

func TestAdminChanges(t *testing.T) {
	t.Parallel()

	const end = "2026-11-25" // of rollout 2, before the next is started

	finish := func(c *apitest.Cluster) { c.Rollouts[0].Phase = httpapi.Completed }

	for _, tt := range []struct {
		name, path, body string
		before           func(c *apitest.Cluster)
		status           int
		location         string
		call             string
	}{
		{
			"start", "/v1/rollouts", `{"to":"1.0.2","stages":[10,100],"reason":"` + end + `","actor":"bob","request_id":"x"}`, finish,
			http.StatusCreated, "/v1/rollouts/3", `start 1.0.2 [10 100] "2026-11-25" by bob`,
		},
		{
			"start_defaults", "/v1/rollouts", ` {"to":"1.0.2"} `, finish,
			http.StatusCreated, "/v1/rollouts/3", `start 1.0.2 [] "" by api`,
		},
		{
			"undo", "/v1/rollouts/undo", `{"reason":"slow"}`, finish,
			http.StatusCreated, "/v1/rollouts/3", `undo "slow" by api`,
		},
		{
			"abort", "/v1/rollouts/2/abort", `{"reason":"slow","actor":"bob"}`, nil,
			http.StatusOK, "", `abort 2 "slow" by bob`,
		},
		{"abort_current", "/v1/rollouts/current/abort", "", nil, http.StatusOK, "", `abort 2 "" by api`},
		{
			"drain", "/v1/members/" + apitest.Name(1) + "/drain", "", nil,
			http.StatusOK, "", "drain " + apitest.Node(1).String(),
		},
		{
			"undrain", "/v1/members/" + apitest.Node(1).String() + "/undrain", "{}", nil,
			http.StatusOK, "", "undrain " + apitest.Node(1).String(),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			b := example()
			if tt.before != nil {
				b.Edit(tt.before)
			}

			w := request(httpapi.Admin(b, httpapi.Options{}), http.MethodPost, tt.path, tt.body)
			if w.Code != tt.status || w.Header().Get("Location") != tt.location {
				t.Fatalf("POST %s = %d, Location %q, want %d, %q: %s",
					tt.path, w.Code, w.Header().Get("Location"), tt.status, tt.location, w.Body)
			}

			if diff := cmp.Diff([]string{tt.call}, b.Calls()); diff != "" {
				t.Errorf("POST %s asked for (-want +got):\n%s", tt.path, diff)
			}

			if w.Header().Get("Segue-Index") == "" {
				t.Errorf("POST %s: no Segue-Index", tt.path)
			}

			if tt.name != "start_defaults" && tt.name != "undo" { // their request ids are random
				golden(t, "post_"+tt.name+".json", indent(t, w.Body.Bytes()))
			}
		})
	}
}

func TestAdminRefuses(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", httpapi.MaxText+1)

	for _, tt := range []struct {
		method, path, body string
		status             int
		code               segue.Code
		detail             string // part of it
	}{
		{http.MethodGet, "/", "", 404, "no_such_path", "there is no /"},
		{http.MethodGet, "/v2/status", "", 404, "no_such_path", "there is no /v2/status"},
		{http.MethodPost, "/v1/status", "", 405, "method_not_allowed", "POST"},
		{http.MethodGet, "/v1/rollouts/undo", "", 405, "method_not_allowed", "GET"},
		{http.MethodDelete, "/v1/rollouts", "", 405, "method_not_allowed", "DELETE"},
		{http.MethodGet, "/v1/status?verbose", "", 400, "bad_request", "no query parameters"},
		{http.MethodGet, "/v1/owners?shrad=1", "", 400, "bad_request", `unknown query parameter "shrad"`},
		{http.MethodGet, "/v1/owners?shard=-1", "", 400, "bad_request", `shard="-1"`},
		{http.MethodGet, "/v1/owners?node=a&node=b", "", 400, "bad_request", `"node" is given 2 times`},
		{http.MethodGet, "/v1/rollouts/7", "", 404, "not_found", "no rollout 7"},
		{http.MethodGet, "/v1/rollouts/0", "", 400, "bad_request", `"0" is not the revision`},
		{http.MethodGet, "/v1/rollouts/next", "", 400, "bad_request", `"next" is not the revision`},
		{http.MethodPost, "/v1/rollouts", "", 400, "bad_request", `"to" is missing`},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","stags":[1]}`, 400, "bad_request", `unknown field "stags"`},
		{http.MethodPost, "/v1/rollouts", `{"to":2}`, 400, "bad_request", `field "to" cannot hold number`},
		{http.MethodPost, "/v1/rollouts", `{"to":"2"`, 400, "bad_request", "unexpected EOF"},
		{http.MethodPost, "/v1/rollouts", `{"to";"2"}`, 400, "bad_request", "at byte 6"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2"}{}`, 400, "bad_request", "more than one JSON value"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","stages":[50,5,100]}`, 400, "bad_request", "must rise"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","stages":[0,100]}`, 400, "bad_request", "must rise"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","stages":[101]}`, 400, "bad_request", "must rise"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","stages":[5,50]}`, 400, "bad_request", "must end with 100"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","reason":"` + long + `"}`, 400, "bad_request", `"reason" has 513 bytes`},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","actor":"a\nb"}`, 400, "bad_request", `"actor" has a control character at byte 1`},
		{http.MethodPost, "/v1/rollouts", `{"to":"2","request_id":"a b"}`, 400, "bad_request", "not printable ASCII"},
		{http.MethodPost, "/v1/rollouts", `{"to":"2"` + strings.Repeat(" ", httpapi.MaxAdminBody) + `}`, 413, "too_large", "65536 bytes"},
		{http.MethodPost, "/v1/rollouts", `{"to":"1.0.2"}`, 409, "refused", "rollout 2 to 1.0.1 is progressing"},
		{http.MethodPost, "/v1/rollouts?x=1", `{"to":"1.0.2"}`, 400, "bad_request", "no query parameters"},
		{http.MethodPost, "/v1/rollouts/1/abort", "", 409, "refused", "rollout 1 is completed"},
		{http.MethodPost, "/v1/rollouts/9/abort", "", 404, "not_found", "no rollout 9"},
		{http.MethodPost, "/v1/rollouts/2/abort", `{"request_id":"x"}`, 400, "bad_request", "request_id"},
		{http.MethodPost, "/v1/members/nobody/drain", "", 404, "not_found", `no member is called "nobody"`},
		{http.MethodPost, "/v1/members/" + apitest.Name(1) + "/drain", `{"to":"x"}`, 400, "bad_request", `unknown field "to"`},
	} {
		b := example()
		w := request(httpapi.Admin(b, httpapi.Options{}), tt.method, tt.path, tt.body)

		p := problemOf(t, w.Result())
		if p.Status != tt.status || p.Code != tt.code || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s %s %.60s = %d %s %q, want %d %s and %q", tt.method, tt.path, tt.body, p.Status, p.Code, p.Detail,
				tt.status, tt.code, tt.detail)
		}

		if p.Status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}

		changed := p.Code == "refused" || strings.HasPrefix(tt.path, "/v1/rollouts/9")
		if got := b.Calls(); len(got) > 0 && !changed {
			t.Errorf("%s %s asked for %q, want nothing", tt.method, tt.path, got)
		}
	}

	b := apitest.New(apitest.Cluster{})
	for _, path := range []string{"/v1/rollouts/current", "/v1/rollouts/current/abort"} {
		method := http.MethodGet
		if strings.HasSuffix(path, "abort") {
			method = http.MethodPost
		}

		if p := problemOf(t, request(httpapi.Admin(b, httpapi.Options{}), method, path, "").Result()); p.Code != "not_found" {
			t.Errorf("%s %s of no rollouts = %+v, want not_found", method, path, p)
		}
	}
}

// codes are all conditions with the statuses that they have in HTTP.
func codes() map[*segue.ConditionError]int {
	return map[*segue.ConditionError]int{
		segue.ErrNotOwner: 503, segue.ErrFenced: 409, segue.ErrRefused: 409, segue.ErrOutcomeUnknown: 504, segue.ErrNoLeader: 503,
		segue.ErrRetry: 503, segue.ErrMailboxFull: 429, segue.ErrBusy: 429, segue.ErrNotFound: 404, segue.ErrUnknownKind: 404,
		segue.ErrUnknownMessage: 404, segue.ErrKindNotServed: 503, segue.ErrNotYetServed: 503, segue.ErrProcessLost: 410,
		segue.ErrPoisoned: 500, segue.ErrHandler: 422, segue.ErrBadRequest: 400, segue.ErrTooLarge: 413, segue.ErrDeadline: 504,
		segue.ErrStopping: 503, segue.ErrDuplicateName: 409, segue.ErrWrongCluster: 403, segue.ErrUnsupported: 501,
		segue.ErrInternal: 500,
	}
}

func TestAdminErrors(t *testing.T) {
	t.Parallel()

	errs := map[error]int{
		errors.New("no code"):             500,
		context.DeadlineExceeded:          504,
		segue.FromCode("from_later", "x"): 500,
		&httpapi.ProblemError{Problem: httpapi.Problem{
			Type: "urn:segue:problem:refused", Title: "t", Status: 409, Code: "refused", Detail: "d", Next: "mine",
		}}: 409,
	}
	for c, status := range codes() {
		errs[fmt.Errorf("in the backend: %w", c)] = status
	}

	for err, status := range errs {
		b := example()
		b.Fail(err)

		p := problemOf(t, request(httpapi.Admin(b, httpapi.Options{}), http.MethodPost, "/v1/rollouts", `{"to":"3"}`).Result())
		if p.Status != status || err.Error() != p.Detail && p.Detail != "d" {
			t.Errorf("problem of %q = %d %q, want %d", err, p.Status, p.Detail, status)
		}

		if retry := slices.Contains([]int{429, 503}, status); retry != (p.RetryAfter > 0) {
			t.Errorf("problem of %q has retry_after %d", err, p.RetryAfter)
		}
	}
}

func TestAdminMemberNames(t *testing.T) {
	t.Parallel()

	// Two nodes had the name one after the other.
	b := example()
	b.Edit(func(c *apitest.Cluster) {
		dead := c.Members[0]
		dead.ID, dead.Status = segue.NodeID{1}, httpapi.StatusFailed
		c.Members = append(c.Members, dead)
	})

	h := httpapi.Admin(b, httpapi.Options{})
	if w := request(h, http.MethodPost, "/v1/members/"+apitest.Name(0)+"/drain", ""); w.Code != http.StatusOK {
		t.Errorf("drain of a name that a dead node has too = %d %s, want 200", w.Code, w.Body)
	}

	b.Edit(func(c *apitest.Cluster) { c.Members[len(c.Members)-1].Status = httpapi.StatusAlive })

	p := problemOf(t, request(h, http.MethodPost, "/v1/members/"+apitest.Name(0)+"/drain", "").Result())
	if p.Code != "refused" || !strings.Contains(p.Detail, "by its id") {
		t.Errorf("drain of an ambiguous name = %+v, want refused, by its id", p)
	}
}
