package rollout

import (
	"fmt"

	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/cluster/placement"
)

func forward(t *ownership.Table, ro *ownership.Rollout, now int64) []ownership.Command {
	share := shareOf(t, ro.To, ro.Since)
	missing := want(share.Total, ro.Stages[ro.Stage]) - share.At - share.Moving - share.Held

	switch {
	case missing > 0:
		return send(t, ro, share, missing, now)
	case share.Moving > 0:
		return nil
	case ro.Stage+1 < len(ro.Stages):
		return advance(ro, ownership.Progressing, ro.Stage+1, "", now)
	}

	message := ""
	if share.Held > 0 {
		message = fmt.Sprintf("%d shards are held back at their old owners", share.Held)
	}

	return advance(ro, ownership.Completed, ro.Stage, message, now)
}

// send brings n more shards to the release: first those that are there and were
// to leave, then others.
func send(t *ownership.Table, ro *ownership.Rollout, share Share, n int, now int64) []ownership.Command {
	p := plan{t: t, ro: ro}
	stay := p.with(ro.To, leaving)
	p.recall(stay[:min(n, len(stay))])

	n -= len(p.recalled)
	hosts := placement.Hosts(t, placement.OfRelease(ro.To))

	if len(hosts) > 0 {
		p.assign(p.with(ro.To, free), n, hosts)

		return p.commands()
	}

	// Without a host the rollout waits. What draining nodes of the release have
	// moves away, and dead ones are succeeded, so in the end nothing is there.
	if nothing := share.At == 0 && share.Moving == 0 && len(stay) == 0 && len(p.with(ro.To, busy)) == 0; nothing &&
		len(placement.Hosts(t, placement.OfRelease(ro.From))) > 0 {
		return advance(ro, ownership.RollingBack, ro.Stage, "no node of release "+ro.To+" is left", now)
	}

	return p.commands()
}
