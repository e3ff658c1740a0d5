package schema

import (
	"errors"
	"fmt"
	"slices"
)

// Limits of what a [Manifest] of a peer may hold.
const (
	// MaxReason is the length of a reason, in bytes.
	MaxReason = 1024
	// MaxManifestExt is the number of entries that this release does not know.
	MaxManifestExt = 16
)

// A Manifest is what one release says about one kind: the handshake of two
// nodes carries one for each. Both sides come to the same plan from the same
// two manifests. It is wire: fields are never changed, only added to Ext.
type Manifest struct {
	// Kind is the name of the schema.
	Kind string `msgpack:"kind"`
	// Oldest and Head are the versions at the ends of the chain.
	Oldest Version `msgpack:"oldest"`
	Head   Version `msgpack:"head"`
	// Fingerprints of Oldest to Head, in this order.
	Fingerprints []Fingerprint `msgpack:"prints"`
	// Exits are the steps that are not ways in both directions, by From.
	Exits []Exit `msgpack:"exits,omitempty"`
	// Unknown is what becomes of the processes of this kind at a peer that does
	// not know it: "" or [VerdictPark], [VerdictDrop], [VerdictRestart].
	Unknown Verdict `msgpack:"unknown,omitempty"`
	// Ext is for later releases. Unknown entries are ignored.
	Ext map[string][]byte `msgpack:"ext,omitempty"`
}

// An Exit is a step that a state cannot go both ways. It is wire.
type Exit struct {
	// From is the older version of the step.
	From Version `msgpack:"from"`
	// Verdict is [VerdictOneWay] or [VerdictRestart].
	Verdict Verdict `msgpack:"verdict"`
	// Reason is for the operator, at most [MaxReason] bytes.
	Reason string `msgpack:"reason"`
}

// Fingerprint returns the fingerprint of v, and false if m does not have it.
func (m Manifest) Fingerprint(v Version) (Fingerprint, bool) {
	if v < m.Oldest || v > m.Head || int64(v-m.Oldest) >= int64(len(m.Fingerprints)) {
		return Fingerprint{}, false
	}

	return m.Fingerprints[v-m.Oldest], true
}

// Validate reports every problem of m, which may come from a peer.
func (m Manifest) Validate() error {
	var errs []error

	if err := validateName(m.Kind); err != nil {
		errs = append(errs, err)
	}

	n := int64(m.Head) - int64(m.Oldest) + 1

	switch {
	case m.Oldest < 1 || n < 1 || n > MaxVersions:
		errs = append(errs, fmt.Errorf("versions %d to %d, want 1 to %d of them, from 1 on", m.Oldest, m.Head, MaxVersions))
	case n != int64(len(m.Fingerprints)):
		errs = append(errs, fmt.Errorf("%d fingerprints for %d versions", len(m.Fingerprints), n))
	}

	if slices.Contains(m.Fingerprints, Fingerprint{}) {
		errs = append(errs, errors.New("a fingerprint is zero"))
	}

	switch m.Unknown { //nolint:exhaustive // the others say nothing about an unknown kind
	case "", VerdictPark, VerdictDrop, VerdictRestart:
	default:
		errs = append(errs, fmt.Errorf("%.64q is not a verdict on an unknown kind", string(m.Unknown)))
	}

	for i, e := range m.Exits {
		if e.From < m.Oldest || e.From >= m.Head || i > 0 && e.From <= m.Exits[i-1].From {
			errs = append(errs, fmt.Errorf("exit %d leaves version %d: out of order or outside of the chain", i, e.From))
		}

		if e.Verdict != VerdictOneWay && e.Verdict != VerdictRestart {
			errs = append(errs, fmt.Errorf("exit %d: %.64q is not a verdict on a step", i, string(e.Verdict)))
		}

		if len(e.Reason) > MaxReason {
			errs = append(errs, fmt.Errorf("exit %d has a reason of %d bytes, at most %d are allowed", i, len(e.Reason), MaxReason))
		}
	}

	if len(m.Ext) > MaxManifestExt {
		errs = append(errs, fmt.Errorf("%d unknown entries, at most %d are allowed", len(m.Ext), MaxManifestExt))
	}

	return errors.Join(errs...)
}

// manifest describes c to a peer.
func (c *chain) manifest() Manifest {
	m := Manifest{Kind: c.name, Oldest: c.oldest, Head: c.head, Fingerprints: make([]Fingerprint, len(c.versions))}
	for i := range c.versions {
		m.Fingerprints[i] = c.versions[i].print
	}

	return m
}
