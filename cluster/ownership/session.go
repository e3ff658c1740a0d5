package ownership

import (
	"github.com/segue-cluster/segue"
)

// The transitions of one shard's record. Each is a pure function of the record,
// the command and what is known about nodes; it returns the record after it and
// the refusal. A refusal leaves the record as it was.
// The table in words is in docs/protocol.md section 2.

// live reports whether an incarnation may still act.
type live func(segue.NodeID, segue.Incarnation) bool

func (s Shard) open(c Open, epoch segue.Epoch, index uint64, alive live) (Shard, Refusal) {
	switch {
	case s.Session.ID == c.Session && s.Session.From == c.From && s.Session.To == c.To:
		return s, Done // asked again
	case s.Owner != c.From || s.OwnerInc != c.FromInc:
		return s, RefusedOwner
	case s.Epoch != epoch:
		return s, RefusedEpoch
	case s.Session.ID != 0:
		return s, RefusedOpen
	case c.Session <= s.LastSession:
		return s, RefusedStale
	case !alive(c.From, c.FromInc) || !alive(c.To, c.ToInc):
		return s, RefusedFenced
	case c.To == c.From:
		return s, RefusedArgument
	case s.Mirror.Session != 0 && (s.Mirror.Node != c.To || s.Mirror.Inc != c.ToInc):
		return s, RefusedMirror
	}

	s.Session = Session{
		ID: c.Session, From: c.From, FromInc: c.FromInc, To: c.To, ToInc: c.ToInc, Bake: c.Bake, Index: index,
	}
	s.LastSession, s.LastOutcome = c.Session, OutcomeOpen

	return s, Done
}

func (s Shard) commit(id segue.SessionID, index uint64, alive live) (Shard, Refusal) {
	switch {
	case s.LastSession == id && s.LastOutcome == OutcomeCommitted:
		return s, Done // asked again
	case s.Session.ID != id || id == 0:
		return s, RefusedSession
	case !alive(s.Session.From, s.Session.FromInc) || !alive(s.Session.To, s.Session.ToInc):
		return s, RefusedFenced
	}

	from := Mirror{Node: s.Session.From, Inc: s.Session.FromInc, Session: id}
	bake := s.Session.Bake
	s = s.pass(s.Session.To, s.Session.ToInc, index, OutcomeCommitted)

	if bake {
		s.Mirror = from
	}

	return s, Done
}

func (s Shard) abort(id segue.SessionID, index uint64, alive live) (Shard, Refusal) {
	switch {
	case s.LastSession == id && s.LastOutcome == OutcomeAborted:
		return s, Done // asked again
	case s.Session.ID != id || id == 0:
		return s, RefusedSession
	case !alive(s.Session.From, s.Session.FromInc):
		return s, RefusedFenced
	}

	// The mirror ends as well: as the delegate of an undo it may be ahead of
	// the owner, on a branch that is now dead.
	s.Session, s.Mirror = Session{}, Mirror{}
	s.LastOutcome = OutcomeAborted
	s.Epoch = segue.Epoch(index)

	return s, Done
}

func (s Shard) outOfSync(id segue.SessionID, alive live) (Shard, Refusal) {
	switch {
	case s.Mirror.Session == 0 && s.LastSession == id:
		return s, Done // asked again
	case s.Mirror.Session != id || id == 0:
		return s, RefusedNoMirror
	case s.Session.ID != 0:
		return s, RefusedOpen
	case !alive(s.Owner, s.OwnerInc):
		return s, RefusedFenced
	}

	s.Mirror = Mirror{}

	return s, Done
}

func (s Shard) recover(c Recover, index uint64, alive live) (Shard, Refusal) {
	switch {
	case s.Owner == c.To && s.OwnerInc == c.ToInc && s.Epoch > c.Shard.Epoch && s.Session.ID == 0:
		return s, Done // asked again
	case s.Epoch != c.Shard.Epoch:
		return s, RefusedEpoch
	case s.Owner.IsZero() || alive(s.Owner, s.OwnerInc):
		return s, RefusedAlive
	case !alive(c.To, c.ToInc):
		return s, RefusedFenced
	}

	target := s.Session.ID != 0 && s.Session.To == c.To && s.Session.ToInc == c.ToInc
	mirror := s.Mirror.Session != 0 && s.Mirror.Node == c.To && s.Mirror.Inc == c.ToInc

	if !target && !mirror {
		return s, RefusedHeir
	}

	s = s.pass(c.To, c.ToInc, index, OutcomeRecovered)
	s.Known = c.Known

	return s, Done
}

func (s Shard) reassign(c Reassign, index uint64, heir bool, alive live) (Shard, Refusal) {
	switch {
	case s.Owner == c.To && s.OwnerInc == c.ToInc && s.Epoch > c.Shard.Epoch && s.Session.ID == 0:
		return s, Done // asked again
	case s.Epoch != c.Shard.Epoch:
		return s, RefusedEpoch
	case s.Owner.IsZero() || alive(s.Owner, s.OwnerInc):
		return s, RefusedAlive
	case !alive(c.To, c.ToInc):
		return s, RefusedFenced
	case heir:
		return s, RefusedHeirLives
	}

	s = s.pass(c.To, c.ToInc, index, OutcomeReassigned)
	s.Lost += c.Lost
	s.Hold = Hold{} // what could not move died with the owner

	return s, Done
}

// pass makes a node the owner and ends the mirror and, in the given way, the
// session, if one is open.
func (s Shard) pass(to segue.NodeID, inc segue.Incarnation, index uint64, how Outcome) Shard {
	s.Owner, s.OwnerInc = to, inc
	s.Epoch = segue.Epoch(index)
	s.Session, s.Mirror = Session{}, Mirror{}
	s.Known = 0

	if s.LastOutcome == OutcomeOpen {
		s.LastOutcome = how
	}

	if s.Assigned == to {
		s.Assigned, s.Cause, s.Rollout = segue.NodeID{}, CauseNone, 0
	}

	return s
}

func (s Shard) unhold() Shard {
	s.Hold = Hold{}

	return s
}
