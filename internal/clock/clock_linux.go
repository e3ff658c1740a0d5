package clock

import "golang.org/x/sys/unix"

// Boot returns the clock of the running kernel: CLOCK_BOOTTIME, see
// clock_gettime(2).
func Boot() Clock {
	return func() int64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			panic(err) // the clock exists since Linux 2.6.39
		}

		return ts.Nano()
	}
}
