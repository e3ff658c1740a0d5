package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	defaultOps      = "127.0.0.1:7951"
	healthTimeout   = 3 * time.Second
	maxHealthAnswer = 64 << 10 // bytes
)

func newHealthcheck(a *app) *cobra.Command {
	var (
		ops   string
		ready bool
	)

	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Probe a node, for containers without curl",
		Long: "Probe a node's ops address: is its process alive, or, with --ready, does it take calls. Exits with 0 or 1, as\n" +
			"Docker's HEALTHCHECK wants it.",
		Example: "  HEALTHCHECK CMD [\"/segue\", \"healthcheck\", \"--ready\"]",
		GroupID: groupScript,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ops == "" {
				ops = a.getenv("SEGUE_OPS")
			}

			if ops == "" {
				ops = defaultOps
			}

			path := "/livez"
			if ready {
				path = "/readyz"
			}

			ctx, cancel := a.within(cmd.Context(), healthTimeout)
			defer cancel()

			text, err := probe(ctx, ops, path)
			if err != nil {
				return &exitError{code: exitUnexpected, err: err}
			}

			return a.print(text, func() string { return text + "\n" })
		},
	}
	cmd.Flags().StringVar(&ops, "ops", "", "ops address of the node, host:port (SEGUE_OPS; default "+defaultOps+")")
	cmd.Flags().BoolVar(&ready, "ready", false, "probe /readyz instead of /livez")

	return cmd
}

// probe returns what a health endpoint answers; an answer other than 200 is an
// error.
func probe(ctx context.Context, ops, path string) (string, error) {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(ops, "http://"))
	if err != nil {
		return "", fmt.Errorf("ops address %q is not host:port: %w", ops, err)
	}

	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() { // what a node binds is not what one dials
		host = "localhost"
	}

	target := "http://" + net.JoinHostPort(host, port) + path

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", fmt.Errorf("ops address %q: %w", ops, err)
	}

	transport := &http.Transport{DisableKeepAlives: true}

	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", fmt.Errorf("probe %s: %w", target, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read

	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealthAnswer))
	if err != nil {
		return "", fmt.Errorf("probe %s: %w", target, err)
	}

	text := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("probe %s: %s\n%s", target, resp.Status, text)
	}

	return text, nil
}
