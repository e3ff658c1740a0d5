package schema

// An Op is one declared change of a [Lens] step. It works on the undecoded
// fields of a [Doc], and on shapes, so that [Define] can prove that the ops of
// a step explain the whole difference between two versions.
//
// Use the ops of this package, or implement the interface for another one. An
// op must be a pure function of its arguments, must leave alone the fields it
// does not name, and may be used by several goroutines.
type Op interface {
	// Up changes d from the older version to the newer one.
	Up(c *Ctx, d *Doc) error
	// Down changes d from the newer version to the older one.
	Down(c *Ctx, d *Doc) error
	// Shape does to the fields of one version what Up or Down does to a state of
	// it. It fails if the op does not fit.
	Shape(f Fields, dir Direction) error
	// Doc describes the op.
	Doc() OpDoc
}

// An OpDoc describes one op, or one typed step, to people.
type OpDoc struct {
	// Text is a sentence without its dot: "rename Name to Title".
	Text string
	// Loss says which ways may lose something.
	Loss Loss
}

// A Loss says which ways through an op may lose something of the state.
type Loss uint8

// The losses. They are bits of a set.
const (
	// Lossless: both ways keep everything.
	Lossless Loss = 0
	// LossUp: the way up may lose something.
	LossUp Loss = 1 << 0
	// LossDown: the way down may lose something.
	LossDown Loss = 1 << 1
)

// String returns "lossless", "lossy up", "lossy down" or "lossy both ways".
func (l Loss) String() string {
	up, down := l.In(Up), l.In(Down)

	switch {
	case up && down:
		return "lossy both ways"
	case up:
		return "lossy up"
	case down:
		return "lossy down"
	}

	return "lossless"
}

// In reports whether the way in direction d may lose something.
func (l Loss) In(d Direction) bool {
	switch d {
	case Up:
		return l&LossUp != 0
	case Down:
		return l&LossDown != 0
	}

	return false
}
