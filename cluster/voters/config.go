package voters

import (
	"errors"
	"fmt"
	"time"
)

// Config holds the limits by which nodes are judged. The zero Config has the
// defaults.
type Config struct {
	// MaxLag is by how many entries less a node follows the leader. 0: 64.
	MaxLag uint64
	// MaxContact is the shortest silence, of a node towards the leader or the
	// other way, after which it does not follow. 0: 500 ms. Keep it below the
	// leader's lease in raft.
	MaxContact time.Duration
	// MinStable is how long a node must have followed without a break before it
	// may vote. 0: 1 s.
	MinStable time.Duration
	// MaxMissed is the number of polls in a row without an answer after which a
	// voter counts as silent. 0: 3. In an even configuration poll so often that
	// this is reached well within the leader's lease, every 50 ms by default.
	MaxMissed int
	// Confirm is how long a voter may take to apply a new configuration before it
	// counts as silent. 0: 200 ms.
	Confirm time.Duration
	// Patience is how long a voter that leaves waits for a replacement that has
	// not caught up. 0: 10 s.
	Patience time.Duration
	// Forget is the silence after which a voter that the table does not know has
	// left, and is not about to join for the first time. 0: 1 min.
	Forget time.Duration
}

// Validate reports all that is wrong with c.
func (c Config) Validate() error {
	var errs []error

	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"max contact", c.MaxContact},
		{"min stable", c.MinStable},
		{"confirm", c.Confirm},
		{"patience", c.Patience},
		{"forget", c.Forget},
	} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("%s %s is negative", d.name, d.value))
		}
	}

	if c.MaxMissed < 0 {
		errs = append(errs, fmt.Errorf("max missed %d is negative", c.MaxMissed))
	}

	return errors.Join(errs...)
}

func (c Config) filled() Config {
	fill(&c.MaxLag, 64)
	fill(&c.MaxContact, 500*time.Millisecond)
	fill(&c.MinStable, time.Second)
	fill(&c.MaxMissed, 3)
	fill(&c.Confirm, 200*time.Millisecond)
	fill(&c.Patience, 10*time.Second)
	fill(&c.Forget, time.Minute)

	return c
}

func fill[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
