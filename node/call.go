package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/handoff/schema"
)

// Call sends a message to a process, wherever it is, and returns its reply. The
// message is one of the types that the kind handles; R is the type of its
// reply. A process that does not exist is made by its first message that is
// not a query.
//
// A call takes effect at most once. It is tried again while the owner cannot be
// reached, until ctx ends or, without a deadline, for Config.CallTimeout; an
// error that matches [segue.ErrOutcomeUnknown] says that it may have taken
// effect. What the handler itself answers as an error matches
// [segue.ErrHandler]. Calls before Run wait for it.
func Call[R any](ctx context.Context, n *Node, address string, message any) (R, error) {
	var zero R

	addr, err := segue.ParseAddress(address)
	if err != nil {
		return zero, fmt.Errorf("%w: %w", segue.ErrBadRequest, err)
	}

	k := n.kinds[addr.Kind]
	if k == nil {
		return zero, fmt.Errorf("kind %q: %w", addr.Kind, segue.ErrUnknownKind)
	}

	h, err := k.handlerOf(message)
	if err != nil {
		return zero, err
	}

	return ask[R](ctx, n, addr, h, message)
}

// Ask is [Call] with the name of the message, for kinds that handle one Go type
// under several names.
func Ask[R any](ctx context.Context, n *Node, address, name string, message any) (R, error) {
	var zero R

	addr, err := segue.ParseAddress(address)
	if err != nil {
		return zero, fmt.Errorf("%w: %w", segue.ErrBadRequest, err)
	}

	k := n.kinds[addr.Kind]
	if k == nil {
		return zero, fmt.Errorf("kind %q: %w", addr.Kind, segue.ErrUnknownKind)
	}

	h := k.handlers[name]
	if h == nil {
		return zero, fmt.Errorf("kind %s has no message %q: %w", addr.Kind, name, segue.ErrUnknownMessage)
	}

	return ask[R](ctx, n, addr, h, message)
}

func ask[R any](ctx context.Context, n *Node, addr segue.Address, h *handler, message any) (R, error) {
	var zero R

	body, err := encodeBody(h.name, h.message, message)
	if err != nil {
		return zero, err
	}

	q := &query{addr: addr, read: h.query, body: body, message: h.message}
	if h.reply != nil {
		q.want = uint32(h.reply.Head())
	}

	o, err := n.call(ctx, q)
	if err != nil {
		return zero, err
	}

	v, err := decodeBody(h.reply, &o.reply.Body)
	if err != nil {
		return zero, fmt.Errorf("reply of %s: %w", addr, err)
	}

	if v == nil {
		return zero, nil
	}

	r, ok := v.(*R)
	if !ok {
		return zero, fmt.Errorf("%s answers %q with %T, not %T: %w", addr, h.name, v, &zero, segue.ErrBadRequest)
	}

	return *r, nil
}

// query is a request on its way to whoever owns the process.
type query struct {
	addr    segue.Address
	read    bool
	body    handoff.Body
	message *versioned // of the body, nil if it has none or is JSON
	want    uint32
	once    string // opaque request id, "" for none
}

var errNotSent = errors.New("it was not sent")

const (
	minBackoff = 2 * time.Millisecond
	maxBackoff = 100 * time.Millisecond
)

// call brings a request to the owner of its process, tries again as long as it
// was certainly not run or can be recognized, and returns the reply.
func (n *Node) call(ctx context.Context, q *query) (*outcome, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc

		ctx, cancel = context.WithTimeout(ctx, n.cfg.CallTimeout)
		defer cancel()
	}

	// A request whose time is over is not sent: it might run all the same.
	if ctx.Err() != nil {
		return nil, n.gaveUp(ctx, q, errNotSent, nil)
	}

	if err := n.ready(ctx); err != nil {
		return nil, n.gaveUp(ctx, q, err, nil)
	}

	req := &handoff.Request{Body: q.body, Want: q.want}
	done := n.identify(q, req)

	o, err := n.insist(ctx, q, req)
	done(err)

	if err == nil && o.reply.Code != "" {
		err = segue.FromCode(o.reply.Code, o.reply.Detail)
	}

	n.metrics.called(err)

	if err != nil {
		return nil, err
	}

	return o, nil
}

// identify gives a request the id by which a retry is recognized, and returns
// what has to be done about it at the end.
func (n *Node) identify(q *query, req *handoff.Request) (done func(error)) {
	switch {
	case q.read:
		return func(error) {}
	case q.once != "":
		sum := sha256.Sum256([]byte(q.addr.String() + "\x00" + q.once))
		req.Client[0] = handoff.ClientOnce
		copy(req.Client[1:], sum[:])
		req.N, req.Base = 1, 1

		return func(error) {}
	}

	lane := n.lanes.take(q.addr)
	req.Client, req.N, req.Base = lane.id, lane.next, lane.next

	return func(err error) {
		if errors.Is(err, segue.ErrOutcomeUnknown) || errors.Is(err, segue.ErrDeadline) {
			return // another number would be out of order
		}

		if err == nil {
			lane.next++
		}

		n.lanes.give(q.addr, lane)
	}
}

// insist tries until there is an outcome. The lane goes on if it returns no
// error, since the request was run.
func (n *Node) insist(ctx context.Context, q *query, req *handoff.Request) (*outcome, error) {
	began, wait := time.Now(), minBackoff

	var (
		hint    segue.NodeID
		last    error // why it was not answered
		unknown error // why it may have been run
	)

	for {
		req.Age = int64(time.Since(began))
		if deadline, ok := ctx.Deadline(); ok {
			req.Deadline = int64(time.Until(deadline))
		}

		o, err := n.try(ctx, q, req, hint)
		hint = segue.NodeID{}

		switch {
		case err == nil && o.redirect:
			err = fmt.Errorf("%s: its owner is changing: %w", q.addr, segue.ErrRetry)
			if wait == minBackoff {
				hint = o.owner // followed once without a pause
			}
		case err == nil && o.refusal != "":
			err = n.refused(q, o)
		case err == nil:
			return o, nil
		}

		last = err
		if errors.Is(err, segue.ErrOutcomeUnknown) && !q.read {
			unknown = segue.ErrOutcomeUnknown
		}

		if !again(err) {
			return nil, unsure(err, unknown)
		}

		if hint.IsZero() && !sleep(ctx, wait) {
			return nil, n.gaveUp(ctx, q, last, unknown)
		}

		wait = min(2*wait, maxBackoff)
	}
}

// unsure adds to the error of the last try that an earlier one may have been
// run: whoever hears only the last would take the request for refused, and use
// its number again.
func unsure(err, unknown error) error {
	if unknown == nil || errors.Is(err, unknown) {
		return err
	}

	return fmt.Errorf("%w (an earlier try may have been run: %w)", err, unknown)
}

// errUnreadable is the reason of an outcome that was told in a way which this
// release does not understand. The same answer would come again.
var errUnreadable = errors.New("the answer cannot be read")

// again reports whether trying once more may help and can do no harm: the
// request is recognized if it was run.
func again(err error) bool {
	if errors.Is(err, errUnreadable) {
		return false
	}

	return errors.Is(err, segue.ErrRetry) || errors.Is(err, segue.ErrOutcomeUnknown) || errors.Is(err, segue.ErrNoLeader) ||
		errors.Is(err, segue.ErrStopping) || errors.Is(err, segue.ErrNotOwner)
}

// try sends a request once, to the owner or to the node that was named as it.
func (n *Node) try(ctx context.Context, q *query, req *handoff.Request, hint segue.NodeID) (*outcome, error) {
	shard := segue.ShardOf(q.addr, n.shards())

	route, ok := n.cluster.Route(shard)
	if !ok || route.Owner.IsZero() {
		return nil, fmt.Errorf("shard %d has no owner: %w", shard, segue.ErrRetry)
	}

	owner := route.Owner
	if !hint.IsZero() {
		owner = hint
	}

	if owner == n.cluster.ID() || n.driver().Forwards(shard) {
		return n.callLocal(ctx, shard, q, req)
	}

	body, err := n.bodyFor(ctx, owner, q)
	if err != nil {
		return nil, err
	}

	remote := *req
	remote.Body = body

	return n.callPeer(ctx, owner, q.addr, &remote, route.Epoch)
}

func (n *Node) callLocal(ctx context.Context, shard segue.ShardID, q *query, req *handoff.Request) (*outcome, error) {
	answered := make(chan *outcome, 1)
	t := n.tickets.take(func(o *outcome) { answered <- o })
	n.driver().Request(shard, q.addr, req, t)

	select {
	case o := <-answered:
		return o, nil
	case <-ctx.Done():
		n.tickets.drop(t)

		return nil, fmt.Errorf("%s: %w", q.addr, segue.ErrOutcomeUnknown)
	}
}

// bodyFor returns the body in a version that an owner of an older release
// knows: the side with the higher head converts.
func (n *Node) bodyFor(ctx context.Context, owner segue.NodeID, q *query) (handoff.Body, error) {
	if q.message == nil || q.body.Codec != handoff.CodecMsgpack || q.message.Head() == q.message.oldest {
		return q.body, nil
	}

	// A node says which versions it knows when it is connected to.
	if _, met := n.peers.Load(owner); !met {
		if err := n.cluster.Greet(ctx, owner); err != nil {
			return handoff.Body{}, fmt.Errorf("%s: %w: %w", q.addr, segue.ErrRetry, err)
		}
	}

	v, known := n.peerHead(owner, q.message.Name())
	if !known || v >= q.message.Head() {
		return q.body, nil
	}

	b, err := q.message.Migrate(nil, q.body.Bytes, q.message.Head(), v)
	if err != nil {
		return handoff.Body{}, fmt.Errorf("message %q for the older release of its owner: %w: %w", q.body.Name, segue.ErrNotYetServed, err)
	}

	body := q.body
	body.Version, body.Fingerprint, body.Bytes = uint32(v), q.message.fingerprint(v), b

	return body, nil
}

// peerHead returns the version of a schema that another node runs, as far as it
// introduced itself.
func (n *Node) peerHead(id segue.NodeID, name string) (schema.Version, bool) {
	v, ok := n.peers.Load(id)
	if !ok {
		return 0, false
	}

	manifests, ok := v.(map[string]schema.Manifest)
	m, known := manifests[name]

	return m.Head, ok && known
}

// refused turns a refusal into an error. A message that this release knows and
// the owner does not is not served yet.
func (n *Node) refused(q *query, o *outcome) error {
	k := n.kinds[q.addr.Kind]
	ours := k != nil && k.handlers[q.body.Name] != nil

	if ours && (o.refusal == segue.ErrUnknownMessage.Code() || o.refusal == segue.ErrUnknownKind.Code()) {
		return fmt.Errorf("%s: the owner's release does not know it: %w", q.addr, segue.ErrNotYetServed)
	}

	return segue.FromCode(o.refusal, o.detail)
}

// gaveUp is the error of a request whose time is over. It matches the cause of
// the end of ctx, and unknown if the request writes.
func (n *Node) gaveUp(ctx context.Context, q *query, last, unknown error) error {
	e := &gaveUpError{addr: q.addr, last: last, conditions: []error{segue.ErrDeadline, context.Cause(ctx)}}
	if unknown != nil {
		e.conditions = append(e.conditions, unknown)
	}

	return e
}

// gaveUpError is the end of the patience of a caller.
type gaveUpError struct {
	addr       segue.Address
	last       error // what the last try gave, for people
	conditions []error
}

// Error formats e on one line.
func (e *gaveUpError) Error() string {
	text := e.addr.String() + ": " + segue.ErrDeadline.Error()
	if e.last != nil {
		text += "; last it was: " + e.last.Error()
	}

	return text
}

// Unwrap returns what the error stands for.
func (e *gaveUpError) Unwrap() []error { return e.conditions }

// sleep waits for d; it reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
