package handoff

import (
	"time"

	"github.com/segue-cluster/segue"
)

// carryOut does what a replica wants. The lock of the slot is held: everything
// here only queues.
func (d *Driver) carryOut(s *slot, e *Effect) {
	switch e.Kind {
	case EffectRun, EffectActivate, EffectRestore, EffectDrop, EffectReply, EffectRefuse, EffectRedirect:
		d.cfg.Host.Do(e, &s.replica.view)
	case EffectFreeze:
		if x := d.session(s, s.replica.session.ID); x != nil {
			x.frozen(e.Process)
		}

		d.cfg.Host.Do(e, &s.replica.view)
	case EffectSend:
		d.carryFrame(s, e)
	case EffectFlipping:
		if x := d.session(s, e.Session); x != nil {
			x.flip(s.shard)
		}
	case EffectCommit:
		if x := d.session(s, e.Session); x != nil {
			x.commit(ShardTally{Shard: s.shard, Tally: e.Tally})
		}
	case EffectAbort:
		d.abort(s.shard, *e)
	case EffectLost:
		d.lost(s, e.Names)
	case EffectEnded:
		d.ended(s, e)
	}
}

// session returns the source side of a session, if it is ours.
func (d *Driver) session(s *slot, id segue.SessionID) *session {
	if l := s.links[id]; l != nil {
		return l.source
	}

	return nil
}

func (d *Driver) carryFrame(s *slot, e *Effect) {
	l := s.links[e.Session]
	if l == nil {
		return // over; whoever waits was told
	}

	if e.Frame.Kind == FrameFlip && l.source != nil {
		l.source.flipped(e.Frame.Process, len(e.Frame.Record.Bytes))
	}

	l.send(e.Frame)
}

// ended notes that the session of a shard is over.
func (d *Driver) ended(s *slot, e *Effect) {
	if e.Detail == outcomeCommitted {
		s.attempts = 0
	} else {
		s.attempts++
		s.retryAt = time.Now().Add(d.cfg.Backoff << min(s.attempts-1, 6))
	}

	if x := d.session(s, e.Session); x != nil {
		x.ended(s.shard, e.Detail)
	}

	if d.cfg.Trace.Ended != nil {
		d.cfg.Trace.Ended(s.shard, s.replica.session, e.Detail)
	}
}
