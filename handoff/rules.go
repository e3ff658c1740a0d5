package handoff

// A rule is one clause of the protocol that tests can turn off, to see that
// their search would notice its absence. Outside of tests all are in force.
// The list of what breaks without them is in docs/protocol.md section 11.
type rule uint8

const (
	ruleStoreBeforeRelease rule = 1 << iota // a result is stored before its reply is released
	ruleAbortInOwnLog                       // nothing is taken back before the own log shows the Abort
	ruleAllActive                           // Commit waits until every process runs at the target
	ruleLease                               // work as owner needs a lease
	ruleTableForth                          // the table moves with the state
	ruleTableBack                           // the table comes back with every result
	ruleStaleSession                        // frames of a closed session are dropped
	ruleUnknownSession                      // frames of a session above the own log wait
)

// holds reports whether a rule is in force.
func (r *Replica) holds(x rule) bool { return r.off&x == 0 }
