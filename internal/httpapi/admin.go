package httpapi

import (
	"context"
	"net/http"
	"strconv"
)

// Headers of answers.
const (
	headerIndex     = "Segue-Index"
	headerLeader    = "Segue-Leader"
	headerStale     = "Segue-Stale"
	headerOwner     = "Segue-Owner"
	headerToken     = "Segue-Token"
	headerRequestID = "Segue-Request-Id"
	headerTimeout   = "Segue-Timeout"
)

// defaultActor is who did it if the request does not say.
const defaultActor = "api"

type admin struct {
	b AdminBackend
	o Options
}

// Admin returns the handler of the admin API; doc.go lists its paths. It may
// be mounted beside others: it answers everything under /v1/.
func Admin(b AdminBackend, o Options) http.Handler {
	a := &admin{b: b, o: o.withDefaults(DefaultAdminTimeout)}

	mux := http.NewServeMux()
	mux.Handle("/v1/status", methods{http.MethodGet: a.get(a.status)})
	mux.Handle("/v1/members", methods{http.MethodGet: a.get(a.members)})
	mux.Handle("/v1/owners", methods{http.MethodGet: a.get(a.owners)})
	mux.Handle("/v1/rollouts", methods{http.MethodGet: a.get(a.rollouts), http.MethodPost: a.post(http.StatusCreated, a.start)})
	mux.Handle("/v1/rollouts/undo", methods{http.MethodPost: a.post(http.StatusCreated, a.undo)})
	mux.Handle("/v1/rollouts/{revision}", methods{http.MethodGet: a.get(a.rollout)})
	mux.Handle("/v1/rollouts/{revision}/abort", methods{http.MethodPost: a.post(http.StatusOK, a.abort)})
	mux.Handle("/v1/members/{node}/drain", methods{http.MethodPost: a.post(http.StatusOK, a.drain)})
	mux.Handle("/v1/members/{node}/undrain", methods{http.MethodPost: a.post(http.StatusOK, a.undrain)})
	mux.Handle("/v1/losses", methods{http.MethodGet: a.get(a.losses)})
	mux.Handle("/v1/version", methods{http.MethodGet: a.get(a.version)})
	mux.HandleFunc("/", noPath)

	return newGuard(a.o, mux)
}

// get answers with what read returns.
func (a *admin) get(read func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.position(w)

		v, err := read(r)
		if err != nil {
			a.fail(w, r, err)

			return
		}

		writeJSON(w, http.StatusOK, v)
	}
}

// post decodes the body into what change asks for and answers with what it
// returns, and with the status.
func (a *admin) post(status int, change func(ctx context.Context, in *inbox) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.o.Timeout)
		defer cancel()

		err := noQuery(r)

		var v any
		if err == nil {
			v, err = change(ctx, &inbox{w: w, r: r})
		}

		a.position(w)

		if err != nil {
			a.fail(w, r, err)

			return
		}

		if ro, ok := v.(Rollout); ok && status == http.StatusCreated {
			w.Header().Set("Location", "/v1/rollouts/"+strconv.FormatUint(uint64(ro.Revision), 10))
		}

		writeJSON(w, status, v)
	}
}

// An inbox is a request whose body was not read yet.
type inbox struct {
	w http.ResponseWriter
	r *http.Request
}

func (in *inbox) decode(v any) error { return decode(in.w, in.r, v) }

// position sets the headers that say how far this node's table is.
func (a *admin) position(w http.ResponseWriter) {
	p := a.b.Position()

	h := w.Header()
	h.Set(headerIndex, strconv.FormatUint(p.Index, 10))

	if p.Leader == "" {
		h.Set(headerStale, "true")
	} else {
		h.Set(headerLeader, p.Leader)
	}
}

func (a *admin) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(err)
	if p.Status == http.StatusInternalServerError {
		a.o.Logger.ErrorContext(r.Context(), "admin request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}

	writeProblem(w, p)
}
