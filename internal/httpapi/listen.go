package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix://"

// socketMode lets the owner and the group of a unix socket talk to it.
const socketMode = 0o660

// staleTimeout is how long a socket that is there already may take to show that
// somebody listens on it.
const staleTimeout = time.Second

// Listen binds addr: host:port, or unix:// and the absolute path of a socket,
// which is made with mode 0660 and removed when the listener is closed. A socket
// that a crash left behind is replaced; one that somebody listens on, and a
// file that is no socket, are kept and give an error.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	path, unix := strings.CutPrefix(addr, unixPrefix)
	if !unix {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return nil, fmt.Errorf("address %q is neither host:port nor unix:///path: %w", addr, err)
		}

		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}

		return ln, nil
	}

	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("address %q: the path of a socket is absolute, as in unix:///run/segue/admin.sock", addr)
	}

	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}

	ln, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}

	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), ln.Close())
	}

	return ln, nil
}

// removeStale removes the socket at path if nobody listens on it.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)

	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("listen: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("listen on %s: there is a file that is no socket; choose another path or remove it", path)
	}

	conn, err := (&net.Dialer{Timeout: staleTimeout}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close() //nolint:errcheck // it was only tried

		return fmt.Errorf("listen on %s: another program listens there: %w", path, syscall.EADDRINUSE)
	}

	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("listen on %s: there is a socket, and whether somebody listens on it is unclear: %w", path, err)
	}

	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listen: %w", err)
	}

	return nil
}

// Private reports whether only this machine reaches addr, an address as
// [Listen] takes it: a unix socket, or a port of a loopback address.
func Private(addr string) bool {
	if strings.HasPrefix(addr, unixPrefix) {
		return true
	}

	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}

	ip := net.ParseIP(host)

	return host == "localhost" || ip != nil && ip.IsLoopback()
}
