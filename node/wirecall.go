package node

import (
	"context"
	"fmt"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/internal/wire"
)

// The bodies of CALL, REPLY and REDIRECT. They are wire: fields are never
// renamed or given another type.
type (
	callBody struct {
		Kind    string          `msgpack:"k"`
		Key     string          `msgpack:"y"`
		Request handoff.Request `msgpack:"q"`
		Hops    uint8           `msgpack:"h"`
		// Epoch of the owner as the caller knows it: a receiver whose log is
		// behind waits for it.
		Epoch segue.Epoch `msgpack:"e"`
	}
	replyBody struct {
		Reply   handoff.Reply `msgpack:"a"`
		Token   segue.Token   `msgpack:"t"`
		Refusal segue.Code    `msgpack:"r"`
		Detail  string        `msgpack:"d"`
		// Owner, which is another node than the one that answers if that one
		// only passed the request on.
		Owner segue.NodeID `msgpack:"o"`
	}
	redirectBody struct {
		Shard segue.ShardID `msgpack:"s"`
		Epoch segue.Epoch   `msgpack:"e"`
		Owner segue.NodeID  `msgpack:"o"`
	}
)

func callLimits() wire.Limits { return wire.Limits{Bytes: wire.MaxPayload, Depth: 16} }

// behind is how long a call waits for the log of this node to reach the epoch
// that its caller knows.
const behind = time.Second

// serveCall answers a CALL of another node. It runs on the goroutine that reads
// the connection.
func (n *Node) serveCall(ctx context.Context, payload []byte, reply func(wire.FrameType, []byte)) {
	var c callBody
	if err := wire.Unmarshal(payload, &c, callLimits()); err != nil {
		n.sendReply(reply, &replyBody{Refusal: segue.ErrBadRequest.Code(), Detail: err.Error()})

		return
	}

	addr := segue.Address{Kind: c.Kind, Key: c.Key}
	if err := addr.Validate(); err != nil || c.Request.Body.Name == "" {
		n.sendReply(reply, &replyBody{
			Refusal: segue.ErrBadRequest.Code(), Detail: fmt.Sprintf("call of %q on %s: %v", c.Request.Body.Name, addr, err),
		})

		return
	}

	// The log may tell others about this node before it has caught up itself.
	if n.driver() == nil {
		n.sendReply(reply, &replyBody{
			Refusal: segue.ErrRetry.Code(), Detail: fmt.Sprintf("node %s has not started yet", n.name),
		})

		return
	}

	shard := segue.ShardOf(addr, n.shards())

	if route, ok := n.cluster.Route(shard); ok && route.Epoch < c.Epoch {
		n.background.Go(func() { n.serveLate(ctx, shard, &c, reply) })

		return
	}

	n.serveNow(shard, addr, &c, reply)
}

// serveLate serves a call whose caller knows more than this node.
func (n *Node) serveLate(ctx context.Context, shard segue.ShardID, c *callBody, reply func(wire.FrameType, []byte)) {
	ctx, cancel := context.WithTimeout(ctx, behind)
	defer cancel()

	for {
		changed := n.changed()
		if route, ok := n.cluster.Route(shard); ok && route.Epoch >= c.Epoch {
			break
		}

		select {
		case <-changed:
			continue
		case <-ctx.Done():
		}

		break
	}

	n.serveNow(shard, segue.Address{Kind: c.Kind, Key: c.Key}, c, reply)
}

func (n *Node) serveNow(shard segue.ShardID, addr segue.Address, c *callBody, reply func(wire.FrameType, []byte)) {
	t := n.tickets.take(func(o *outcome) {
		if !o.redirect {
			n.sendReply(reply, &replyBody{Reply: o.reply, Token: o.token, Refusal: o.refusal, Detail: o.detail, Owner: o.owner})

			return
		}

		b, err := wire.Marshal(&redirectBody{Shard: shard, Epoch: o.epoch, Owner: o.owner})
		if err != nil {
			n.sendReply(reply, &replyBody{Refusal: segue.ErrInternal.Code(), Detail: err.Error()})

			return
		}

		reply(wire.Redirect, b)
	})
	n.driver().Request(shard, addr, &c.Request, t)
}

func (n *Node) sendReply(reply func(wire.FrameType, []byte), r *replyBody) {
	b, err := wire.Marshal(r)
	if err != nil {
		b, err = wire.Marshal(&replyBody{Refusal: segue.ErrInternal.Code(), Detail: err.Error()})
	}

	if err != nil {
		n.log.Error("cannot encode a reply", "err", err)
	}

	reply(wire.Reply, b)
}

// callPeer sends a request to another node and returns what became of it.
func (n *Node) callPeer(
	ctx context.Context, owner segue.NodeID, addr segue.Address, req *handoff.Request, epoch segue.Epoch,
) (*outcome, error) {
	payload, err := wire.Marshal(&callBody{Kind: addr.Kind, Key: addr.Key, Request: *req, Epoch: epoch})
	if err != nil {
		return nil, fmt.Errorf("encode call: %w", err)
	}

	t, body, err := n.cluster.Peers.Do(ctx, owner, wire.Call, payload)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", owner, err)
	}

	switch t { //nolint:exhaustive // the others are no answers to a call
	case wire.Reply:
		var r replyBody
		if err := wire.Unmarshal(body, &r, callLimits()); err != nil {
			return nil, fmt.Errorf("node %s: %w: %w: %w", owner, errUnreadable, segue.ErrOutcomeUnknown, err)
		}

		return &outcome{reply: r.Reply, token: r.Token, refusal: r.Refusal, detail: r.Detail, owner: r.Owner}, nil
	case wire.Redirect:
		var r redirectBody
		if err := wire.Unmarshal(body, &r, callLimits()); err != nil {
			return nil, fmt.Errorf("node %s: redirect: %w: %w", owner, errUnreadable, err)
		}

		return &outcome{redirect: true, owner: r.Owner, epoch: r.Epoch}, nil
	}

	return nil, fmt.Errorf("node %s answered %s to a call: %w: %w: %w", owner, t, errUnreadable, segue.ErrOutcomeUnknown, segue.ErrUnsupported)
}
