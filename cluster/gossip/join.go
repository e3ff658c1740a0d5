package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/segue-cluster/segue"
)

const (
	// A node that never met another one tries its seeds at these intervals,
	// doubling from the first to the last.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second

	// Limits of one try: addresses that are contacted, and how many of them at
	// the same time. A try picks at random, so that none is left out for ever.
	maxContacts        = 16
	concurrentContacts = 8
	maxKnown           = 1024 // known addresses that are looked at
	maxReasons         = 4    // reasons that a JoinState lists
)

// A JoinState tells how the tries to find other nodes go.
type JoinState struct {
	// Joined is set once another member was seen, whoever found whom.
	Joined bool
	// Tries counts the tries that had an address to contact or a name to look
	// up; LastTry is the time of the last of them.
	Tries   int
	LastTry time.Time
	// Err says why nobody could be reached by the last try, nil if somebody
	// was. It matches [ErrCookieMismatch], [ErrHungUp] or segue.ErrWrongCluster
	// if that was a reason. The text is the same as long as the reasons are.
	Err error
}

// JoinState returns how the tries to find other nodes go.
func (g *Gossip) JoinState() JoinState {
	g.mu.Lock()
	defer g.mu.Unlock()

	s := g.join
	s.Joined = g.Joined()

	return s
}

// Joined reports whether another member was seen since Run started.
func (g *Gossip) Joined() bool {
	select {
	case <-g.table.met:
		return true
	default:
		return false
	}
}

// reconnect contacts, until ctx ends, every address that should have a member
// but has none: after a partition of more than [Timing.GossipToTheDead]
// memberlist alone would never heal.
func (g *Gossip) reconnect(ctx context.Context, list *memberlist.Memberlist, self netip.AddrPort) {
	met := g.table.met
	retry := firstRetry

	timer := time.NewTimer(0)
	defer timer.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-met:
			met = nil // closed for good
			retry = g.cfg.Timing.Reconnect
			timer.Reset(jitter(retry))

			continue
		case <-timer.C:
		}

		start := time.Now()
		g.try(ctx, list, self)
		timer.Reset(max(jitter(retry)-time.Since(start), firstRetry/10))

		if met != nil {
			retry = min(2*retry, lastRetry)
		}
	}
}

// jitter adds up to a tenth, so that nodes that started together do not stay
// in step.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/10+1) }

// try contacts the missing addresses once.
func (g *Gossip) try(ctx context.Context, list *memberlist.Memberlist, self netip.AddrPort) {
	addrs, errs := g.resolveAll(ctx)
	addrs = g.missing(addrs, self)

	if len(addrs) == 0 && len(errs) == 0 {
		return
	}

	reached := len(addrs) - len(g.contact(list, addrs, &errs))

	if foreign := g.table.takeForeign(); foreign != "" && !g.Joined() {
		reached = 0
		errs = append(errs, fmt.Errorf("%s: %w", foreign, segue.ErrWrongCluster))
	}

	if ctx.Err() != nil {
		return // hung up
	}

	var err error
	if reached == 0 {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })

		if len(errs) > maxReasons {
			errs = append(errs[:maxReasons:maxReasons], fmt.Errorf("and %d more", len(errs)-maxReasons))
		}

		err = errors.Join(errs...)
	}

	g.mu.Lock()
	g.join.Tries++
	g.join.LastTry, g.join.Err = time.Now(), err
	tries := g.join.Tries
	g.mu.Unlock()

	if err != nil {
		g.log.LogAttrs(ctx, g.levelOf(err), "no node could be reached to join, trying again",
			slog.Int("tries", tries), slog.Any("error", err))
	}
}

// levelOf is the level at which a failed try is logged: the same reason is
// worth a warning once, and none after others were met, since some addresses
// stay dead for ever.
func (g *Gossip) levelOf(err error) slog.Level {
	g.mu.Lock()
	defer g.mu.Unlock()

	text := err.Error()
	if g.Joined() || text == g.warned {
		return slog.LevelDebug
	}

	g.warned = text

	return slog.LevelWarn
}

// resolveAll looks up the seeds and the known addresses, all at the same time.
func (g *Gossip) resolveAll(ctx context.Context) ([]netip.AddrPort, []error) {
	names := g.cfg.Seeds
	if g.cfg.KnownAddrs != nil {
		known := g.cfg.KnownAddrs()
		names = append(slices.Clip(names), known[:min(len(known), maxKnown)]...)
	}

	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, concurrentContacts)
		found = make([][]netip.AddrPort, len(names))
		errs  = make([]error, len(names))
	)

	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}

			found[i], errs[i] = g.resolve(ctx, name)

			<-slots
		})
	}

	wg.Wait()

	var (
		addrs   []netip.AddrPort
		reasons []error
	)

	for i := range names {
		addrs = append(addrs, found[i]...)

		if errs[i] != nil {
			reasons = append(reasons, errs[i])
		}
	}

	return addrs, reasons
}

// missing picks, of addrs and the addresses of failed members, those where no
// live member is.
func (g *Gossip) missing(addrs []netip.AddrPort, self netip.AddrPort) []netip.AddrPort {
	skip := map[netip.AddrPort]bool{self: true, g.sockets.addr: true}

	for _, m := range g.Members() {
		switch m.Status {
		case StatusAlive, StatusSuspect, StatusLeaving:
			skip[m.GossipAddr] = true
		case StatusFailed:
			addrs = append(addrs, m.GossipAddr)
		case StatusLeft:
		}
	}

	var picked []netip.AddrPort

	for _, i := range rand.Perm(len(addrs)) {
		if a := addrs[i]; !skip[a] && len(picked) < maxContacts {
			skip[a] = true
			picked = append(picked, a)
		}
	}

	return picked
}

// contact exchanges the state with the nodes at addrs. It returns the
// addresses that could not be reached, and adds the reasons to errs.
func (g *Gossip) contact(list *memberlist.Memberlist, addrs []netip.AddrPort, errs *[]error) (failed []netip.AddrPort) {
	var (
		wg      sync.WaitGroup
		slots   = make(chan struct{}, concurrentContacts)
		results = make([]error, len(addrs))
	)

	for i, addr := range addrs {
		wg.Go(func() {
			slots <- struct{}{}

			_, results[i] = list.Join([]string{addr.String()})

			<-slots
		})
	}

	wg.Wait()

	for i, err := range results {
		if err != nil {
			failed = append(failed, addrs[i])
			*errs = append(*errs, g.advise(explain(addrs[i], err)))
		}
	}

	return failed
}

// advise adds to a mismatch what a person compares to mend it.
func (g *Gossip) advise(err error) error {
	if g.cfg.KeyID == "" || !errors.Is(err, ErrCookieMismatch) {
		return err
	}

	return fmt.Errorf("%w; this node's gives key %s; give both the same cookie file", err, g.cfg.KeyID)
}

// explain says in words what an error of memberlist's Join means. Its texts are
// no contract: tests provoke each of them.
func explain(addr netip.AddrPort, err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // one address, one error
	}

	text := strings.TrimPrefix(err.Error(), "failed to join "+addr.String()+": ")

	switch {
	case strings.Contains(text, "no installed keys could decrypt"):
		return fmt.Errorf("%w: %s has another cookie", ErrCookieMismatch, addr)
	case strings.Contains(text, "is not encrypted"):
		return fmt.Errorf("%s answers without encryption: it is no gossip port of Segue", addr)
	case strings.HasSuffix(text, "EOF"), strings.Contains(text, "connection reset"), strings.Contains(text, "broken pipe"):
		return fmt.Errorf("%s hung up: %w", addr, ErrHungUp)
	}

	return fmt.Errorf("%s: %s", addr, text)
}
