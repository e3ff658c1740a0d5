package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/handoff/schema"
)

// extManifests is the entry of a node's introduction with the manifests of all
// its schemas.
const extManifests = "manifests"

// introduced notes which schemas another node has.
func (n *Node) introduced(id segue.NodeID, said map[string][]byte) {
	list, err := decodeManifests(said[extManifests])
	if err != nil {
		return // a keeper, or a later release
	}

	byName := make(map[string]schema.Manifest, len(list))
	for _, m := range list {
		byName[m.Kind] = m
	}

	n.peers.Store(id, byName)
}

// manifestsOf returns the manifests of a node, which it tells when it is
// connected to.
func (n *Node) manifestsOf(ctx context.Context, id segue.NodeID) ([]schema.Manifest, error) {
	if id == n.cluster.ID() {
		return n.host.registry.Manifests(), nil
	}

	// What is known may be of a former start with another release: a new
	// connection, if there has to be one, brings the present manifests.
	if err := n.cluster.Greet(ctx, id); err != nil {
		return nil, fmt.Errorf("node %s does not answer: %w", n.nameOf(id), err)
	}

	v, ok := n.peers.Load(id)
	if !ok {
		return nil, fmt.Errorf("node %s does not say which kinds it has: %w", n.nameOf(id), segue.ErrUnsupported)
	}

	byName, ok := v.(map[string]schema.Manifest)
	if !ok {
		return nil, segue.ErrInternal
	}

	return slices.SortedFunc(maps.Values(byName), func(a, b schema.Manifest) int {
		return slices.Compare([]byte(a.Kind), []byte(b.Kind))
	}), nil
}

// preflight refuses a rollout before anything moves if a kind cannot go from
// the nodes that own shards to those of the release, or not back.
func (n *Node) preflight(ctx context.Context, release string) error {
	var from, to []ownership.Member

	n.cluster.Table(func(t *ownership.Table) {
		for _, m := range t.Members {
			switch {
			case m.Fenced || !m.Hosting:
			case m.Release == release:
				to = append(to, m)
			default:
				from = append(from, m)
			}
		}
	})

	problems, err := n.compareAll(ctx, from, to)
	if err != nil {
		return err
	}

	if len(problems) > 0 {
		return fmt.Errorf("preflight to %s: %w: %w", release, segue.ErrRefused, errors.Join(problems...))
	}

	return nil
}

// compareAll plans every kind between every two nodes of two releases and
// returns what speaks against it, each once.
func (n *Node) compareAll(ctx context.Context, from, to []ownership.Member) ([]error, error) {
	seen := map[string]bool{}

	var problems []error

	for _, a := range from {
		ours, err := n.manifestsOf(ctx, a.Node)
		if err != nil {
			return nil, err
		}

		for _, b := range to {
			theirs, err := n.manifestsOf(ctx, b.Node)
			if err != nil {
				return nil, err
			}

			for _, p := range schema.Compare(ours, theirs) {
				text := fmt.Sprintf("from %s to %s: %s", a.Release, b.Release, p)
				if (p.Refused() || p.NeedsAcceptance()) && !seen[text] {
					seen[text] = true

					problems = append(problems, errors.New(text))
				}
			}
		}
	}

	return problems, nil
}
