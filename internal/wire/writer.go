package wire

// consecutive is the group of the fragments that AppendFrame writes: they
// follow each other, so one group is enough.
const consecutive = 1

// AppendFrame appends payload to dst as one frame of type t, or as consecutive
// fragments of [MaxBulkFrame] bytes if it is longer and t may be fragmented.
// The payload is copied. Over the limit of t nothing is appended and the error
// is of class [TooLarge]; it is of class [BadType] for a type outside of the
// registry.
//
// The fragments are in group 1. A caller that also uses [AppendFragment] on
// the same stream must not leave that group open.
func AppendFrame(dst []byte, t FrameType, payload []byte) ([]byte, error) {
	if err := checkPayload(t, len(payload)); err != nil {
		return dst, err
	}

	if len(payload) <= t.MaxFrame() {
		return appendOne(dst, t, 0, false, payload), nil
	}

	for len(payload) > 0 {
		n := min(len(payload), MaxBulkFrame)
		dst = appendOne(dst, t, consecutive, n < len(payload), payload[:n])
		payload = payload[n:]
	}

	return dst, nil
}

// AppendFrameParts is [AppendFrame] of a payload that consists of prefix and
// rest, without joining them first.
func AppendFrameParts(dst []byte, t FrameType, prefix, rest []byte) ([]byte, error) {
	n := len(prefix) + len(rest)
	if err := checkPayload(t, n); err != nil {
		return dst, err
	}

	if n > t.MaxFrame() {
		return AppendFrame(dst, t, append(append(make([]byte, 0, n), prefix...), rest...))
	}

	start := len(dst)
	dst = appendHeader(dst, t, 0, false, n)
	dst = append(append(dst, prefix...), rest...)
	seal(dst[start:])

	return dst, nil
}

// AppendFragment appends one fragment of a longer payload of type t, so that
// other frames can be sent between the fragments. All fragments of a payload
// have the same type and the same group, which is not 0; more is false on the
// last. At most [MaxGroups] groups may be open in a stream, and a payload sent
// this way has at least two fragments and at most t.MaxPayload() bytes: the
// reader refuses the stream otherwise.
func AppendFragment(dst []byte, t FrameType, group uint16, chunk []byte, more bool) ([]byte, error) {
	if err := checkPayload(t, len(chunk)); err != nil {
		return dst, err
	}

	switch {
	case !t.Bulk():
		return dst, refuse(BadFragment, -1, "%v may not be sent in fragments", t)
	case group == 0:
		return dst, refuse(BadFragment, -1, "a fragment of %v needs a group other than 0", t)
	case len(chunk) == 0 || len(chunk) > MaxBulkFrame:
		return dst, refuse(BadFragment, -1, "a fragment of %d bytes, want 1 to %d", len(chunk), MaxBulkFrame)
	}

	return appendOne(dst, t, group, more, chunk), nil
}

// FrameSize returns how many bytes [AppendFrame] appends for a payload of n
// bytes of type t that is within its limit.
func FrameSize(t FrameType, n int) int {
	frames := max(1, (n+t.MaxFrame()-1)/t.MaxFrame())

	return n + frames*HeaderSize
}

func checkPayload(t FrameType, n int) error {
	if !t.Valid() {
		return refuse(BadType, -1, "type 0x%02x is not in the registry", uint8(t))
	}

	if n > t.MaxPayload() {
		return refuse(TooLarge, -1, "%d bytes in a payload of %v, at most %d are allowed", n, t, t.MaxPayload())
	}

	return nil
}
