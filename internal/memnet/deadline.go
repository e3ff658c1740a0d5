package memnet

import (
	"sync"
	"time"
)

// A deadline wakes those who wait on a condition when its time has come. The
// lock of the condition guards it.
type deadline struct {
	wake    *sync.Cond
	timer   *time.Timer
	round   int // tells a timer that it was replaced while it fired
	expired bool
}

// setLocked moves the deadline to t; the zero time removes it.
func (d *deadline) setLocked(t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}

	d.round++
	d.expired = false

	if t.IsZero() {
		return
	}

	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		d.wake.Broadcast()

		return
	}

	round := d.round
	d.timer = time.AfterFunc(wait, func() {
		d.wake.L.Lock()
		defer d.wake.L.Unlock()

		if d.round == round {
			d.expired = true
			d.wake.Broadcast()
		}
	})
}
