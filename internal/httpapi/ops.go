package httpapi

import (
	"fmt"
	"net/http"
	"strings"
)

// Ops returns the handler of health and metrics:
//
//	GET /livez            this OS process works
//	GET /readyz           the node can serve or forward calls
//	GET /readyz/handoff   the node can receive shards
//	GET /startupz         starting is over
//	GET /metrics          metrics, if it is not nil
//
// A probe answers 200 or 503, in plain text; with ?verbose, and whenever a
// check fails, the text lists all checks with the reasons.
func Ops(h Health, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/livez", probe("livez", h.Live))
	mux.Handle("/readyz", probe("readyz", h.Ready))
	mux.Handle("/readyz/handoff", probe("readyz/handoff", h.ReadyForHandoff))
	mux.Handle("/startupz", probe("startupz", h.Started))

	if metrics != nil {
		mux.Handle("/metrics", methods{http.MethodGet: metrics.ServeHTTP})
	}

	mux.HandleFunc("/", noPath)

	return mux
}

func probe(name string, checks func() []Check) http.Handler {
	return methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) {
		var text strings.Builder

		failed := false

		for _, c := range checks() {
			if c.Err == nil {
				fmt.Fprintf(&text, "[+]%s ok\n", c.Name)

				continue
			}

			failed = true

			fmt.Fprintf(&text, "[-]%s failed: %v\n", c.Name, c.Err)
		}

		status, body := http.StatusOK, "ok\n"

		switch {
		case failed:
			status, body = http.StatusServiceUnavailable, text.String()+name+" check failed\n"
		case r.URL.Query().Has("verbose"):
			body = text.String() + name + " check passed\n"
		}

		writeBytes(w, status, "text/plain; charset=utf-8", []byte(body))
	}}
}
