package handoff

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// Serve runs the target side of a session on a stream that a peer opened, until
// it ends. It closes conn, which was authenticated for peer.
func (d *Driver) Serve(ctx context.Context, conn net.Conn, peer segue.NodeID) {
	err := d.serve(ctx, conn, peer)
	_ = conn.Close() //nolint:errcheck // nothing can be done about it

	if err != nil {
		d.cfg.Logger.DebugContext(ctx, "handoff stream ended", "from", peer, "err", err)
	}
}

func (d *Driver) serve(ctx context.Context, conn net.Conn, peer segue.NodeID) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	if err := conn.SetDeadline(time.Now().Add(d.cfg.OpenTimeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}

	reader := wire.NewReader(&patient{conn: conn, silence: d.cfg.Silence})

	hello, err := readHello(reader, len(d.slots))
	if err != nil {
		return err
	}

	from := Peer{Node: peer, Inc: hello.FromInc}
	if err := d.ready(ctx, conn, from, hello); err != nil {
		return err
	}

	st, ready := d.join(hello)
	defer d.leave(hello, st)

	welcome, err := appendBody(nil, wire.Welcome, &welcomeBody{
		Session: hello.Session, Shards: ready, Index: d.appliedIndex(), Manifest: d.cfg.Host.Manifest(),
	})
	if err != nil {
		return err
	}

	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}

	st.sendRaw(welcome)

	writer := make(chan struct{})

	go func() {
		defer close(writer)
		st.write(ctx, conn, d.cfg.Silence)
	}()

	err = d.read(reader, func(f *Frame) error { return d.fromSource(f) })
	st.fail(err)
	cancel()
	<-writer

	return err
}

func readHello(reader *wire.Reader, shards int) (helloBody, error) {
	t, payload, err := reader.Next()
	if err != nil {
		return helloBody{}, fmt.Errorf("hello: %w", err)
	}

	if t != wire.Hello {
		return helloBody{}, fmt.Errorf("a stream began with %s: %w", t, segue.ErrBadRequest)
	}

	hello, err := decodeBody[helloBody](t, payload)
	if err != nil {
		return helloBody{}, err
	}

	for _, s := range hello.Shards {
		if int(s) >= shards {
			return helloBody{}, fmt.Errorf("hello for shard %d of %d: %w", s, shards, segue.ErrBadRequest)
		}
	}

	return hello, nil
}

// ready waits until the own log shows the session, and agrees on how processes
// travel. What speaks against it is told to the source.
func (d *Driver) ready(ctx context.Context, conn net.Conn, from Peer, hello helloBody) error {
	wait, cancel := context.WithTimeout(ctx, d.cfg.OpenTimeout)
	defer cancel()

	why := ""

	switch err := d.reached(wait, hello.Index); {
	case err != nil:
		return err // the source gives up as well
	case hello.ToInc != d.cfg.Self.Inc:
		return fmt.Errorf("hello for incarnation %d, this is %d: %w", hello.ToInc, d.cfg.Self.Inc, segue.ErrFenced)
	}

	if err := d.cfg.Host.Agree(hello.Session, from, hello.Manifest); err != nil {
		why = err.Error()
	}

	if why == "" {
		return nil
	}

	refusal, err := appendBody(nil, wire.Welcome, &welcomeBody{Session: hello.Session, Refused: clip(why)})
	if err != nil {
		return err
	}

	if _, err := conn.Write(refusal); err != nil {
		return fmt.Errorf("refuse: %w", err)
	}

	return fmt.Errorf("refused a session of %s: %s", from.Node, why)
}

// join links the replicas of a session to a new stream and returns those that
// are ready.
func (d *Driver) join(hello helloBody) (*stream, []segue.ShardID) {
	st := newStream(nil)

	for _, shard := range hello.Shards {
		s := d.slots[shard]

		s.mu.Lock()
		s.links[hello.Session] = st
		s.mu.Unlock()

		f := Frame{Kind: FrameHello, Session: hello.Session, Shard: shard, Index: hello.Index}
		d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Frame(&f, at, out) })
	}

	return st, st.takeHellos()
}

// leave unlinks the replicas from their stream.
func (d *Driver) leave(hello helloBody, st *stream) {
	for _, shard := range hello.Shards {
		s := d.slots[shard]

		s.mu.Lock()
		if s.links[hello.Session] == st {
			delete(s.links, hello.Session)
		}
		s.mu.Unlock()

		d.with(shard, func(r *Replica, _ Moment, out *Effects) { r.Unlinked(hello.Session, out) })
	}
}

func (d *Driver) fromSource(f *Frame) error {
	if int(f.Shard) >= len(d.slots) {
		return fmt.Errorf("frame %s for shard %d of %d: %w", f.Kind, f.Shard, len(d.slots), segue.ErrBadRequest)
	}

	known := true
	d.with(f.Shard, func(r *Replica, at Moment, out *Effects) { known = r.Frame(f, at, out) })

	if !known {
		return fmt.Errorf("frame %s of session %d, which is not in the log: %w", f.Kind, f.Session, segue.ErrBadRequest)
	}

	return nil
}

func (d *Driver) appliedIndex() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()

	return d.applied
}
