package schema_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/segue-cluster/segue/handoff/schema"
)

// The laws of a chain, for random values of every version and every other
// version as the place to go.
func TestLaws(t *testing.T) {
	rs := releases()

	rapid.Check(t, func(t *rapid.T) {
		for i := schema.Version(1); i <= heads; i++ {
			b := must[[]byte](t)(rs[i].Encode(draw(t, i)))
			before := bytes.Clone(b)

			for j := schema.Version(1); j <= heads; j++ {
				got, err := Session.Migrate(nil, b, i, j)
				if isOverflow(err) {
					continue
				}

				got = must[[]byte](t)(got, err)
				again := must[[]byte](t)(Session.Migrate(nil, b, i, j))

				if !bytes.Equal(got, again) {
					t.Errorf("Migrate(%d -> %d) = %x, then %x", i, j, got, again)
				}

				isOfItsVersion(t, rs[j], got)

				if i <= j {
					isLossless(t, rs[j], b, got, i)
				}
			}

			if !bytes.Equal(before, b) {
				t.Errorf("the input changed from %x to %x", before, b)
			}
		}
	})
}

// isOfItsVersion checks that b is exactly what the release with that head
// writes.
func isOfItsVersion(t *rapid.T, r schema.Schema, b []byte) {
	t.Helper()

	v := must[any](t)(r.Decode(b))

	if want := must[[]byte](t)(r.Encode(v)); !bytes.Equal(b, want) {
		t.Errorf("Migrate to %d = %x, that release encodes it as %x", r.Head(), b, want)
	}
}

// isLossless checks that b of version i, which became up at the head of r, comes
// back as it was, by migration and by the two calls of a node.
func isLossless(t *rapid.T, r schema.Schema, b, up []byte, i schema.Version) {
	t.Helper()

	j := r.Head()

	if back := must[[]byte](t)(Session.Migrate(nil, up, j, i)); !bytes.Equal(b, back) {
		t.Errorf("Migrate(%d -> %d -> %d) = %x, want %x", i, j, i, back, b)
	}

	v := must[any](t)(r.DecodeFrom(nil, b, i))

	if got := must[[]byte](t)(r.Encode(v)); !bytes.Equal(got, up) {
		t.Errorf("DecodeFrom(%d) at %d encodes as %x, want %x", i, j, got, up)
	}

	if got := must[[]byte](t)(r.EncodeAs(nil, v, i)); !bytes.Equal(got, b) {
		t.Errorf("EncodeAs(%d) at %d = %x, want %x", i, j, got, b)
	}
}

// isOverflow reports whether a random time to live does not fit version 1.
func isOverflow(err error) bool {
	e, ok := errors.AsType[*schema.Error](err)

	return ok && e.Class == schema.ClassTransform && e.Path == "TTL"
}

func TestPassThroughEqualsDecodeAndEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := draw(t, heads)
		b := must[[]byte](t)(Session.Encode(v))
		same := must[[]byte](t)(Session.Migrate(nil, b, heads, heads))
		decoded := must[any](t)(Session.Decode(b))
		again := must[[]byte](t)(Session.Encode(decoded))

		if &same[0] != &b[0] {
			t.Error("Migrate to the same version copied the bytes")
		}

		if !bytes.Equal(b, again) {
			t.Errorf("Encode(Decode(%x)) = %x", b, again)
		}

		if diff := cmp.Diff(v, decoded); diff != "" {
			t.Errorf("Decode(Encode(v)) differs (-want +got):\n%s", diff)
		}
	})
}

// Nothing of the bytes is kept: they may be overwritten as soon as it returns.
func TestDecodeFromKeepsNothing(t *testing.T) {
	rs := releases()

	rapid.Check(t, func(t *rapid.T) {
		for i := schema.Version(1); i <= heads; i++ {
			b := must[[]byte](t)(rs[i].Encode(draw(t, i)))
			v := must[any](t)(Session.DecodeFrom(nil, b, i))
			before := must[[]byte](t)(Session.Encode(v))

			for k := range b {
				b[k] = 0xc1
			}

			if after := must[[]byte](t)(Session.Encode(v)); !bytes.Equal(before, after) {
				t.Errorf("the value from version %d changed with the bytes that it came from", i)
			}
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	b := must[[]byte](t)(releases()[1].Encode(&sessionV1{Name: "n", TTL: 30, Tags: map[string]int64{"a": 1}}))
	want := must[[]byte](t)(Session.Migrate(nil, b, 1, heads))

	done := make(chan error, 8)
	for range cap(done) {
		go func() {
			var err error

			for range 50 {
				got, e := Session.Migrate(nil, b, 1, heads)
				if e != nil || !bytes.Equal(got, want) {
					err = fmt.Errorf("Migrate = %x, %w", got, e)
				}
			}
			done <- err
		}()
	}

	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
