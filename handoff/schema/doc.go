// Package schema lets the state of a service change its shape from one release
// to the next, and back.
//
// A [Kind] is the definition of one kind of state: a stable name, the Go type
// of today, and the steps that lead to it from the types of the past. Messages
// and replies are kinds too. Most have one version and one line:
//
//	var DonateKind = schema.MustDefine[Donate]("campaign.donate", 1)
//
// # Versions
//
// The versions of a kind are 1, 2, 3 and so on, in one line without branches.
// A new one is due for every change of wire shape and of meaning. The old ones
// keep their numbers, and the steps between them are never edited: history is
// added to. A step joins two neighbours and cannot be made without its way
// back, so N versions need N-1 steps, and every pair of versions is served.
//
//   - [Lens] is a list of ops on fields: [Rename], [Add], [Drop], [Convert]. It
//     works on undecoded bytes and needs no copy of the old Go type.
//   - [Typed] is a pair of functions between two Go types.
//
// Every version has a [Fingerprint], a hash of its [Shape] on the wire.
// [Define] computes the shapes of old versions from the steps, and fails if the
// ops of a step do not explain the whole difference between two declared types:
// a field with a new name can never pass for one dropped and one added.
//
// # Two releases
//
// Two nodes show each other a [Manifest] for every kind. [Registry.Compare], or
// [Compare] without any code, turns two lists of them into a [Plan] for each
// kind, the same on both sides. The wire carries the lower head of the two, and
// the side with the higher head converts, whichever way the state goes:
//
//	b, err := kind.EncodeAs(ctx, value, plan.Wire)    // what leaves
//	value, err := kind.DecodeFrom(ctx, b, plan.Wire)  // what comes
//
// So a release carries the steps in both directions, and an older one never has
// to know the future.
//
// # Bytes
//
// The codec is msgpack as package internal/wire writes it: structs are maps by
// field name (the msgpack tag, else the Go name), decoding is strict, encoding
// is deterministic. A field that is absent reads as the zero value. A type that
// would lose something is refused: unexported fields must be tagged
// `msgpack:"-"` to say that they may be lost.
//
// JSON is encoding/json of the head, for bodies that come through a gateway.
// Names are those of the json tags; a field whose wire name differs from its Go
// name needs one.
//
// # Errors
//
// Everything that fails for one process returns an [*Error] with its [Class]
// and the place: process, versions, step, op, field. A panic of a step, or of
// an invariant, is such an error too.
//
// # Guarantees
//
//   - What Encode and EncodeAs return, Decode and DecodeFrom of the release
//     with that version accept, as far as their limits and invariants are equal.
//   - Equal values give equal bytes in every version. A lens step gives the
//     bytes that the codec would give.
//   - Equal version and fingerprint pass bytes through, after a scan.
//   - Bytes of any origin give an error or a valid value of the head, within the
//     limits of the kind. They are neither kept nor changed.
//   - The text of a shape, and so its fingerprint, never changes.
//   - No goroutine, no clock, no I/O, no global state. All exported types but
//     [Doc] and [Ctx] may be used by several goroutines.
//
// # Not promised
//
//   - A change of meaning without a change of shape is not seen: it needs a new
//     version, and nobody can find out that it was forgotten.
//   - Shapes of versions that only ops know follow from the head. An undeclared
//     change of such a step is found by the fingerprints of the peer at the
//     latest; [Was] finds it at once.
//   - What a way loses is lost: [Op.Doc] says which way may lose something.
//   - The functions of a kind must be pure. That is not checked.
//   - Memory and stack are bounded for the codec, not for the functions of a
//     kind; a panic is caught, running out of memory is not.
package schema
