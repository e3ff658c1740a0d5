package node

import (
	"errors"
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/handoff/schema"
)

// encodeBody encodes a message or reply at its head. A nil schema has no
// content.
func encodeBody(name string, s *versioned, v any) (handoff.Body, error) {
	if s == nil {
		return handoff.Body{Name: name}, nil
	}

	b, err := s.Encode(v)
	if err != nil {
		return handoff.Body{}, fmt.Errorf("message %q: %w", name, refusal(err))
	}

	return handoff.Body{
		Name: name, Version: uint32(s.Head()), Fingerprint: s.fingerprint(s.Head()), Codec: handoff.CodecMsgpack, Bytes: b,
	}, nil
}

// encodeReply encodes a reply as the caller can read it: as JSON if the request
// was JSON, else in the version that it wants, 0 for the head.
func encodeReply(s *versioned, v any, request *handoff.Body, want uint32) (handoff.Body, error) {
	switch {
	case s == nil:
		return handoff.Body{Name: request.Name}, nil
	case request.Codec == handoff.CodecJSON:
		b, err := s.EncodeJSON(v)
		if err != nil {
			return handoff.Body{}, limited(err)
		}

		return handoff.Body{Name: request.Name, Codec: handoff.CodecJSON, Bytes: b}, nil
	}

	to := s.Head()
	if want != 0 && schema.Version(want) < to {
		to = schema.Version(want)
	}

	b, err := s.EncodeAs(nil, v, to)
	if err != nil {
		return handoff.Body{}, limited(err)
	}

	return handoff.Body{
		Name: request.Name, Version: uint32(to), Fingerprint: s.fingerprint(to), Codec: handoff.CodecMsgpack, Bytes: b,
	}, nil
}

// decodeBody decodes what encodeBody made, in any version that s reads, or a
// JSON body. It returns nil for a body without content.
func decodeBody(s *versioned, b *handoff.Body) (any, error) {
	switch {
	case s == nil:
		return nil, nil //nolint:nilnil // no content
	case b.Codec == handoff.CodecJSON:
		v, err := s.DecodeJSON(b.Bytes)
		if err != nil {
			return nil, refusal(err)
		}

		return v, nil
	case b.Codec == handoff.CodecNone:
		return s.New(), nil
	}

	v := schema.Version(b.Version)
	if v > s.Head() {
		return nil, fmt.Errorf("version %d, this release knows %d: %w", v, s.Head(), segue.ErrNotYetServed)
	}

	if err := s.Check(v, schema.Fingerprint(b.Fingerprint)); err != nil {
		return nil, refusal(err)
	}

	x, err := s.DecodeFrom(nil, b.Bytes, v)
	if err != nil {
		return nil, refusal(err)
	}

	return x, nil
}

// refusal gives what a codec says of a message its condition: the sender's
// mistake.
func refusal(err error) error {
	if err = limited(err); errors.Is(err, segue.ErrTooLarge) {
		return err
	}

	return fmt.Errorf("%w: %w", segue.ErrBadRequest, err)
}

// limited gives what is over a limit its condition.
func limited(err error) error {
	if e, ok := errors.AsType[*schema.Error](err); ok && e.Class == schema.ClassLimit {
		return fmt.Errorf("%w: %w", segue.ErrTooLarge, err)
	}

	return err
}

// versioned is a schema with what every body and record says about it.
type versioned struct {
	schema.Schema

	oldest schema.Version
	prints []schema.Fingerprint
}

func newVersioned(s schema.Schema) *versioned {
	m := s.Manifest()

	return &versioned{Schema: s, oldest: m.Oldest, prints: m.Fingerprints}
}

// fingerprint returns the fingerprint of a version, zero if it is unknown.
func (s *versioned) fingerprint(v schema.Version) [8]byte {
	i := int(v) - int(s.oldest)
	if i < 0 || i >= len(s.prints) {
		return [8]byte{}
	}

	return s.prints[i]
}
