package rollout

import (
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

// back brings every shard that the release owns to the former one, all at once,
// and keeps away those that are only assigned to it.
func back(t *ownership.Table, ro *ownership.Rollout, now int64) []ownership.Command {
	var (
		p                = plan{t: t, ro: ro}
		open, stuck, due []segue.ShardID // on their way or waiting, held, to be assigned
		reason           string
	)

	for i := range t.Shards {
		id, s := segue.ShardID(i), &t.Shards[i]

		switch {
		case s.Owner.IsZero():
		case t.Members[s.Owner].Release != ro.To:
			p.takeBack(id, s)
		default:
			switch standingOf(t, s, ro.From, ro.Since) {
			case free:
				due = append(due, id)
			case busy:
				if p.overrides(s) {
					due = append(due, id)
				} else {
					open = append(open, id)
				}
			case held:
				stuck = append(stuck, id)
				reason = s.Hold.Reason
			case at, coming, leaving:
				open = append(open, id)
			}
		}
	}

	p.assign(due, len(due), placement.Hosts(t, placement.OfRelease(ro.From)))

	cmds := p.commands()

	switch {
	case len(cmds) > 0:
		return cmds
	case len(due) > 0:
		return advance(ro, ownership.Failed, ro.Stage, "no node of release "+ro.From+" is left to go back to", now)
	case len(open) > 0, p.drained:
		return nil
	case len(stuck) > 0:
		return advance(ro, ownership.Failed, ro.Stage, fmt.Sprintf(
			"%d shards cannot go back to release %s and are held at release %s: %s", len(stuck), ro.From, ro.To, reason), now)
	}

	return advance(ro, ownership.RolledBack, ro.Stage, ro.Message, now)
}

// takeBack keeps a shard away from the release that the rollout leaves. A drain
// sends it there only if nothing else is left, and is not hindered.
func (p *plan) takeBack(id segue.ShardID, s *ownership.Shard) {
	switch {
	case s.Assigned.IsZero() || p.t.Members[s.Assigned].Release != p.ro.To:
	case s.Cause == ownership.CauseDrain && p.t.Members[s.Owner].Draining:
		p.drained = p.drained || s.Hold.Reason == ""
	default:
		p.recall([]segue.ShardID{id})
	}
}

// overrides reports whether the way back is more important than what else
// moves a shard of a live owner. A drain is not overridden: it would start again.
func (p *plan) overrides(s *ownership.Shard) bool {
	return p.t.Live(s.Owner, s.OwnerInc) && s.Cause != ownership.CauseDrain
}
