package wire

// MaxDepth is the deepest nesting that [Limits] can allow and that [Marshal]
// writes: every walk over bytes or values in this package is bounded by it.
const MaxDepth = 64

// MaxEncoded is the largest encoding that [Marshal] makes, in bytes. What a
// frame can carry is less; see [MaxPayload].
const MaxEncoded = 64 << 20

// Defaults of [Limits].
const (
	DefaultBytes    = MaxRecord
	DefaultElements = 65_536
	DefaultValues   = 1_000_000
	DefaultKey      = 256
	// DefaultDecoded is the least default of Limits.Decoded, in bytes. For
	// payloads over an eighth of it the default is 8 times the payload.
	DefaultDecoded = 64 << 20
)

// Limits bound what [Scan] and [Unmarshal] accept. A zero field stands for the
// default named in its comment, a negative one allows nothing.
type Limits struct {
	// Bytes is the size of the value. Default [DefaultBytes].
	Bytes int
	// Depth is the number of containers inside of each other, the outermost
	// counted. Default, and at most, [MaxDepth].
	Depth int
	// Elements is the number of entries of one array or map. Default
	// [DefaultElements].
	Elements int
	// Values is the number of values in all: containers, elements, keys.
	// Default [DefaultValues].
	Values int
	// Key is the length of the key of a map, in bytes. Default [DefaultKey].
	Key int
	// Decoded is the memory that the decoded Go value may take, in bytes, as
	// [Unmarshal] estimates it from the sizes of the Go types: the elements of
	// slices and maps, what pointers point to, the bytes of strings. Default
	// [DefaultDecoded] or 8 times the payload, the larger.
	Decoded int
}

// ControlLimits are the limits of the payloads of control frames.
func ControlLimits() Limits {
	return Limits{
		Bytes: MaxControl, Depth: 16, Elements: DefaultElements, Values: DefaultElements, Key: DefaultKey,
		Decoded: 4 << 20,
	}
}

// StateLimits are the limits of the state of a process: all defaults.
func StateLimits() Limits {
	return Limits{
		Bytes: DefaultBytes, Depth: MaxDepth, Elements: DefaultElements, Values: DefaultValues, Key: DefaultKey,
	}
}

// withDefaults returns l with every field set, for a payload of n bytes.
func (l Limits) withDefaults(n int) Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}

	set(&l.Bytes, DefaultBytes)
	set(&l.Depth, MaxDepth)
	set(&l.Elements, DefaultElements)
	set(&l.Values, DefaultValues)
	set(&l.Key, DefaultKey)
	set(&l.Decoded, max(DefaultDecoded, 8*n))
	l.Depth = min(l.Depth, MaxDepth)

	return l
}
