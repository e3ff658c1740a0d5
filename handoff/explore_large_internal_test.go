//go:build explore

package handoff

import (
	"testing"
	"time"
)

// The larger configurations of docs/protocol.md section 11 that concern a
// forward session. They share 10 minutes; each prints how far it came.
func TestExploreLarge(t *testing.T) {
	plans := []plan{
		{name: "1 process; clients 1+1; 2 sessions in a row; 1 fault", processes: 1, requests: [2]int{1, 1}, faults: 1, sessions: 2},
		{name: "2 processes; 1 request each; 1 fault", processes: 2, requests: [2]int{1, 0}, faults: 1, sessions: 1},
		{name: "1 process; a write and a read; 2 faults", processes: 1, requests: [2]int{1, 1}, reads: true, faults: 2, sessions: 1},
		{name: "1 process; clients 2+2; 1 fault", processes: 1, requests: [2]int{2, 2}, faults: 1, sessions: 1},
		{name: "1 process; clients 1+1; 2 sessions in a row; 2 faults", processes: 1, requests: [2]int{1, 1}, faults: 2, sessions: 2},
		{name: "2 processes; 1 request each; 2 faults", processes: 2, requests: [2]int{1, 0}, faults: 2, sessions: 1, atomic: true},
		{name: "2 processes; clients 1+1 each; 1 fault", processes: 2, requests: [2]int{1, 1}, faults: 1, sessions: 1, atomic: true},
		{name: "1 process; clients 2+2; 2 faults", processes: 1, requests: [2]int{2, 2}, faults: 2, sessions: 1},
	}

	deadline := time.Now().Add(590 * time.Second)

	for i, p := range plans {
		share := time.Until(deadline) / time.Duration(len(plans)-i)
		res := explore(&p, bounds{states: 12_000_000, time: share})
		t.Logf("%-56s %s", p.name, res)

		if res.violation != "" {
			t.Errorf("%s: %s%s", p.name, res, res.story())
		}
	}
}
