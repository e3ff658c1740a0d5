package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/segue-cluster/segue/internal/httpapi"
)

// listeners are the HTTP ports of a node.
type listeners struct {
	ops, gateway, admin net.Listener // nil: none
}

// listen binds the HTTP ports.
func (n *Node) listen() error {
	var errs []error

	for _, l := range [...]struct {
		name, addr string
		to         *net.Listener
	}{
		{"ops", n.cfg.Ops, &n.http.ops},
		{"gateway", n.cfg.Gateway, &n.http.gateway},
		{"admin", n.cfg.Admin, &n.http.admin},
	} {
		if l.addr == "" {
			continue
		}

		ln, err := httpapi.Listen(context.Background(), l.addr) //nolint:forbidigo // binding takes no time
		if err != nil {
			errs = append(errs, bindError(l.name, err))

			continue
		}

		*l.to = ln
	}

	return errors.Join(errs...)
}

// bindError names the setting whose address cannot be bound, and the way out.
func bindError(setting string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w: stop the other process or give another --%s", setting, err, setting)
	}

	return fmt.Errorf("%s: %w", setting, err)
}

func (l *listeners) close() {
	for _, ln := range [...]net.Listener{l.ops, l.gateway, l.admin} {
		if ln != nil {
			_ = ln.Close() //nolint:errcheck // nothing was served
		}
	}
}

// handlers returns what each bound HTTP port serves.
func (n *Node) handlers() map[net.Listener]http.Handler {
	version := httpapi.BuildVersion()
	version.App, version.Release, version.Node = n.cfg.App, n.cfg.Release, n.name.String()

	all := map[net.Listener]http.Handler{}
	if n.http.ops != nil {
		all[n.http.ops] = httpapi.Ops(health{n}, n.metrics.handler())
	}

	if n.http.gateway != nil {
		all[n.http.gateway] = httpapi.Gateway(gateway{n}, httpapi.Options{
			Token: n.cfg.GatewayToken, Timeout: n.cfg.CallTimeout, Logger: n.log,
		})
	}

	if n.http.admin != nil {
		all[n.http.admin] = httpapi.Admin(backend{n}, httpapi.Options{
			Token: n.cfg.AdminToken, Version: version, Logger: n.log,
		})
	}

	return all
}

// serveHTTP answers on one HTTP port until ctx is done.
func (n *Node) serveHTTP(ctx context.Context, ln net.Listener, h http.Handler) error {
	err := httpapi.Serve(ctx, ln, httpapi.ServeConfig{Handler: h, Leaving: n.draining.Load, Logger: n.log})
	if err != nil {
		return fmt.Errorf("%s: %w", ln.Addr(), err)
	}

	return nil
}
