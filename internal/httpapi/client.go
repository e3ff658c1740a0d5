package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
)

// maxAnswer is the largest answer that a client reads, in bytes.
const maxAnswer = 32 << 20

const dialTimeout = 5 * time.Second

// ErrUnreachable is returned by [Client] when the address cannot be reached or
// answers like something else than Segue's admin API. Whether a change was
// carried out is unknown if the connection broke in the middle.
var ErrUnreachable = errors.New("cannot reach the admin API")

// A ClientConfig says which node a [Client] talks to.
type ClientConfig struct {
	// Addr is the admin address of any node: http://host:port,
	// https://host:port, host:port for the former, or unix:///path. Required.
	Addr string

	// Token that the node wants, "" for none.
	Token string
}

// A Client asks the admin API of one node. Its methods may be called by several
// goroutines. Errors of the API are [*ProblemError] and match the conditions of
// package segue or [ErrUnauthorized]; others match [ErrUnreachable] or are
// those of ctx.
type Client struct {
	base  string // without a slash at its end
	name  string // for people
	token string
	http  *http.Client
}

// NewClient returns a client. It connects to nothing yet.
func NewClient(c ClientConfig) (*Client, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: idleTimeout,
		TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
	}

	base := c.Addr

	if path, unix := strings.CutPrefix(base, unixPrefix); unix {
		base = "http://localhost"
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
	} else if !strings.Contains(base, "://") {
		base = "http://" + base
	}

	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("address %q is none of http://host:port, https://host:port, host:port and unix:///path", c.Addr)
	}

	return &Client{
		base: strings.TrimRight(base, "/"), name: c.Addr, token: c.Token,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status returns the state of the cluster.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Members returns the members, by name.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	return ask[[]Member](ctx, c, http.MethodGet, "/v1/members", nil)
}

// Owners returns the shards that f picks, by number.
func (c *Client) Owners(ctx context.Context, f OwnerFilter) ([]Owner, error) {
	q := url.Values{}

	for _, s := range f.Shards {
		q.Add("shard", strconv.FormatUint(uint64(s), 10))
	}

	for name, v := range map[string]string{"node": f.Node, "release": f.Release, "state": string(f.State)} {
		if v != "" {
			q.Set(name, v)
		}
	}

	path := "/v1/owners"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}

	return ask[[]Owner](ctx, c, http.MethodGet, path, nil)
}

// Rollouts returns the rollouts, the newest first.
func (c *Client) Rollouts(ctx context.Context) ([]Rollout, error) {
	return ask[[]Rollout](ctx, c, http.MethodGet, "/v1/rollouts", nil)
}

// Rollout returns one rollout, the newest one for revision 0.
func (c *Client) Rollout(ctx context.Context, revision segue.Revision) (Rollout, error) {
	return ask[Rollout](ctx, c, http.MethodGet, "/v1/rollouts/"+revisionRef(revision), nil)
}

// Losses returns the losses, the newest first.
func (c *Client) Losses(ctx context.Context) ([]Loss, error) {
	return ask[[]Loss](ctx, c, http.MethodGet, "/v1/losses", nil)
}

// Version returns what the node runs.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return ask[Version](ctx, c, http.MethodGet, "/v1/version", nil)
}

// StartRollout starts a rollout. It may be called again with the same
// RequestID.
func (c *Client) StartRollout(ctx context.Context, r StartRequest) (Rollout, error) {
	return ask[Rollout](ctx, c, http.MethodPost, "/v1/rollouts", r)
}

// UndoRollout starts a rollout that takes the last completed one back. It may
// be called again with the same RequestID.
func (c *Client) UndoRollout(ctx context.Context, r UndoRequest) (Rollout, error) {
	return ask[Rollout](ctx, c, http.MethodPost, "/v1/rollouts/undo", r)
}

// AbortRollout sends a rollout, the newest one for revision 0, on its way back.
func (c *Client) AbortRollout(ctx context.Context, revision segue.Revision, r AbortRequest) (Rollout, error) {
	return ask[Rollout](ctx, c, http.MethodPost, "/v1/rollouts/"+revisionRef(revision)+"/abort", r)
}

// Drain moves everything off a member, given by name or id.
func (c *Client) Drain(ctx context.Context, node string) (Member, error) {
	return ask[Member](ctx, c, http.MethodPost, "/v1/members/"+url.PathEscape(node)+"/drain", nil)
}

// Undrain lets a member, given by name or id, own shards again.
func (c *Client) Undrain(ctx context.Context, node string) (Member, error) {
	return ask[Member](ctx, c, http.MethodPost, "/v1/members/"+url.PathEscape(node)+"/undrain", nil)
}

func revisionRef(r segue.Revision) string {
	if r == 0 {
		return "current"
	}

	return strconv.FormatUint(uint64(r), 10)
}

// ask sends one request and decodes its answer.
func ask[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T

	var body io.Reader = http.NoBody

	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return out, fmt.Errorf("encode the request: %w", err)
		}

		body = bytes.NewReader(b)
	}

	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return out, fmt.Errorf("make the request: %w", err)
	}

	req.Header.Set("Accept", "application/json, "+ProblemType)
	req.Header.Set("User-Agent", "segue/"+SegueVersion)

	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}

	resp, err := c.http.Do(req)
	if err != nil {
		return out, c.broken(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // everything of it was read

	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return out, c.broken(ctx, err)
	}

	return out, c.read(resp, answer, &out)
}

// broken says why there was no answer.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer from %s: %w", c.name, ctx.Err())
	}

	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err // the address is in the message already
	}

	return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.name, err)
}

// read decodes an answer.
func (c *Client) read(resp *http.Response, answer []byte, out any) error {
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))

	switch {
	case len(answer) > maxAnswer:
		return fmt.Errorf("%w at %s: the answer is longer than %d bytes", ErrUnreachable, c.name, maxAnswer)
	case err == nil && mediaType == ProblemType:
		var p Problem
		if err := json.Unmarshal(answer, &p); err != nil {
			return fmt.Errorf("%w at %s: its error cannot be read: %w", ErrUnreachable, c.name, err)
		}

		return &ProblemError{Problem: p}
	case err != nil || mediaType != "application/json" || resp.StatusCode/100 != 2:
		return fmt.Errorf("%w at %s: it answers %q with %q; is it the admin address of a node?",
			ErrUnreachable, c.name, resp.Status, resp.Header.Get("Content-Type"))
	}

	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%w at %s: its answer cannot be read: %w", ErrUnreachable, c.name, err)
	}

	return nil
}
