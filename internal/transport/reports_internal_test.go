package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// Strangers cannot fill the log, and what matters is above what does not.
func TestReports(t *testing.T) {
	var log strings.Builder

	r := newReports(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	remote := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9}

	for range 100 {
		r.refused(t.Context(), "cookie_mismatch", remote, errors.New("cookie mismatch"))
		r.refused(t.Context(), NotTLS, remote, errors.New("noise"))
		r.acceptFailed(t.Context(), errors.New("too many open files"))
	}

	if got := strings.Count(log.String(), "\n"); got != 3 {
		t.Errorf("%d lines were logged, want one of each:\n%s", got, log.String())
	}

	for _, want := range []string{
		`level=WARN msg="connection refused" reason=cookie_mismatch remote=192.0.2.1:9 error="cookie mismatch" not_logged=0`,
		`level=DEBUG msg="connection refused" reason=not_tls`,
		`level=ERROR msg="cannot accept connections"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}

	if quiet, ok := r.due("cookie_mismatch", time.Now().Add(reportEvery)); !ok || quiet != 99 {
		t.Errorf("due later = %d, %t, want 99 that were not logged", quiet, ok)
	}
}

func TestReasonOf(t *testing.T) {
	for err, want := range map[error]Reason{
		context.Canceled:                                       Cancelled,
		context.DeadlineExceeded:                               Timeout,
		net.ErrClosed:                                          Gone,
		errors.New("tls: something"):                           Handshake,
		because(Crowded, context.Canceled):                     Crowded,
		explain(remote("tls: bad certificate")):                PeerRefused,
		explain(remote("tls: no application protocol")):        PeerRefused,
		explain(remote("tls: certificate required")):           PeerRefused,
		explain(remote("tls: protocol version not supported")): PeerRefused,
		explain(remote("tls: internal error")):                 PeerRefused,
	} {
		if got := reasonOf(err); got != want {
			t.Errorf("reasonOf(%v) = %s, want %s", err, got, want)
		}
	}
}

func remote(text string) error { return &net.OpError{Op: "remote error", Err: errors.New(text)} }

func TestExplain(t *testing.T) {
	for alert, want := range map[string]string{
		"tls: bad certificate":                "cookie mismatch, another cluster name, or not the node that it dialled",
		"tls: no application protocol":        "does not serve the protocol",
		"tls: certificate required":           "got no certificate",
		"tls: protocol version not supported": "does not speak TLS 1.3",
		"tls: internal error":                 "remote error: tls: internal error",
	} {
		if got := explain(remote(alert)).Error(); !strings.Contains(got, want) {
			t.Errorf("explain(%s) = %s, want %q", alert, got, want)
		}
	}

	if err := errors.New("local"); explain(err) != err { //nolint:errorlint // the same value
		t.Error("explain changed an error that is not the peer's")
	}
}
