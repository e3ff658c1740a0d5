package voters

import (
	"github.com/segue-cluster/segue"
)

// A Kind says what to do.
type Kind uint8

// The kinds of actions.
const (
	None        Kind = iota // everything is as it should be
	Wait                    // something is due, but not yet; look again soon
	AddNonvoter             // add Node to the configuration without a vote
	Promote                 // give a vote to Node, which is a nonvoter
	Transfer                // hand leadership to Node, which is a voter
	Remove                  // take Node, which is not the leader, out of the configuration
)

// String returns the name of k as logs show it.
func (k Kind) String() string {
	switch k {
	case None:
		return "none"
	case Wait:
		return "wait"
	case AddNonvoter:
		return "add_nonvoter"
	case Promote:
		return "promote"
	case Transfer:
		return "transfer"
	case Remove:
		return "remove"
	}

	return "unknown"
}

// An Action is the next step of the configuration.
type Action struct {
	Kind   Kind
	Node   segue.NodeID // zero for None and Wait
	Reason string       // for people, "" for None
}

// Idle reports whether there is nothing to carry out.
func (a Action) Idle() bool { return a.Kind == None || a.Kind == Wait }
