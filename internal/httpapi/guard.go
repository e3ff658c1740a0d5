package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/segue-cluster/segue"
)

// methods is the handler of a path, by method. GET also answers HEAD.
type methods map[string]http.HandlerFunc

// ServeHTTP implements [http.Handler].
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}

	if h, ok := m[method]; ok {
		h(w, r)

		return
	}

	var allowed []string
	for method := range m {
		allowed = append(allowed, method)
	}

	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, ProblemOf(problem(codeMethod, "%s is not a method of %s", r.Method, r.URL.Path)))
}

// noPath answers for everything that has no handler.
func noPath(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, ProblemOf(problem(codeNoPath, "there is no %s", r.URL.Path)))
}

// A guard lets requests through to next that may come in.
type guard struct {
	next     http.Handler
	token    [sha256.Size]byte // of the token; equal lengths compare in constant time
	private  bool              // a token is wanted
	anyHost  bool              // names in Host are not looked at
	origins  *http.CrossOriginProtection
	inFlight chan struct{} // holds one element per request
}

func newGuard(o Options, next http.Handler) *guard {
	return &guard{
		next: next, token: sha256.Sum256([]byte(o.Token)), private: o.Token != "", anyHost: o.Token != "",
		origins: http.NewCrossOriginProtection(), inFlight: make(chan struct{}, o.MaxInFlight),
	}
}

// ServeHTTP implements [http.Handler].
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := g.check(r); err != nil {
		p := ProblemOf(err)
		if p.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="segue"`)
		}

		writeProblem(w, p)

		return
	}

	select {
	case g.inFlight <- struct{}{}:
		defer func() { <-g.inFlight }()
	default:
		writeProblem(w, newProblem(segue.ErrRetry.Code(), "too many requests are worked on at this listener"))

		return
	}

	g.next.ServeHTTP(w, r)
}

func (g *guard) check(r *http.Request) error {
	if g.private {
		bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(strings.TrimSpace(bearer)))

		switch {
		case !found:
			return problem(codeUnauthorized, "this listener wants a bearer token")
		case subtle.ConstantTimeCompare(sum[:], g.token[:]) != 1:
			return problem(codeUnauthorized, "the bearer token is wrong")
		}
	}

	if !g.anyHost && !localHost(r) {
		return problem(codeForbidden, "the host %q in the request is a name; without a token this listener "+
			"is asked by IP address or as localhost only, so that no web page can reach it under a name of its own", r.Host)
	}

	if err := g.origins.Check(r); err != nil {
		return problem(codeForbidden, "a page of another origin may not do this: %v", err)
	}

	return nil
}

// localHost reports whether the request names its server in a way that a web
// page cannot make up: by address, as localhost, or through a unix socket.
func localHost(r *http.Request) bool {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return true
	}

	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}

	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}
