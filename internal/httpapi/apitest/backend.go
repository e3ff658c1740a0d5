// Package apitest has a made-up cluster for tests of what uses the admin API:
// an [httpapi.AdminBackend] that keeps everything in memory and changes only
// when it is told to.
//
// It promises that equal calls on equal backends give equal answers. It does
// not promise that a real cluster would answer the same.
package apitest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// A Backend is a made-up cluster. Its methods may be called by several
// goroutines.
type Backend struct {
	mu     sync.Mutex // guards the fields below
	c      Cluster
	frames []func(*Cluster)
	errs   []error
	calls  []string
}

// A Cluster is all that a [Backend] answers from.
type Cluster struct {
	Position httpapi.Position
	Status   httpapi.Status
	Members  []httpapi.Member
	Owners   []httpapi.Owner
	Rollouts []httpapi.Rollout // the newest first
	Losses   []httpapi.Loss
}

// New returns a backend that answers from c.
func New(c Cluster) *Backend { return &Backend{c: c} }

// Edit changes the cluster.
func (b *Backend) Edit(f func(c *Cluster)) {
	b.mu.Lock()
	defer b.mu.Unlock()

	f(&b.c)
}

// Play changes the cluster once before each of the reads that follow, of
// rollouts or of members, until there are no frames left.
func (b *Backend) Play(frames ...func(c *Cluster)) {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.frames = append(b.frames, frames...)
}

// Fail makes the changes that follow fail, one with each of errs; nil lets one
// pass.
func (b *Backend) Fail(errs ...error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.errs = append(b.errs, errs...)
}

// Calls returns the changes that were asked for, in their order, in words.
func (b *Backend) Calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()

	return slices.Clone(b.calls)
}

// Position implements [httpapi.Reader].
func (b *Backend) Position() httpapi.Position {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.c.Position
}

// Status implements [httpapi.Reader].
func (b *Backend) Status() httpapi.Status {
	b.mu.Lock()
	defer b.mu.Unlock()

	s := b.c.Status
	if len(b.c.Rollouts) > 0 {
		summary := b.c.Rollouts[0].RolloutSummary
		s.Rollout = &summary
	}

	return s
}

// Members implements [httpapi.Reader].
func (b *Backend) Members() []httpapi.Member {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.step()

	return slices.Clone(b.c.Members)
}

// Owners implements [httpapi.Reader].
func (b *Backend) Owners() []httpapi.Owner {
	b.mu.Lock()
	defer b.mu.Unlock()

	return slices.Clone(b.c.Owners)
}

// Rollouts implements [httpapi.Reader].
func (b *Backend) Rollouts() []httpapi.Rollout {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.step()

	return slices.Clone(b.c.Rollouts)
}

// Losses implements [httpapi.Reader].
func (b *Backend) Losses() []httpapi.Loss {
	b.mu.Lock()
	defer b.mu.Unlock()

	return slices.Clone(b.c.Losses)
}

// StartRollout implements [httpapi.Operator].
func (b *Backend) StartRollout(ctx context.Context, r httpapi.StartRequest) (httpapi.Rollout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if err := b.call(ctx, "start %s %v %q by %s", r.To, r.Stages, r.Reason, r.Actor); err != nil {
		return httpapi.Rollout{}, err
	}

	if len(r.Stages) == 0 {
		r.Stages = []int{5, 50, 100}
	}

	return b.begin(httpapi.Rollout{
		RolloutSummary: httpapi.RolloutSummary{From: b.from(r.To), To: r.To, Stages: r.Stages},
		Actor:          r.Actor, Reason: r.Reason, RequestID: r.RequestID,
	})
}

// UndoRollout implements [httpapi.Operator].
func (b *Backend) UndoRollout(ctx context.Context, r httpapi.UndoRequest) (httpapi.Rollout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if err := b.call(ctx, "undo %q by %s", r.Reason, r.Actor); err != nil {
		return httpapi.Rollout{}, err
	}

	for _, ro := range b.c.Rollouts {
		if ro.Phase == httpapi.Completed {
			return b.begin(httpapi.Rollout{
				RolloutSummary: httpapi.RolloutSummary{From: ro.To, To: ro.From, Stages: []int{100}},
				Undoes:         ro.Revision, Actor: r.Actor, Reason: r.Reason, RequestID: r.RequestID,
			})
		}
	}

	return httpapi.Rollout{}, fmt.Errorf("no rollout was completed, there is nothing to undo: %w", segue.ErrRefused)
}

// AbortRollout implements [httpapi.Operator].
func (b *Backend) AbortRollout(
	ctx context.Context, revision segue.Revision, r httpapi.AbortRequest,
) (httpapi.Rollout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if err := b.call(ctx, "abort %d %q by %s", revision, r.Reason, r.Actor); err != nil {
		return httpapi.Rollout{}, err
	}

	for i := range b.c.Rollouts {
		ro := &b.c.Rollouts[i]

		switch {
		case ro.Revision != revision:
			continue
		case ro.Phase.Ended():
			return httpapi.Rollout{}, fmt.Errorf("rollout %d is %s: %w", revision, ro.Phase, segue.ErrRefused)
		}

		ro.Phase, ro.Aborted, ro.Message = httpapi.Aborting, true, "aborted by "+r.Actor

		return *ro, nil
	}

	return httpapi.Rollout{}, fmt.Errorf("there is no rollout %d: %w", revision, segue.ErrNotFound)
}

// Drain implements [httpapi.Operator].
func (b *Backend) Drain(ctx context.Context, node segue.NodeID) (httpapi.Member, error) {
	return b.member(ctx, "drain", node, func(m *httpapi.Member) { m.Draining = true })
}

// Undrain implements [httpapi.Operator].
func (b *Backend) Undrain(ctx context.Context, node segue.NodeID) (httpapi.Member, error) {
	return b.member(ctx, "undrain", node, func(m *httpapi.Member) { m.Draining = false })
}

func (b *Backend) member(
	ctx context.Context, what string, node segue.NodeID, change func(m *httpapi.Member),
) (httpapi.Member, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if err := b.call(ctx, "%s %s", what, node); err != nil {
		return httpapi.Member{}, err
	}

	for i := range b.c.Members {
		if b.c.Members[i].ID == node {
			change(&b.c.Members[i])

			return b.c.Members[i], nil
		}
	}

	return httpapi.Member{}, fmt.Errorf("no member %s: %w", node, segue.ErrNotFound)
}

// step shows the next frame. The caller holds b.mu.
func (b *Backend) step() {
	if len(b.frames) > 0 {
		b.frames[0](&b.c)
		b.frames = b.frames[1:]
	}
}

// call notes a change and says whether it fails. The caller holds b.mu.
func (b *Backend) call(ctx context.Context, format string, args ...any) error {
	b.calls = append(b.calls, fmt.Sprintf(format, args...))

	if _, ok := ctx.Deadline(); !ok {
		return fmt.Errorf("the context has no deadline: %w", segue.ErrInternal)
	}

	if len(b.errs) == 0 {
		return nil
	}

	err := b.errs[0]
	b.errs = b.errs[1:]

	return err
}

// begin puts a new rollout on top. The caller holds b.mu.
func (b *Backend) begin(ro httpapi.Rollout) (httpapi.Rollout, error) {
	ro.Revision = 1

	for _, other := range b.c.Rollouts {
		if other.RequestID == ro.RequestID {
			return other, nil
		}
	}

	if len(b.c.Rollouts) > 0 {
		newest := b.c.Rollouts[0]
		if !newest.Phase.Ended() {
			return httpapi.Rollout{}, fmt.Errorf("rollout %d to %s is %s; abort it first: %w",
				newest.Revision, newest.To, newest.Phase, segue.ErrRefused)
		}

		ro.Revision = newest.Revision + 1
		ro.Started = newest.Updated
	}

	ro.Phase, ro.Stage, ro.Updated = httpapi.Progressing, 1, ro.Started
	ro.Share.Total = len(b.c.Owners)
	b.c.Rollouts = slices.Insert(b.c.Rollouts, 0, ro)

	return ro, nil
}

// from returns a release that is not to. The caller holds b.mu.
func (b *Backend) from(to string) string {
	for _, r := range b.c.Status.Releases {
		if r.Release != to {
			return r.Release
		}
	}

	return ""
}
