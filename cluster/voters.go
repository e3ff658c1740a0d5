package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/voters"
)

const (
	pollOften   = 50 * time.Millisecond  // between two polls while the configuration has to change
	pollSeldom  = 500 * time.Millisecond // otherwise
	pollTimeout = 400 * time.Millisecond // for one answer
	actTimeout  = 5 * time.Second        // for one change of the configuration
)

// votersWork changes who votes, one step at a time, while this node leads.
type votersWork struct {
	c      *Cluster
	config voters.Config

	progress map[segue.NodeID]voters.Progress
	changed  time.Time
	said     string // the last reason to wait that was logged
}

func newVotersWork(c *Cluster) *votersWork {
	return &votersWork{c: c, progress: map[segue.NodeID]voters.Progress{}, changed: time.Now()}
}

// run polls the other nodes and carries out what follows, until ctx is done.
func (v *votersWork) run(ctx context.Context) {
	for {
		wait := pollSeldom
		if action, ok := v.next(ctx); ok && action.Kind != voters.None {
			wait = pollOften
			v.act(ctx, action)
		}

		if !pause(ctx, wait) {
			return
		}
	}
}

// next polls everybody and decides.
func (v *votersWork) next(ctx context.Context) (voters.Action, bool) {
	servers, index, err := v.c.raft.Servers()
	if err != nil {
		return voters.Action{}, false
	}

	view := voters.View{
		Now: time.Now(), Leader: v.c.id, Term: v.c.raft.Term(), ConfigIndex: index, Commit: v.c.raft.Progress().Commit,
		Changed: v.changed, Leaving: v.c.leavers(),
	}

	for _, s := range servers {
		view.Servers = append(view.Servers, voters.Server{ID: s.ID, Voter: s.Voter})
	}

	v.poll(ctx, view.Servers, view.Commit)
	view.Now, view.Progress = time.Now(), v.progress

	v.c.machine.view(func(t *ownership.Table) { view.Table = t.Clone() })

	if !view.Table.Formed() {
		return voters.Action{}, false
	}

	view.Wanted = voters.Wanted(view.Table)

	return v.config.Next(view), true
}

// poll asks every other node of the configuration how far it is, all at once.
func (v *votersWork) poll(ctx context.Context, servers []voters.Server, commit uint64) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()

	var (
		wg sync.WaitGroup
		mu sync.Mutex // guards answers
	)

	answers := map[segue.NodeID]voters.Progress{}

	for _, s := range servers {
		if s.ID == v.c.id {
			continue
		}

		before := v.progress[s.ID]

		wg.Go(func() {
			var status Status

			p := v.config.Unanswered(before)
			if err := v.c.ask(ctx, s.ID, opStatus, &struct{}{}, &status); err == nil && status.Node == s.ID {
				contact := time.Duration(status.Contact) * time.Millisecond
				if status.Contact < 0 {
					contact = time.Hour // never
				}

				p = v.config.Answered(before, voters.Progress{
					Heard: time.Now(), Commit: commit, Applied: status.Applied, Contact: contact, Term: status.Term,
				})
			}

			mu.Lock()
			defer mu.Unlock()

			answers[s.ID] = p
		})
	}

	wg.Wait()
	v.progress = answers
}

// act carries out one action.
func (v *votersWork) act(ctx context.Context, a voters.Action) {
	log := v.c.cfg.Logger.With("action", a.Kind.String(), "node", a.Node, "because", a.Reason)

	if a.Idle() {
		if a.Reason != v.said {
			v.said = a.Reason
			log.InfoContext(ctx, "the configuration of voters has to change")
		}

		return
	}

	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()

	var err error

	switch a.Kind {
	case voters.None, voters.Wait:
		return
	case voters.AddNonvoter:
		err = v.c.raft.AddNonvoter(ctx, a.Node)
	case voters.Promote:
		err = v.c.raft.Promote(ctx, a.Node)
	case voters.Transfer:
		err = v.c.raft.TransferTo(ctx, a.Node)
	case voters.Remove:
		err = v.c.raft.Remove(ctx, a.Node)
	}

	v.changed = time.Now()

	if err != nil {
		log.WarnContext(ctx, "the configuration of voters did not change", "err", err)
	} else {
		log.InfoContext(ctx, "the configuration of voters changed")
	}
}
