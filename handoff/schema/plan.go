package schema

import (
	"fmt"
	"strings"
)

// A Verdict says what becomes of a kind between two releases. It is wire: never
// change one, add new ones.
type Verdict string

// The verdicts.
const (
	// VerdictPassThrough: both mean the same. Bytes move untouched.
	VerdictPassThrough Verdict = "pass-through"
	// VerdictConvert: the side with the higher head converts, both ways.
	VerdictConvert Verdict = "convert"
	// VerdictOneWay: there is a way up but none back. What the higher head sends back
	// is in its own version and cannot run at the lower one. Needs the
	// operator's acceptance.
	VerdictOneWay Verdict = "one-way"
	// VerdictRestart: the state is not carried over; processes start anew at the
	// target. Needs the operator's acceptance.
	VerdictRestart Verdict = "restart"
	// VerdictPark: one side does not know the kind. It holds the bytes unread and
	// gives them back, and serves no calls meanwhile.
	VerdictPark Verdict = "park"
	// VerdictDrop: one side does not know the kind, and what is sent to it is thrown
	// away. Needs the operator's acceptance.
	VerdictDrop Verdict = "drop"
	// VerdictTooOld: the higher head has no steps from the lower one any more. Nothing
	// may move.
	VerdictTooOld Verdict = "too-old"
	// VerdictDiverged: the two mean different shapes by one version, or what the peer
	// says makes no sense. Nothing may move.
	VerdictDiverged Verdict = "diverged"
)

// A Side is one of the two releases of a plan.
type Side string

// The sides.
const (
	Nobody Side = ""
	Local  Side = "local"
	Peer   Side = "peer"
)

// A Plan is the verdict on one kind between two releases, and the reason.
type Plan struct {
	Kind    string
	Verdict Verdict
	// LocalHead and PeerHead are the heads of the two, 0 for a side that does
	// not know the kind.
	LocalHead, PeerHead Version
	// Wire is the version that both exchange, the lower head of the two, and
	// its fingerprint. Both are zero if nothing may move or one side does not
	// know the kind.
	Wire            Version
	WireFingerprint Fingerprint
	// Converter is the side with the higher head.
	Converter Side
	// Up leads from Wire to the higher head, Down back. Down is nil where there
	// is no way back, and both are nil where nothing is converted. What the
	// local side converts is described; of the peer only the versions are known.
	Up, Down Path
	// Reason is a sentence for the operator.
	Reason string
}

// Refused reports whether nothing of the kind may move.
func (p Plan) Refused() bool { return p.Verdict == VerdictTooOld || p.Verdict == VerdictDiverged }

// NeedsAcceptance reports whether an operator has to accept the plan before
// anything moves, because something is lost or there is no way back.
func (p Plan) NeedsAcceptance() bool {
	return p.Verdict == VerdictOneWay || p.Verdict == VerdictRestart || p.Verdict == VerdictDrop
}

// String returns one line.
func (p Plan) String() string {
	return fmt.Sprintf("%s: %s: %s", p.Kind, p.Verdict, p.Reason)
}

// A Path is a way along a chain, in the order in which it is gone.
type Path []Hop

// A Hop is one step of a [Path].
type Hop struct {
	From, To Version
	// Note of the step, "" if unknown.
	Note string
	// Ops describes what is done, nil if unknown.
	Ops []OpDoc
}

// Loss reports whether the way may lose something of the state, as far as its
// hops are known.
func (p Path) Loss() bool {
	for _, h := range p {
		dir := Up
		if h.To < h.From {
			dir = Down
		}

		for _, op := range h.Ops {
			if op.Loss.In(dir) {
				return true
			}
		}
	}

	return false
}

// String returns the versions, as in "1 -> 2 -> 3", and "" for no way.
func (p Path) String() string {
	var b strings.Builder

	for i, h := range p {
		if i == 0 {
			fmt.Fprintf(&b, "%d", h.From)
		}

		fmt.Fprintf(&b, " -> %d", h.To)
	}

	return b.String()
}

// path returns the bare hops between two versions.
func path(from, to Version) Path {
	p := make(Path, 0, max(from, to)-min(from, to))

	for v := from; v != to; {
		next := v + 1
		if to < v {
			next = v - 1
		}

		p = append(p, Hop{From: v, To: next})
		v = next
	}

	return p
}

// plan is [PlanFor] with the hops of c described.
func (c *chain) plan(peer Manifest) Plan {
	p := PlanFor(c.manifest(), peer)
	if p.Converter != Local {
		return p
	}

	for _, way := range [2]Path{p.Up, p.Down} {
		for i := range way {
			s := c.stepFrom(min(way[i].From, way[i].To))
			way[i].Note, way[i].Ops = s.note, s.docs()
		}
	}

	return p
}
