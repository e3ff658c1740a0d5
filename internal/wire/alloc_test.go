//go:build !race

package wire_test

import (
	"testing"

	"github.com/segue-cluster/segue/internal/wire"
)

// The race detector makes pools drop values at random, so that allocations can
// only be counted without it.
func TestAllocations(t *testing.T) {
	s, c := newShapes(), newCall()
	state, message := marshal(t, s), marshal(t, c)
	frame := appendFrame(t, nil, wire.Call, message)
	r := wire.NewReader(&loop{data: frame})
	buf := make([]byte, 0, 64<<10)
	fields := make([]wire.Field, 0, 128)

	for _, tt := range []struct {
		name string
		want float64
		do   func() error
	}{
		{"Scan", 0, func() error { return wire.Scan(state, wire.Limits{}) }},
		{"AppendMarshal of a state", 0, func() error { _, err := wire.AppendMarshal(buf, s); return err }},
		{"AppendMarshal of a message", 0, func() error { _, err := wire.AppendMarshal(buf, c); return err }},
		{"Marshal of a message", 1, func() error { _, err := wire.Marshal(c); return err }},
		// The message, three strings and the body.
		{"Unmarshal of a message", 5, func() error { return wire.Unmarshal(message, new(call), wire.Limits{}) }},
		{"Canonical", 0, func() error { _, err := wire.Canonical(buf, state); return err }},
		{"SplitMap", 0, func() error { _, err := wire.SplitMap(state, fields); return err }},
		{"AppendFrame", 0, func() error { _, err := wire.AppendFrame(buf, wire.Call, message); return err }},
		{"Reader.Next", 0, func() error { _, _, err := r.Next(); return err }},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := tt.do(); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.want {
			t.Errorf("%s allocates %v times, want at most %v", tt.name, got, tt.want)
		}
	}
}
