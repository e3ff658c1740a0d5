package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Registry is the set of schemas of one release. It is immutable and may be
// used by several goroutines.
type Registry struct{ byName map[string]Schema }

// NewRegistry returns the set of the given schemas. One that is given twice
// counts once; two of the same name are an error, and all of them are reported.
func NewRegistry(schemas ...Schema) (*Registry, error) {
	r := &Registry{byName: make(map[string]Schema, len(schemas))}

	var errs []error

	for i, s := range schemas {
		if s == nil {
			errs = append(errs, fmt.Errorf("schema %d is nil", i+1))

			continue
		}

		if other, dup := r.byName[s.Name()]; dup && other != s {
			errs = append(errs, fmt.Errorf("two schemas are called %q: give one another name", s.Name()))

			continue
		}

		r.byName[s.Name()] = s
	}

	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	return r, nil
}

// Get returns the schema of that name, and false if there is none.
func (r *Registry) Get(name string) (Schema, bool) {
	s, ok := r.byName[name]

	return s, ok
}

// Names returns all names, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.byName)) }

// Manifests returns what a peer must know, sorted by name.
func (r *Registry) Manifests() []Manifest {
	ms := make([]Manifest, 0, len(r.byName))
	for _, name := range r.Names() {
		ms = append(ms, r.byName[name].Manifest())
	}

	return ms
}

// Compare is the preflight: it plans every kind that this release or the peer
// has, sorted by name. What this side converts is described step by step.
func (r *Registry) Compare(peer []Manifest) []Plan {
	return compare(r.Manifests(), peer, func(local, peer Manifest) Plan {
		return r.byName[local.Kind].Plan(peer)
	})
}
