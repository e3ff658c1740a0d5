package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// Fixed settings of the gossip library.
const (
	awarenessMax   = 8 // a slow node stretches its probes up to so many times
	indirectChecks = 3
	retransmitMult = 4
	gossipNodes    = 3
	packetSize     = 1400 // fits an Ethernet frame
	handoffQueue   = 1024

	// The waits for a message to be sent a few times: the announcement of a
	// leave, the leave itself, a change of the meta. What they miss, the
	// exchange of the whole state delivers.
	announceTimeout = 500 * time.Millisecond
	leaveTimeout    = 2 * time.Second
	updateTimeout   = time.Second
)

// Run gossips until ctx ends, then announces the leave (unless the cause of the
// end is [ErrNoLeave]), stops, and returns after the last of its goroutines has
// ended; a stop takes up to 4 s. It returns nil after a normal stop, and an
// error if it could not start: the advertised address does not resolve, or Run
// was called before.
//
// That no seed answers is no error: Run goes on trying, see [Gossip.JoinState].
func (g *Gossip) Run(ctx context.Context) error {
	if g.started.Swap(true) {
		return errors.New("gossip: Run was called before")
	}

	advertise, err := g.advertised(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("gossip: %w", err), g.sockets.close())
	}

	// The transport and the log outlive ctx: the leave needs them.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()

	dials, hangUp := context.WithCancel(life)
	defer hangUp()

	chat := &chatter{log: g.log, table: g.table, counts: &g.counts, lines: g.lines}
	t := newTransport(dials, g.cfg.Network, g.sockets, advertise, chat)

	config, err := g.listConfig(advertise, t, chat)
	if err != nil {
		return errors.Join(fmt.Errorf("gossip: %w", err), t.Shutdown())
	}

	list, err := memberlist.Create(config)
	if err != nil {
		return errors.Join(fmt.Errorf("gossip: start on %s: %w", advertise, err), t.Shutdown())
	}

	g.list.Store(list)
	g.log.LogAttrs(ctx, slog.LevelInfo, "gossip started",
		slog.String("name", g.table.self), slog.Any("bound", g.sockets.addr), slog.Any("advertised", advertise))

	var serving, working sync.WaitGroup

	serving.Go(t.readPackets)
	serving.Go(t.accept)
	serving.Go(func() { g.report(life) })
	working.Go(func() { g.spread(ctx, list) })
	working.Go(func() { g.reconnect(ctx, list, advertise) })

	<-ctx.Done()
	hangUp()
	t.hangUp() // a join that is under way ends now
	working.Wait()

	if !errors.Is(context.Cause(ctx), ErrNoLeave) {
		g.leave(life, list)
	}

	g.list.Store(nil)

	err = list.Shutdown()

	g.table.close() // from here on, callbacks change nothing
	end()
	serving.Wait()

	if err != nil {
		return fmt.Errorf("gossip: stop: %w", err)
	}

	return nil
}

func (g *Gossip) listConfig(advertise netip.AddrPort, t *transport, chat *chatter) (*memberlist.Config, error) {
	timing := g.cfg.Timing
	d := delegate{table: g.table, meta: g.packedMeta}

	keys, err := memberlist.NewKeyring(nil, g.cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("gossip key: %w", err)
	}

	c := memberlist.DefaultLANConfig()
	c.Name = g.table.self
	c.Label = "segue/" + g.cfg.Cluster
	c.Transport = t
	c.BindAddr, c.BindPort = g.sockets.addr.Addr().String(), int(g.sockets.addr.Port())
	c.AdvertiseAddr, c.AdvertisePort = advertise.Addr().String(), int(advertise.Port())
	c.Keyring, c.GossipVerifyIncoming, c.GossipVerifyOutgoing = keys, true, true
	c.EnableCompression = false // what is sent is small
	c.Delegate, c.Events, c.Alive, c.Conflict, c.Ping = d, d, d, d, d
	c.LogOutput, c.Logger = nil, slog.NewLogLogger(chat, slog.LevelInfo)

	c.TCPTimeout = timing.StreamTimeout
	c.ProbeInterval, c.ProbeTimeout = timing.ProbeInterval, timing.ProbeTimeout
	c.SuspicionMult = timing.SuspicionMult
	c.GossipInterval, c.GossipToTheDeadTime = timing.GossipInterval, timing.GossipToTheDead
	c.PushPullInterval = timing.PushPullInterval
	c.AwarenessMaxMultiplier, c.IndirectChecks = awarenessMax, indirectChecks
	c.RetransmitMult, c.GossipNodes = retransmitMult, gossipNodes
	c.UDPBufferSize, c.HandoffQueueDepth = packetSize, handoffQueue

	return c, nil
}

// spread sends every change of the meta, until ctx ends.
func (g *Gossip) spread(ctx context.Context, list *memberlist.Memberlist) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.dirty:
		}

		if err := list.UpdateNode(updateTimeout); err != nil {
			g.log.LogAttrs(ctx, slog.LevelDebug, "the meta takes long to spread", slog.Any("error", err))
		}
	}
}

// leave tells the others that this node goes, first in the meta, so that they
// can tell a leave from a failure: memberlist's event is the same for both.
func (g *Gossip) leave(ctx context.Context, list *memberlist.Memberlist) {
	m := g.Meta()
	m.Flags |= FlagLeaving

	err := g.setMeta(m)
	if err == nil {
		err = list.UpdateNode(announceTimeout)
	}

	if err := errors.Join(err, list.Leave(leaveTimeout)); err != nil {
		g.log.LogAttrs(ctx, slog.LevelDebug, "the leave takes long to spread", slog.Any("error", err))
	}
}

// report writes events and the library's lines to the log until ctx ends, and
// then what is left of them.
func (g *Gossip) report(ctx context.Context) {
	var (
		seq  uint64
		hush quiet
	)

	for ended := false; !ended; {
		changed := g.Changed()

		events, _ := g.Events(seq)
		for _, e := range events {
			seq = e.Seq
			g.logEvent(ctx, e)
		}

		select {
		case <-changed:
		case l := <-g.lines:
			if suppressed, ok := hush.pass(l, time.Now()); ok {
				l.write(ctx, g.log, suppressed, g.cfg.KeyID)
			}
		case <-ctx.Done():
			ended = true
		}
	}

	for events, _ := g.Events(seq); len(events) > 0; events = events[1:] {
		g.logEvent(ctx, events[0])
	}
}

func (g *Gossip) logEvent(ctx context.Context, e Event) { //nolint:gocritic // once per event
	level := slog.LevelInfo

	switch e.Kind {
	case EventUpdated, EventSuspect, EventRecovered:
		level = slog.LevelDebug
	case EventFailed, EventDuplicate, EventConflict:
		level = slog.LevelWarn
	case EventJoined, EventLeaving, EventLeft:
	}

	if e.Member.Self {
		level = slog.LevelDebug
	}

	attrs := []slog.Attr{
		slog.String("member", e.Member.Name.String()), slog.Any("node", e.Member.Node),
		slog.Any("addr", e.Member.GossipAddr), slog.String("status", e.Member.Status.String()),
	}
	if e.Detail != "" {
		attrs = append(attrs, slog.String("detail", e.Detail))
	}

	g.log.LogAttrs(ctx, level, "member "+e.Kind.String(), attrs...) //nolint:sloglint // one of the kinds
}
