// Program minimal is a web service whose state in memory outlives its releases.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/node"
)

type page struct{ Visits int64 } // the state of a process

type visit struct{ Count int64 } // a message, and its reply

func main() {
	if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "minimal:", err)
		os.Exit(1)
	}
}

func run() error {
	cfg, err := node.LoadConfig(os.Args[1:], os.Environ(), os.Stderr) // --cookie-file, --bind, --join, ...
	if err != nil {
		return err
	}
	cfg.App, cfg.Release = "pages", "1.0.0"
	cfg.Kinds = []node.Kind{node.NewKind(schema.MustDefine[page]("page", 1),
		node.On("visit", func(_ *node.Turn, p *page, m visit) (visit, error) {
			p.Visits += m.Count
			return visit{p.Visits}, nil
		}))}
	n, err := node.New(cfg)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: os.Getenv("HTTP_ADDR"), ReadTimeout: cfg.CallTimeout}
	http.HandleFunc("POST /pages/{name}", func(w http.ResponseWriter, r *http.Request) {
		v, err := node.Call[visit](r.Context(), n, "page/"+r.PathValue("name"), visit{1}) // on whichever node it is
		if err == nil {
			_, err = fmt.Fprintln(w, v.Count)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	ctx, stop := node.Signals(context.Background())
	hosting, leave := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { leave(server.Shutdown(hosting)) }) // at SIGTERM: no new requests, then hand over
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe(); stop() }()
	if err := n.Run(hosting); err != nil {
		return err
	}
	return <-failed
}
