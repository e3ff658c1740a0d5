package consensus

import (
	"encoding/binary"
	"fmt"

	"github.com/segue-cluster/segue"
)

// Identity is what a store knows about its node. It is written before anything
// else and can only be changed by the methods of [Store].
type Identity struct {
	// Node was minted with the store. It never changes.
	Node segue.NodeID

	// Cluster is the id of the cluster that the node belongs to, zero until it
	// is known. Once set it never changes.
	Cluster [16]byte

	// Generation of that cluster. It only grows.
	Generation uint64

	// Incarnation is the last one that the node was given, 0 before the first.
	// It only grows. A cluster that knows a higher one for this node is looking
	// at an older copy of the directory.
	Incarnation segue.Incarnation

	// Retired means that the node left the cluster for good. The store cannot
	// be opened again.
	Retired bool
}

// Layout of the identity on disk, format 1, big-endian. Do not change it, add a
// new format.
//
//	offset size
//	0      1    format
//	1      16   node id
//	17     16   cluster id
//	33     8    generation
//	41     8    incarnation
//	49     1    flags: 1 retired
//	50     4    CRC32C of all bytes before
const (
	identityFormat = 1
	identitySize   = 50
	flagRetired    = 1
)

func (id Identity) encode() []byte {
	b := make([]byte, 0, identitySize+4)
	b = append(b, identityFormat)
	b = append(b, id.Node[:]...)
	b = append(b, id.Cluster[:]...)
	b = binary.BigEndian.AppendUint64(b, id.Generation)
	b = binary.BigEndian.AppendUint64(b, uint64(id.Incarnation))

	var flags byte
	if id.Retired {
		flags |= flagRetired
	}

	return seal(nil, append(b, flags))
}

// decodeIdentity returns an error that matches [segue.ErrUnsupported] for an
// intact record of another format.
func decodeIdentity(b []byte) (Identity, error) {
	b, err := unseal(nil, b)
	if err != nil {
		return Identity{}, err
	}

	if len(b) > 0 && b[0] != identityFormat {
		return Identity{}, fmt.Errorf("it has format %d, this release reads %d: %w", b[0], identityFormat, segue.ErrUnsupported)
	}

	if len(b) != identitySize {
		return Identity{}, fmt.Errorf("it has %d bytes, want %d", len(b), identitySize)
	}

	id := Identity{
		Node:        segue.NodeID(b[1:17]),
		Cluster:     [16]byte(b[17:33]),
		Generation:  binary.BigEndian.Uint64(b[33:]),
		Incarnation: segue.Incarnation(binary.BigEndian.Uint64(b[41:])),
		Retired:     b[49]&flagRetired != 0,
	}
	if id.Node.IsZero() {
		return Identity{}, fmt.Errorf("it has no node id")
	}

	return id, nil
}

// withCluster checks a change of the cluster.
func (id Identity) withCluster(cluster [16]byte, generation uint64) (Identity, error) {
	switch {
	case cluster == [16]byte{}:
		return id, fmt.Errorf("the cluster id is zero: %w", segue.ErrBadRequest)
	case id.Cluster != [16]byte{} && id.Cluster != cluster:
		return id, fmt.Errorf("node %s belongs to cluster %x, not to %x: %w", id.Node, id.Cluster, cluster, segue.ErrWrongCluster)
	case generation < id.Generation:
		return id, fmt.Errorf("generation %d is older than %d: %w", generation, id.Generation, segue.ErrFenced)
	}

	id.Cluster, id.Generation = cluster, generation

	return id, nil
}

// withIncarnation checks a change of the incarnation.
func (id Identity) withIncarnation(inc segue.Incarnation) (Identity, error) {
	if inc < id.Incarnation {
		return id, fmt.Errorf("incarnation %d is older than %d: %w", inc, id.Incarnation, segue.ErrFenced)
	}

	id.Incarnation = inc

	return id, nil
}
