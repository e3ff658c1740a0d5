package schema

import "runtime/debug"

// A migration takes one state along the chain. The state is in one of three
// forms, and changes it only when the next step asks for another: runs of lens
// steps share one pass over the fields, runs of typed steps hand on Go values.
type migration struct {
	chain    *chain
	ctx      *Ctx // what steps see; they may spoil it
	process  string
	from, to Version
	at       Version

	// Exactly one of these is set.
	raw   []byte
	doc   *Doc
	value any // a pointer to the Go type of version at
}

// start returns a migration of the caller's state, and the ctx that steps see.
func (c *chain) start(ctx *Ctx, from, to Version) *migration {
	own := Ctx{}
	if ctx != nil {
		own = *ctx
	}

	own.Kind, own.From, own.To = c.name, from, to

	return &migration{chain: c, ctx: &own, process: own.Process, from: from, to: to, at: from}
}

// run takes all steps.
func (m *migration) run() error {
	for m.at != m.to {
		next, from, dir := m.at+1, m.at, Up
		if m.to < m.at {
			next, from, dir = m.at-1, m.at-1, Down
		}

		if err := m.hop(m.chain.stepFrom(from), dir); err != nil {
			e := asFailure(ClassTransform, err)
			e.HopFrom, e.HopTo, e.Direction = m.at, next, dir

			return e
		}

		m.at = next
	}

	return nil
}

func (m *migration) hop(s *step, dir Direction) error {
	if s.typed == nil && len(s.ops) == 0 && (m.value == nil || m.chain.at(s.from).typ == m.chain.at(s.from+1).typ) {
		return nil // another meaning of the same shape
	}

	if s.typed == nil {
		if err := m.split(); err != nil {
			return err
		}

		return runOps(m.ctx, m.doc, s.ops, dir)
	}

	if err := m.decode(s.typed.input(dir).zero); err != nil {
		return err
	}

	v, err := s.typed.run(m.ctx, m.value, dir)
	m.value = v

	return err
}

// runOps runs the ops of one step over d. A panic of an op is its error.
func runOps(c *Ctx, d *Doc, ops []Op, dir Direction) (err error) {
	var op Op

	defer func() {
		if r := recover(); r != nil {
			err = &Error{Class: ClassPanic, Op: op.Doc().Text, Stack: debug.Stack(), Err: panicError(r)}
		}
	}()

	for i := range ops {
		if dir == Up {
			op = ops[i]
			err = op.Up(c, d)
		} else {
			op = ops[len(ops)-1-i]
			err = op.Down(c, d)
		}

		if err != nil {
			e := asFailure(ClassTransform, err)
			e.Op = op.Doc().Text

			return e
		}
	}

	return nil
}

// place fills in where on the whole way err happened.
func (m *migration) place(err error) error {
	e := asFailure(ClassTransform, err)
	e.Kind, e.Process, e.From, e.To = m.chain.name, m.process, m.from, m.to

	return e
}
