package schema

import "fmt"

// encodeAs writes the value of the head that v points to in version to.
func (c *chain) encodeAs(ctx *Ctx, v any, to Version) ([]byte, error) {
	m := c.start(ctx, c.head, to)
	m.value = v

	defer m.release()

	if err := c.reach(to); err != nil {
		return nil, m.place(err)
	}

	if err := m.run(); err != nil {
		return nil, m.place(err)
	}

	b, err := m.encode()
	if err != nil {
		return nil, m.place(err)
	}

	// What the next owner could not read must fail here, where it can be helped.
	if err := scan(b, c.limits); err != nil {
		return nil, m.place(err)
	}

	return b, nil
}

// decodeFrom reads bytes of version from as a pointer to a value of the head.
func (c *chain) decodeFrom(ctx *Ctx, b []byte, from Version) (any, error) {
	m := c.start(ctx, from, c.head)
	m.raw = b

	defer m.release()

	if err := c.reach(from); err != nil {
		return nil, m.place(err)
	}

	if err := m.run(); err != nil {
		return nil, m.place(err)
	}

	if err := m.decode(c.newHead); err != nil {
		return nil, m.place(err)
	}

	if err := c.valid(m.value); err != nil {
		return nil, m.place(err)
	}

	return m.value, nil
}

// migrate takes bytes from one version to another.
func (c *chain) migrate(ctx *Ctx, b []byte, from, to Version) ([]byte, error) {
	m := c.start(ctx, from, to)
	m.raw = b

	defer m.release()

	for _, v := range [2]Version{from, to} {
		if err := c.reach(v); err != nil {
			return nil, m.place(err)
		}
	}

	if err := m.run(); err != nil {
		return nil, m.place(err)
	}

	out, err := m.encode()
	if err != nil {
		return nil, m.place(err)
	}

	if err := scan(out, c.limits); err != nil {
		return nil, m.place(err)
	}

	if from == to || to != c.head {
		return out, nil
	}

	v := c.newHead()
	if err := unmarshal(out, v, c.limits); err != nil {
		return nil, m.place(err)
	}

	if err := c.valid(v); err != nil {
		return nil, m.place(err)
	}

	return out, nil
}

// valid runs the invariant of the head on what v points to.
func (c *chain) valid(v any) error {
	if c.validate == nil {
		return nil
	}

	_, err := protect(ClassValidate, func() (struct{}, error) { return struct{}{}, c.validate(v) })

	return err
}

// reach reports an error if the chain does not have version v.
func (c *chain) reach(v Version) error {
	if c.knows(v) {
		return nil
	}

	return failure(ClassPlan, fmt.Errorf("this release has the versions %d to %d, not %d", c.oldest, c.head, v))
}

// check reports an error if the chain does not read version v as that shape.
func (c *chain) check(v Version, f Fingerprint) error {
	m := c.start(nil, v, c.head)
	if err := c.reach(v); err != nil {
		return m.place(err)
	}

	if own := c.at(v).print; own != f {
		return m.place(failure(ClassDiverged, fmt.Errorf("version %d is %s here and %s there", v, own, f)))
	}

	return nil
}
