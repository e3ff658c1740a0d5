package schema

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/segue-cluster/segue/internal/wire"
)

// maxPooledFields is the size of a Doc that is kept for the next state.
const maxPooledFields = 1024

// decode brings the state into the form of a Go value, made by zero.
func (m *migration) decode(zero func() any) error {
	if m.value != nil {
		return nil
	}

	raw, err := m.encode()
	if err != nil {
		return err
	}

	v := zero()
	if err := unmarshal(raw, v, m.chain.limits); err != nil {
		return err
	}

	m.raw, m.value = nil, v

	return nil
}

// split brings the state into the form of undecoded fields.
func (m *migration) split() error {
	if m.doc != nil {
		return nil
	}

	raw, err := m.encode()
	if err != nil {
		return err
	}

	if err := m.chain.splits(m.at, raw); err != nil {
		return err
	}

	d, ok := m.chain.docs.Get().(*Doc)
	if !ok {
		return failure(ClassDecode, errors.New("the pool of documents holds something else"))
	}

	d.limits = m.chain.limits
	if d.fields, err = wire.SplitMap(raw, d.fields[:0]); err != nil {
		return classify(err)
	}

	m.raw, m.doc = nil, d

	return nil
}

// splits reports an error for bytes that are not worth to be taken apart. It
// bounds the number of fields, which is all that SplitMap allocates for: what
// the fields hold is checked against the limits when it is decoded.
func (c *chain) splits(v Version, raw []byte) error {
	if len(raw) > c.maxBytes {
		return failure(ClassLimit, fmt.Errorf("%d bytes, at most %d are allowed", len(raw), c.maxBytes))
	}

	if n, most := mapLen(raw), len(c.at(v).fields); n > most {
		return failure(ClassDecode, fmt.Errorf("%d fields, but version %d has %d", n, v, most))
	}

	return nil
}

// mapLen reads the number of entries from the head of a map, -1 if it is none.
func mapLen(b []byte) int {
	switch {
	case len(b) >= 1 && b[0]&0xf0 == 0x80:
		return int(b[0] & 0x0f)
	case len(b) >= 3 && b[0] == 0xde:
		return int(binary.BigEndian.Uint16(b[1:]))
	case len(b) >= 5 && b[0] == 0xdf:
		return int(binary.BigEndian.Uint32(b[1:]))
	}

	return -1
}

// encode brings the state into the form of bytes and returns them.
func (m *migration) encode() ([]byte, error) {
	switch {
	case m.doc != nil:
		r := m.chain.at(m.at)
		if err := m.doc.settle(r); err != nil {
			return nil, err
		}

		m.raw = wire.JoinMap(make([]byte, 0, m.doc.size()), m.doc.fields)
		m.release()
	case m.value != nil:
		b, err := marshal(m.value)
		if err != nil {
			return nil, err
		}

		m.raw, m.value = b, nil
	}

	return m.raw, nil
}

// release gives the document back to the pool, if there is one.
func (m *migration) release() {
	d := m.doc
	if d == nil {
		return
	}

	m.doc = nil
	clear(d.fields) // the fields point into somebody's bytes
	clear(d.spare)

	if cap(d.fields)+cap(d.spare) <= maxPooledFields {
		m.chain.docs.Put(d)
	}
}
