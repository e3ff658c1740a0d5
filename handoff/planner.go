package handoff

import (
	"context"
	"time"

	"github.com/segue-cluster/segue"
)

const (
	planInterval  = 100 * time.Millisecond // between two looks without news
	sweepInterval = 30 * time.Second       // between two sweeps of the tables
)

// plan opens sessions for the shards that should be elsewhere, until ctx is
// done. At most one session per target is open.
func (d *Driver) plan(ctx context.Context) {
	tick := time.NewTicker(planInterval)
	defer tick.Stop()

	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			for _, s := range d.slots {
				d.Inspect(s.shard, func(r *Replica) { r.Sweep(d.cfg.Moment().Now) })
			}
		case <-d.wake:
			d.openSessions()
		case <-tick.C:
			d.openSessions()
		}
	}
}

func (d *Driver) openSessions() {
	now := time.Now()
	ready := map[Peer][]segue.ShardID{}

	var last segue.SessionID

	for _, s := range d.slots {
		s.mu.Lock()
		v := s.replica.View()
		last = max(last, v.LastSession, segue.SessionID(v.Index))

		movable := s.replica.Role() == Owner && v.Assigned != (Peer{}) && v.Assigned != d.cfg.Self && !v.Held &&
			!now.Before(s.retryAt)
		if movable && len(ready[v.Assigned]) < d.cfg.ShardsPerSession {
			ready[v.Assigned] = append(ready[v.Assigned], s.shard)
		}
		s.mu.Unlock()
	}

	for to, shards := range ready {
		d.mu.Lock()
		_, busy := d.sessions[to.Node]
		// Above every session of these shards, and above the log: unique here.
		d.lastID = max(d.lastID, last) + 1
		id := d.lastID
		d.mu.Unlock()

		if !busy {
			d.start(id, to, shards)
		}
	}
}
