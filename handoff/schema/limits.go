package schema

import (
	"errors"
	"fmt"

	"github.com/segue-cluster/segue/internal/wire"
)

// Limits bound one state of a kind, in every version of it, on its way in and
// out. A zero field stands for its default.
type Limits struct {
	// Bytes is the size of an encoded state. Default 8 MiB. A process with a
	// larger state cannot move.
	Bytes int
	// Depth is the number of lists, maps and structs inside of each other.
	// Default, and at most, 64.
	Depth int
	// Elements is the number of entries of one list or map. Default 65,536.
	Elements int
	// Values is the number of values in one state. Default 1,000,000.
	Values int
	// Key is the length of the key of a map, in bytes. Default 256.
	Key int
	// Decoded is the memory that a decoded state may take, in bytes, estimated
	// from its types. Default 64 MiB, or 8 times the encoded size if larger.
	Decoded int
}

// validate reports every problem of l.
func (l Limits) validate() error {
	var errs []error

	for _, f := range []struct {
		name  string
		value int
	}{
		{"Bytes", l.Bytes},
		{"Depth", l.Depth},
		{"Elements", l.Elements},
		{"Values", l.Values},
		{"Key", l.Key},
		{"Decoded", l.Decoded},
	} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("limit %s is %d, want 0 for its default or more", f.name, f.value))
		}
	}

	if l.Depth > wire.MaxDepth {
		errs = append(errs, fmt.Errorf("limit Depth is %d, want at most %d", l.Depth, wire.MaxDepth))
	}

	if l.Bytes > wire.MaxEncoded {
		errs = append(errs, fmt.Errorf("limit Bytes is %d, want at most %d", l.Bytes, wire.MaxEncoded))
	}

	return errors.Join(errs...)
}

// wire returns l as the codec takes it.
func (l Limits) wire() wire.Limits {
	return wire.Limits{
		Bytes: l.Bytes, Depth: l.Depth, Elements: l.Elements, Values: l.Values, Key: l.Key, Decoded: l.Decoded,
	}
}

// maxBytes is the size of a state or a JSON body that is worth a look, in bytes.
func (l Limits) maxBytes() int {
	if l.Bytes == 0 {
		return wire.DefaultBytes
	}

	return l.Bytes
}
