package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue/internal/clock"
)

func TestClocksGoForward(t *testing.T) {
	for name, c := range map[string]clock.Clock{"boot": clock.Boot(), "time": clock.Time()} {
		last := c()
		for range 1000 {
			now := c()
			if now < last {
				t.Fatalf("%s went from %d to %d", name, last, now)
			}

			last = now
		}
	}
}

func TestTimeFollowsTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.Time()
		before := c()

		time.Sleep(time.Hour)

		if got := time.Duration(c() - before); got != time.Hour {
			t.Errorf("an hour of the bubble took %v", got)
		}
	})
}
