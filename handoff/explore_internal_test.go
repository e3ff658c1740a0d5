package handoff

import (
	"runtime"
	"testing"
	"time"
)

// small is what every run of the tests explores in full: one process, two
// clients with one request each, one fault of any kind at any time.
func small(name string) plan {
	return plan{name: name, processes: 1, requests: [2]int{1, 1}, faults: 1, sessions: 1}
}

// docs/protocol.md section 10: I1 to I7, I9, I10 and I11 hold in every state
// that one forward session can reach.
func TestExploreOneProcess(t *testing.T) {
	p := small("1 process; clients 1+1; 1 fault")
	res := explore(&p, bounds{states: 1_000_000, time: time.Minute})
	t.Log(p.name+":", res)

	if res.violation != "" {
		t.Errorf("%s: %s%s", p.name, res, res.story())
	}

	if !res.complete {
		t.Errorf("%s: the search ended before it was complete", p.name)
	}

	var m runtime.MemStats

	runtime.ReadMemStats(&m)

	if m.Sys > 1<<30 {
		t.Errorf("the search took %d MiB, want at most 1024", m.Sys>>20)
	}
}

// docs/protocol.md section 11, the second table: without any one of its rules
// the search finds a violation.
func TestExploreWithoutARule(t *testing.T) {
	with := func(p plan, f func(*plan)) plan {
		f(&p)

		return p
	}

	off := func(name string, r rule) plan { return with(small(name), func(p *plan) { p.off = r }) }
	log := func(name string) plan { return with(small(name), func(p *plan) { p.sabotage = name }) }
	twice := func(p *plan) { p.sessions, p.atomic = 2, true }

	for _, p := range []plan{
		off("store a result before its reply is released", ruleStoreBeforeRelease),
		off("wait for Abort in the own log before executing", ruleAbortInOwnLog),
		off("Commit only when all processes are active", ruleAllActive),
		off("lease for work as owner", ruleLease),
		off("the table moves with the state, forward", ruleTableForth),
		off("the table moves with the state, back", ruleTableBack),
		with(off("frames of a closed session are dropped", ruleStaleSession), twice),
		with(off("frames of an unknown session wait", ruleUnknownSession), twice),
		log("fence before recover"),
		log("lease expiry before fence"),
		with(log("abort refused after the fence of its source"), func(p *plan) { p.kinds, p.faults = "Ao", 2 }),
		log("commit refused after the fence of its target"),
		with(log("commit only by a node that knows all processes"), func(p *plan) {
			p.processes, p.requests, p.atomic = 2, [2]int{1, 0}, true
		}),
	} {
		t.Run(p.name, func(t *testing.T) {
			res := explore(&p, bounds{states: 200_000, time: time.Minute})
			if res.violation == "" {
				t.Errorf("without %q nothing was found: %s", p.name, res)
			}

			t.Logf("%d process(es), clients %d+%d, %d fault(s) of %q, %d session(s): %s",
				p.processes, p.requests[0], p.requests[1], p.faults, p.kinds, p.sessions, res)
		})
	}
}
