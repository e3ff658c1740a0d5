package handoff

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/histogram"
	"github.com/segue-cluster/segue/internal/wire"
)

// session is the source side of one run of the protocol: some shards, one
// target, one stream.
type session struct {
	d      *Driver
	id     segue.SessionID
	to     Peer
	shards []segue.ShardID // that were moved into it
	stream *stream
	wake   chan struct{} // something below changed

	mu       sync.Mutex // guards the fields below
	flipping []segue.ShardID
	commits  []ShardTally
	open     map[segue.ShardID]bool // not ended yet
	started  map[segue.Address]inFlight
	bytes    int // of records on their way
	pauses   histogram.Histogram
}

// inFlight is a process between freeze and active.
type inFlight struct {
	since time.Time
	bytes int
}

// start begins a session over shards; each of them has the same target. It
// reports false if none of them can move now.
func (d *Driver) start(id segue.SessionID, to Peer, shards []segue.ShardID) bool {
	x := &session{
		d: d, id: id, to: to, wake: make(chan struct{}, 1), open: map[segue.ShardID]bool{},
		started: map[segue.Address]inFlight{},
	}
	x.stream = newStream(x)

	var epochs []ShardEpoch

	for _, shard := range shards {
		s := d.slots[shard]

		d.with(shard, func(r *Replica, _ Moment, _ *Effects) {
			if v := r.View(); v.Assigned == to && r.Move(Session{ID: id, From: d.cfg.Self, To: to}) {
				s.links[id] = x.stream
				x.shards = append(x.shards, shard)
				x.open[shard] = true
				epochs = append(epochs, ShardEpoch{Shard: shard, Epoch: v.Epoch})
			}
		})
	}

	if len(epochs) == 0 {
		return false
	}

	d.mu.Lock()
	d.sessions[to.Node] = x
	d.mu.Unlock()

	if !d.spawn(func(ctx context.Context) { x.run(ctx, epochs) }) {
		x.unlink(errClosed)
		x.forgetMe()
	}

	return true
}

// run takes a session from Open to its end.
func (x *session) run(ctx context.Context, epochs []ShardEpoch) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer x.forgetMe()

	began := time.Now()
	log := x.d.cfg.Logger.With("session", x.id, "to", x.to.Node)

	if err := x.establish(ctx, epochs); err != nil {
		log.WarnContext(ctx, "session did not start", "shards", len(x.shards), "err", err)
		x.unlink(err)
		x.settle(ctx)

		return
	}

	established := time.Now()
	x.follow(ctx)
	log.DebugContext(ctx, "session ended", "shards", len(x.shards), "established", established.Sub(began), "took", time.Since(began))

	if err := x.stream.cause(); err != nil {
		log.WarnContext(ctx, "session lost its stream", "err", err)
	}

	x.unlink(errClosed)
	x.settle(ctx)
}

// establish opens the session and its stream.
func (x *session) establish(ctx context.Context, epochs []ShardEpoch) error {
	ctx, cancel := context.WithTimeout(ctx, x.d.cfg.OpenTimeout)
	defer cancel()

	s := Session{ID: x.id, From: x.d.cfg.Self, To: x.to}

	opened, err := x.propose(ctx, s, epochs)
	for i, e := range epochs {
		if err != nil || !opened[i] {
			x.d.with(e.Shard, func(r *Replica, _ Moment, out *Effects) { r.Refused(x.id, out) })
		}
	}

	if err != nil {
		return err
	}

	conn, err := x.d.cfg.Dial(ctx, x.to.Node)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}

	hellos, err := x.hellos(ctx)
	if err != nil {
		return err
	}

	if len(hellos) == 0 {
		_ = conn.Close() //nolint:errcheck // nothing was sent

		return nil
	}

	return x.greet(ctx, conn, hellos)
}

// propose asks for Open until the outcome is known.
func (x *session) propose(ctx context.Context, s Session, epochs []ShardEpoch) ([]bool, error) {
	for {
		opened, err := x.d.cfg.Arbiter.Open(ctx, s, epochs)
		if err == nil {
			return opened, nil
		}

		if !sleep(ctx, proposeRetry) {
			return nil, fmt.Errorf("open: %w", err)
		}
	}
}

// hellos waits until the own log shows every shard that was opened, and returns
// them.
func (x *session) hellos(ctx context.Context) ([]segue.ShardID, error) {
	var shards []segue.ShardID

	for {
		shards = append(shards, x.stream.takeHellos()...)

		x.mu.Lock()
		want := len(x.open)
		x.mu.Unlock()

		if len(shards) >= want {
			return shards, nil
		}

		select {
		case <-x.wake:
		case <-x.stream.ready:
		case <-ctx.Done():
			return nil, fmt.Errorf("the entry of the session did not come back: %w", context.Cause(ctx))
		}
	}
}

// greet sends the greeting, waits for the answer and starts the stream.
func (x *session) greet(ctx context.Context, conn net.Conn, shards []segue.ShardID) error {
	index := uint64(0)
	x.d.Inspect(shards[0], func(r *Replica) { index = r.Session().Index })

	hello, err := appendBody(nil, wire.Hello, &helloBody{
		Session: x.id, Shards: shards, Index: index, FromInc: x.d.cfg.Self.Inc, ToInc: x.to.Inc,
		Manifest: x.d.cfg.Host.Manifest(),
	})
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}

	deadline, _ := ctx.Deadline()

	patience := &patient{conn: conn, silence: time.Until(deadline)}
	reader := wire.NewReader(patience)

	answer, err := exchange(conn, reader, hello, deadline)
	if err == nil {
		err = x.welcomed(ctx, answer, shards)
	}

	if err != nil {
		_ = conn.Close() //nolint:errcheck // it failed already

		return err
	}

	*patience = patient{conn: conn, silence: x.d.cfg.Silence}

	return x.attach(conn, reader, answer)
}

// exchange sends the greeting and reads the answer to it.
func exchange(conn net.Conn, reader *wire.Reader, hello []byte, deadline time.Time) (welcomeBody, error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return welcomeBody{}, fmt.Errorf("set deadline: %w", err)
	}

	if _, err := conn.Write(hello); err != nil {
		return welcomeBody{}, fmt.Errorf("hello: %w", err)
	}

	for {
		t, payload, err := reader.Next()
		if err != nil {
			return welcomeBody{}, fmt.Errorf("welcome: %w", err)
		}

		switch {
		case t == wire.Ping:
		case t != wire.Welcome:
			return welcomeBody{}, fmt.Errorf("the target answered %s to HELLO: %w", t, segue.ErrUnsupported)
		default:
			return decodeBody[welcomeBody](t, payload)
		}
	}
}

// welcomed checks what the target answered.
func (x *session) welcomed(ctx context.Context, w welcomeBody, shards []segue.ShardID) error {
	why := w.Refused

	if why == "" {
		if err := x.d.cfg.Host.Agree(x.id, x.to, w.Manifest); err != nil {
			why = err.Error()
		}
	}

	if why == "" {
		return nil
	}

	x.d.cfg.Logger.WarnContext(ctx, "target cannot take the shards", "session", x.id, "to", x.to.Node, "why", why)

	for _, shard := range shards {
		x.d.with(shard, func(r *Replica, _ Moment, out *Effects) { r.Retreat(x.id, why, true, out) })
	}

	return fmt.Errorf("the target cannot take the shards: %s", why)
}

// attach starts the two directions of the stream and lets the replicas begin.
func (x *session) attach(conn net.Conn, reader *wire.Reader, w welcomeBody) error {
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}

	d := x.d

	ok := d.spawn(func(ctx context.Context) {
		stop := context.AfterFunc(ctx, func() { x.stream.fail(errClosed) })
		defer stop()

		x.stream.write(ctx, conn, d.cfg.Silence)
	})
	ok = ok && d.spawn(func(context.Context) {
		x.stream.fail(d.read(reader, func(f *Frame) error { return x.frame(f) }))
		x.notify()
	})

	if !ok {
		_ = conn.Close() //nolint:errcheck // the driver stops

		return errClosed
	}

	for _, shard := range w.Shards {
		if int(shard) < len(d.slots) {
			f := Frame{Kind: FrameWelcome, Session: x.id, Shard: shard, Index: w.Index}
			d.with(shard, func(r *Replica, at Moment, out *Effects) { r.Frame(&f, at, out) })
		}
	}

	return nil
}

// frame handles one frame of the target.
func (x *session) frame(f *Frame) error {
	if int(f.Shard) >= len(x.d.slots) {
		return fmt.Errorf("frame %s for shard %d of %d: %w", f.Kind, f.Shard, len(x.d.slots), segue.ErrBadRequest)
	}

	if f.Kind == FrameActive {
		x.active(f.Process)
	}

	x.d.with(f.Shard, func(r *Replica, at Moment, out *Effects) { r.Frame(f, at, out) })

	return nil
}

// read hands the frames of a stream to f until it ends.
func (d *Driver) read(reader *wire.Reader, f func(*Frame) error) error {
	for {
		t, payload, err := reader.Next()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}

		if t == wire.Ping {
			continue
		}

		frame, err := decodeFrame(t, payload, d.cfg.Moment().Now)
		if err == nil {
			err = f(&frame)
		}

		if err != nil {
			return err
		}
	}
}

// forgetMe takes the session out of the driver.
func (x *session) forgetMe() {
	x.d.mu.Lock()
	if x.d.sessions[x.to.Node] == x {
		delete(x.d.sessions, x.to.Node)
	}
	x.d.mu.Unlock()

	for _, shard := range x.shards {
		s := x.d.slots[shard]

		s.mu.Lock()
		delete(s.links, x.id)
		s.mu.Unlock()
	}

	x.d.nudge()
}

// unlink ends the stream and tells the replicas.
func (x *session) unlink(err error) {
	x.stream.fail(err)

	for _, shard := range x.shards {
		x.d.with(shard, func(r *Replica, _ Moment, out *Effects) { r.Unlinked(x.id, out) })
	}
}

func (x *session) notify() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}
