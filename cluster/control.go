package cluster

import (
	"context"
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/wire"
)

// An op is one question that nodes ask each other. The numbers are wire: do not
// reorder them, add new ones at the end.
type op uint8

const (
	opStatus  op = iota + 1 // anybody: who are you and how far did you come
	opPropose               // leader: append an entry
	opJoin                  // leader: let me in
	opRenew                 // leader: I am alive, let me serve
	opCertify               // leader: that node is dead for certain
	opLeave                 // leader: let me go
)

// envelope is the body of a Request frame.
type envelope struct {
	Op   op     `msgpack:"o"`
	Body []byte `msgpack:"b"`
}

// answer is the body of an Answer frame.
type answer struct {
	Code   segue.Code   `msgpack:"c"` // "" if it was done
	Detail string       `msgpack:"d"`
	Leader segue.NodeID `msgpack:"l"` // a hint, if the code says to ask elsewhere
	Body   []byte       `msgpack:"b"`
}

// Status is what a node says about itself. It is wire.
type Status struct {
	Node       segue.NodeID        `msgpack:"n"`
	Name       string              `msgpack:"m"`
	Start      uint64              `msgpack:"s"`
	Cluster    ownership.ClusterID `msgpack:"c"` // zero: belongs to none
	Generation uint64              `msgpack:"g"`
	Virgin     bool                `msgpack:"v"` // its store has no state
	Expect     uint8               `msgpack:"e"`
	Leader     segue.NodeID        `msgpack:"l"` // as it believes
	Applied    uint64              `msgpack:"a"` // raft index it has applied
	Term       uint64              `msgpack:"t"`
	Config     uint64              `msgpack:"f"` // index of its raft configuration
	// Contact is how long ago it heard the leader, in milliseconds, -1 never.
	Contact int64 `msgpack:"k"`
}

type proposeBody struct {
	Entry []byte `msgpack:"e"`
}

type renewBody struct {
	Node   segue.NodeID      `msgpack:"n"`
	Inc    segue.Incarnation `msgpack:"i"`
	Counts []countBody       `msgpack:"c"`
}

// grantBody comes with a lease.
type grantBody struct {
	Counts []nodeCount `msgpack:"c"`
}

type nodeCount struct {
	Node      segue.NodeID `msgpack:"n"`
	Processes uint64       `msgpack:"p"`
}

type countBody struct {
	Shard     segue.ShardID `msgpack:"s"`
	Processes uint64        `msgpack:"p"`
}

type nodeBody struct {
	Node  segue.NodeID      `msgpack:"n"`
	Inc   segue.Incarnation `msgpack:"i"`
	Start uint64            `msgpack:"s"`
}

type leaveBody struct {
	Gone bool   `msgpack:"g"` // not part of the cluster any more
	Why  string `msgpack:"w"` // what it waits for
}

func controlLimits() wire.Limits { return wire.Limits{Bytes: wire.MaxBulkFrame, Depth: 16} }

// Control answers a request of another node of the cluster. It may block until
// ctx is done. It never fails: what went wrong is in the answer.
func (c *Cluster) Control(ctx context.Context, from segue.NodeID, body []byte) []byte {
	var a answer

	reply, err := c.control(ctx, from, body)
	if err != nil {
		a.Code, a.Detail = segue.CodeOf(err), err.Error()
		a.Leader, _ = c.raft.Leader()
	} else if reply != nil {
		a.Body, err = wire.Marshal(reply)
		if err != nil {
			a = answer{Code: segue.ErrInternal.Code(), Detail: err.Error()}
		}
	}

	b, err := wire.Marshal(&a)
	if err != nil {
		c.cfg.Logger.ErrorContext(ctx, "cannot encode an answer", "err", err)
	}

	return b
}

func (c *Cluster) control(ctx context.Context, from segue.NodeID, body []byte) (any, error) {
	var e envelope
	if err := wire.Unmarshal(body, &e, controlLimits()); err != nil {
		return nil, fmt.Errorf("request: %w: %w", segue.ErrBadRequest, err)
	}

	switch e.Op {
	case opStatus:
		s := c.Status()

		return &s, nil
	case opPropose:
		b, err := open[proposeBody](e.Body)
		if err != nil {
			return nil, err
		}

		return c.proposeHere(ctx, b.Entry)
	case opJoin:
		b, err := open[ownership.Join](e.Body)
		if err != nil {
			return nil, err
		}

		if b.Node != from {
			return nil, fmt.Errorf("node %s asks for node %s: %w", from, b.Node, segue.ErrBadRequest)
		}

		return c.admit(ctx, *b)
	case opRenew:
		b, err := open[renewBody](e.Body)
		if err != nil {
			return nil, err
		}

		if err := c.leases.renew(ctx, from, b); err != nil {
			return nil, err
		}

		return c.countsByNode(), nil
	case opCertify:
		b, err := open[nodeBody](e.Body)
		if err != nil {
			return nil, err
		}

		return nil, c.leases.certify(b.Node, b.Inc)
	case opLeave:
		b, err := open[nodeBody](e.Body)
		if err != nil {
			return nil, err
		}

		return c.release(b.Node, b.Inc)
	}

	return nil, fmt.Errorf("request %d: %w", e.Op, segue.ErrUnsupported)
}

func open[T any](b []byte) (*T, error) {
	v := new(T)
	if err := wire.Unmarshal(b, v, controlLimits()); err != nil {
		return nil, fmt.Errorf("request: %w: %w", segue.ErrBadRequest, err)
	}

	return v, nil
}

// ask asks a node, or this one. The reply is filled unless it is nil.
func (c *Cluster) ask(ctx context.Context, node segue.NodeID, o op, body, reply any) error {
	payload, err := wire.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}

	request, err := wire.Marshal(&envelope{Op: o, Body: payload})
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}

	var raw []byte

	if node == c.id {
		raw = c.Control(ctx, node, request)
	} else {
		var t wire.FrameType

		t, raw, err = c.Peers.Do(ctx, node, wire.Request, request)
		if err != nil {
			return fmt.Errorf("node %s: %w", node, err)
		}

		if t != wire.Answer {
			return fmt.Errorf("node %s answered %s: %w", node, t, segue.ErrUnsupported)
		}
	}

	return readAnswer(raw, reply)
}

func readAnswer(raw []byte, reply any) error {
	var a answer
	if err := wire.Unmarshal(raw, &a, controlLimits()); err != nil {
		return fmt.Errorf("answer: %w", err)
	}

	if a.Code != "" {
		return &remoteError{err: segue.FromCode(a.Code, a.Detail), leader: a.Leader}
	}

	if reply == nil {
		return nil
	}

	if err := wire.Unmarshal(a.Body, reply, controlLimits()); err != nil {
		return fmt.Errorf("answer: %w", err)
	}

	return nil
}

// remoteError is what another node answered, with a hint where to ask.
type remoteError struct {
	err    error
	leader segue.NodeID
}

func (e *remoteError) Error() string { return e.err.Error() }
func (e *remoteError) Unwrap() error { return e.err }
