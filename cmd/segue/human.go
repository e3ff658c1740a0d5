package main

import (
	"fmt"
	"strconv"
	"time"
)

// count formats n with commas: 15,402.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}

	return s
}

// plural formats a count of things: 1 shard, 2 shards.
func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}

	return count(n) + " " + many
}

// bytesText formats a size: 18.2MiB.
func bytesText(n uint64) string {
	const step = 1024

	if n < step {
		return strconv.FormatUint(n, 10) + "B"
	}

	v, unit := float64(n)/step, 0
	for v >= step && unit < len("KMGTPE")-1 {
		v /= step
		unit++
	}

	return fmt.Sprintf("%.1f%ciB", v, "KMGTPE"[unit])
}

// duration formats d with its two largest units: 6d2h, 8m30s, 12s.
func duration(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)

	const day = 24 * time.Hour

	switch {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}

	return fmt.Sprintf("%ds", d/time.Second)
}

// took formats how long something lasted; what is short has tenths: 4.2s.
func took(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", max(d, 0).Seconds())
	}

	return duration(d)
}

// since formats how long ago t was, "" if t is unknown.
func (a *app) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}

	return duration(a.now().Sub(t))
}

// millis formats a number of milliseconds: 0.42ms.
func millis(ms float64) string { return strconv.FormatFloat(ms, 'f', 2, 64) + "ms" }

// number formats an id, "" for none.
func number[N ~uint64](n N) string {
	if n == 0 {
		return ""
	}

	return strconv.FormatUint(uint64(n), 10)
}
