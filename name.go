package segue

import (
	"errors"
	"fmt"
	"strings"
)

// A NodeName is the name of a node for people: "<app>_<release>@<host>[:port]",
// for example "donation_platform_1.0.1@10.0.3.11:7946". Names carry no
// authority: [NodeID] and [Incarnation] decide.
type NodeName struct {
	App     string
	Release string
	Host    string // host or host:port
}

// MaxNodeNameLen is the longest text form of a [NodeName], in bytes. Names
// travel in gossip packets.
const MaxNodeNameLen = 160

// ParseNodeName splits s at its last "@" and, before that, at its last "_".
func ParseNodeName(s string) (NodeName, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return NodeName{}, fmt.Errorf("node name %q has no @: it is written app_release@host", s)
	}

	bar := strings.LastIndexByte(s[:at], '_')
	if bar < 0 {
		return NodeName{}, fmt.Errorf("node name %q has no _ before the @: it is written app_release@host", s)
	}

	n := NodeName{App: s[:bar], Release: s[bar+1 : at], Host: s[at+1:]}
	if err := n.Validate(); err != nil {
		return NodeName{}, err
	}

	return n, nil
}

// Validate reports every problem of n at once.
func (n NodeName) Validate() error {
	var errs []error
	if n.App == "" {
		errs = append(errs, errors.New("node name: app is empty"))
	}

	if n.Release == "" {
		errs = append(errs, errors.New("node name: release is empty"))
	}

	if n.Host == "" {
		errs = append(errs, errors.New("node name: host is empty"))
	}

	for _, f := range [...]struct{ what, s, forbidden string }{
		{"app", n.App, "@# \t\n"},
		{"release", n.Release, "@#_ \t\n"},
		{"host", n.Host, "@# \t\n"},
	} {
		if strings.ContainsAny(f.s, f.forbidden) {
			errs = append(errs, fmt.Errorf("node name: %s %q contains one of %q", f.what, f.s, f.forbidden))
		}
	}

	if l := len(n.String()); l > MaxNodeNameLen {
		errs = append(errs, fmt.Errorf("node name %q has %d bytes, at most %d are allowed", n, l, MaxNodeNameLen))
	}

	return errors.Join(errs...)
}

// String returns "app_release@host".
func (n NodeName) String() string { return n.App + "_" + n.Release + "@" + n.Host }
