package schema

import (
	"fmt"
	"maps"
	"slices"
)

// PlanFor compares what two releases say about one kind. The other side comes
// to the same verdict from the same two manifests.
func PlanFor(local, peer Manifest) Plan {
	p := Plan{Kind: local.Kind, LocalHead: local.Head, PeerHead: peer.Head}

	if local.Kind != peer.Kind {
		return p.refuse(VerdictDiverged, fmt.Sprintf("the peer answered with the kind %.64q", peer.Kind))
	}

	for _, side := range []struct {
		name string
		m    Manifest
	}{{"this release", local}, {"the peer", peer}} {
		if err := side.m.Validate(); err != nil {
			return p.refuse(VerdictDiverged, fmt.Sprintf("the manifest of %s makes no sense: %v", side.name, err))
		}
	}

	if local.Head >= peer.Head {
		p.Converter = Local

		return p.between(local, peer)
	}

	p.Converter = Peer

	return p.between(peer, local)
}

// between decides between two valid manifests of one kind.
func (p Plan) between(higher, lower Manifest) Plan {
	wireVersion := lower.Head

	known, ok := higher.Fingerprint(wireVersion)
	if !ok {
		return p.refuse(VerdictTooOld, fmt.Sprintf(
			"one side has the versions %d to %d, the other stops at %d: go through a release that knows version %d and one of these",
			higher.Oldest, higher.Head, wireVersion, wireVersion))
	}

	if told, _ := lower.Fingerprint(wireVersion); told != known {
		return p.refuse(VerdictDiverged, fmt.Sprintf(
			"version %d is %s for the side at %d and %s for the side at %d: one number was given to two shapes",
			wireVersion, known, higher.Head, told, lower.Head))
	}

	p.Wire, p.WireFingerprint = wireVersion, known

	if higher.Head == wireVersion {
		p.Converter, p.Verdict, p.Reason = Nobody, VerdictPassThrough, fmt.Sprintf("both are at version %d", wireVersion)

		return p
	}

	return p.along(higher)
}

// along decides on the way from the wire version to the head of higher.
func (p Plan) along(higher Manifest) Plan {
	p.Verdict, p.Up, p.Down = VerdictConvert, path(p.Wire, higher.Head), path(higher.Head, p.Wire)
	p.Reason = fmt.Sprintf("%s, and back by %s", p.Up, p.Down)

	for _, e := range higher.Exits {
		if e.From < p.Wire {
			continue
		}

		switch e.Verdict { //nolint:exhaustive // a valid exit is one of these
		case VerdictRestart:
			p.Verdict, p.Up, p.Down = VerdictRestart, nil, nil
			p.Reason = fmt.Sprintf("step %d -> %d does not carry the state over: %s", e.From, e.From+1, e.Reason)

			return p
		case VerdictOneWay:
			if p.Verdict != VerdictOneWay {
				p.Reason = fmt.Sprintf("step %d -> %d has no way back: %s", e.From, e.From+1, e.Reason)
			}

			p.Verdict, p.Down = VerdictOneWay, nil
		}
	}

	return p
}

// refuse makes p a plan by which nothing moves.
func (p Plan) refuse(v Verdict, reason string) Plan {
	p.Verdict, p.Reason, p.Converter = v, reason, Nobody

	return p
}

// Compare plans every kind that either of two releases has, sorted by name. It
// needs no code of either: two lists of manifests are enough.
func Compare(local, peer []Manifest) []Plan {
	return compare(local, peer, PlanFor)
}

func compare(local, peer []Manifest, plan func(local, peer Manifest) Plan) []Plan {
	ours, twice := index(local)
	theirs, twiceThere := index(peer)
	maps.Copy(twice, twiceThere)

	names := maps.Clone(ours)
	maps.Copy(names, theirs)

	plans := make([]Plan, 0, len(names))

	for _, name := range slices.Sorted(maps.Keys(names)) {
		l, here := ours[name]
		r, there := theirs[name]

		switch {
		case twice[name]:
			plans = append(plans, Plan{Kind: name}.refuse(VerdictDiverged, "a manifest lists the kind twice"))
		case here && there:
			plans = append(plans, plan(l, r))
		case here:
			plans = append(plans, Plan{Kind: name, LocalHead: l.Head}.unknown(l, "the peer"))
		default:
			plans = append(plans, Plan{Kind: name, PeerHead: r.Head}.unknown(r, "this release"))
		}
	}

	return plans
}

// unknown decides on a kind that only m knows.
func (p Plan) unknown(m Manifest, who string) Plan {
	if err := m.Validate(); err != nil {
		return p.refuse(VerdictDiverged, fmt.Sprintf("its manifest makes no sense: %v", err))
	}

	p.Verdict = m.Unknown

	switch m.Unknown { //nolint:exhaustive // a valid manifest has one of these
	case VerdictDrop:
		p.Reason = who + " does not know the kind: what goes there is thrown away"
	case VerdictRestart:
		p.Reason = who + " does not know the kind: what goes there starts anew when it comes back"
	default:
		p.Verdict, p.Reason = VerdictPark, who+" does not know the kind: it holds what goes there unread and gives it back"
	}

	return p
}

// index returns the manifests by name, and the names that are there twice.
func index(ms []Manifest) (byName map[string]Manifest, twice map[string]bool) {
	byName, twice = make(map[string]Manifest, len(ms)), make(map[string]bool)

	for _, m := range ms {
		if _, dup := byName[m.Kind]; dup {
			twice[m.Kind] = true
		}

		byName[m.Kind] = m
	}

	return byName, twice
}
