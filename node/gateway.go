package node

import (
	"context"
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// gateway takes calls from other languages.
type gateway struct{ n *Node }

var _ httpapi.Caller = gateway{}

// Call implements [httpapi.Caller]. A body is not looked into: the owner
// decodes it, whose release may be another one.
func (g gateway) Call(
	ctx context.Context, to segue.Address, message string, body []byte, requestID string,
) (httpapi.Result, error) {
	n := g.n
	q := &query{addr: to, once: requestID, body: handoff.Body{Name: message, Codec: handoff.CodecJSON, Bytes: body}}

	if len(body) == 0 {
		q.body.Codec, q.body.Bytes = handoff.CodecJSON, []byte("null")
	}

	// A message that this release does not know is taken for one that writes.
	if k := n.kinds[to.Kind]; k != nil && k.handlers[message] != nil {
		q.read = k.handlers[message].query
	}

	o, err := n.call(ctx, q)
	if err != nil {
		return httpapi.Result{}, err
	}

	r := httpapi.Result{Owner: n.nameOf(o.owner), Token: o.token}

	switch o.reply.Body.Codec {
	case handoff.CodecJSON:
		r.Body = o.reply.Body.Bytes
	case handoff.CodecNone:
	case handoff.CodecMsgpack, handoff.CodecLost:
		return r, fmt.Errorf("%s answered in another codec: %w", to, segue.ErrInternal)
	}

	return r, nil
}
