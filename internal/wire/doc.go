// Package wire is how Segue speaks: the framing of its streams, and the strict
// codec of what the frames carry.
//
// # Frames
//
// A stream is a sequence of frames. A frame is a header of 16 bytes and a
// payload, all numbers big-endian:
//
//	0  'S' 'G'          4  flags            8  length of the payload
//	2  version, 1       6  fragment group   12 CRC32C of bytes 0 to 11
//	3  [FrameType]                             and of the payload
//
// Flag bit 0 says that more fragments of this payload follow; the other bits
// are 0. The fragment group is 0 when the payload is whole. Payloads of control
// types have at most 64 KiB. Payloads of bulk types have at most 1 MiB in one
// frame, and 8 MiB and 64 KiB in fragments; fragments of at most 8 payloads may
// be open at a time, with whole frames and each other's fragments in between.
//
// [AppendFrame], [AppendFrameParts] and [AppendFragment] write frames, a [Reader] reads them.
//
// # Values
//
// Payloads are msgpack. [Marshal] and [Unmarshal] map Go values to it:
//
//   - bool, string, signed and unsigned integers and floats of every size are
//     what their name says. Integers take their shortest form. Strings are
//     valid UTF-8.
//   - []byte and [n]byte are binary; other slices and arrays are arrays.
//   - Maps have keys of string, integer, bool or [n]byte kinds, and are written
//     in the order of their encoded keys.
//   - Structs are maps from names to values, in the same order. The tag
//     msgpack:"name,omitempty" renames a field and leaves it out when it is
//     empty (false, 0, "", nil, no elements, an array or struct of zeros only,
//     the zero time); "-" excludes it. Unexported fields are not written. The
//     fields of an embedded struct count as fields of the outer one, unless it
//     is tagged "noinline".
//   - time.Time is a timestamp with nanoseconds. Its zone is not written: it
//     is decoded in UTC.
//   - time.Duration is an integer of nanoseconds.
//   - A pointer is what it points to, or nil. Slices and maps are nil when they
//     are nil.
//   - Named types travel as their underlying type. The interfaces of package
//     encoding are not used: a segue.NodeID travels as 16 bytes although it can
//     print itself. A struct that implements one of them is refused, since it
//     says that its fields are not its value; so is every type that brings its
//     own msgpack methods.
//
// Other types are refused by [CheckType]: interfaces, channels, functions,
// complex numbers, structs without exported fields, pointers to pointers,
// slices or maps, embedded pointers, and structs of which two fields have the
// same name.
//
// [Unmarshal] accepts only what the destination can hold exactly. It refuses
// integers that do not fit, integers for floats, floats that lose precision,
// nil for what has no nil, strings for binary and the reverse, strings that are
// not UTF-8, arrays for maps and the reverse, arrays of another length, fields
// that the struct does not have, and equal keys. Names are case-sensitive.
//
// [SplitMap] and [JoinMap] take maps apart without decoding their values.
//
// # Guarantees
//
//   - Bytes of any origin give an error or a value: no panic, no memory beyond
//     [Limits] and the size of the input, no unbounded recursion.
//   - Equal values have equal encodings, from one release to the next, on every
//     machine. What was decoded encodes again to the same canonical form, save
//     that fields which were absent are present, and empty ones with omitempty
//     are absent.
//   - A damaged frame is not returned: the checksum covers header and payload.
//
// # Not promised
//
//   - The checksum is against accidents. Authenticity is the business of TLS.
//   - Shared pointers become copies, a time loses its zone and its monotonic
//     reading, and -0.0 and the payloads of NaNs are kept only at their own
//     width.
//   - [Scan] does not find equal keys or invalid UTF-8.
//
// Functions may be called from several goroutines. A [Reader] may not.
package wire
