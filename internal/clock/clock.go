// Package clock reads a clock for leases: one that never jumps, and that goes
// on while the machine sleeps, unlike the monotonic clock of package time.
//
// It promises that readings of one boot of the machine can be compared, and
// that two readings never go backwards. Readings of different machines have
// nothing to do with each other.
package clock

import "time"

// A Clock returns nanoseconds since some fixed moment.
type Clock func() int64

// Time returns a clock that follows package time: in a bubble of
// testing/synctest it is the bubble's.
func Time() Clock {
	start := time.Now()

	return func() int64 { return int64(time.Since(start)) }
}
