package transport

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// Limits of the texts of an introduction, in bytes.
const (
	// MaxBuild is the longest Intro.Build. Intro.Name has segue.MaxNodeNameLen.
	MaxBuild = 256

	maxDetail = 1024 // of a refusal; a longer one is cut
)

// An Intro is what a node says of itself at the start of a connection. Wire: it
// is a msgpack map under these names; new entries go into Ext, because a
// release refuses fields that it does not know.
type Intro struct {
	// ClusterID is random, minted at the formation of the cluster; zero while
	// the node does not know it.
	ClusterID [16]byte `msgpack:"cluster"`
	// Generation of the cluster; see segue.Token.
	Generation uint64 `msgpack:"generation"`
	// Node is the id of the node. It is checked against its certificate.
	Node segue.NodeID `msgpack:"node"`
	// Name of the node, for people.
	Name string `msgpack:"name"`
	// Start is a random number that tells one start of a node from the others.
	Start uint64 `msgpack:"start"`
	// ProtoMin and ProtoMax are the versions that the node speaks of the
	// protocol, both included.
	ProtoMin uint32 `msgpack:"proto_min"`
	ProtoMax uint32 `msgpack:"proto_max"`
	// Build is the version of Segue, for people.
	Build string `msgpack:"build"`
	// Ext has entries of later releases, and of users of this package.
	Ext map[string][]byte `msgpack:"ext,omitempty"`
}

// refusal is the payload of a Refuse frame. Wire.
type refusal struct {
	Code   string            `msgpack:"code"`
	Detail string            `msgpack:"detail"`
	Ext    map[string][]byte `msgpack:"ext,omitempty"`
}

// validate checks an introduction by itself.
func (i Intro) validate() error {
	switch {
	case i.Node.IsZero():
		return fmt.Errorf("%w: the introduction names no node", segue.ErrBadRequest)
	case len(i.Name) > segue.MaxNodeNameLen:
		return fmt.Errorf("%w: the node name has %d bytes, at most %d are allowed",
			segue.ErrBadRequest, len(i.Name), segue.MaxNodeNameLen)
	case len(i.Build) > MaxBuild:
		return fmt.Errorf("%w: the build has %d bytes, at most %d are allowed", segue.ErrBadRequest, len(i.Build), MaxBuild)
	case i.ProtoMin > i.ProtoMax:
		return fmt.Errorf("%w: the protocol range %d to %d is empty", segue.ErrBadRequest, i.ProtoMin, i.ProtoMax)
	}

	return nil
}

// agree checks the introduction of a peer, who is certified to be node, against
// the own one.
func agree(own, peer Intro, certified segue.NodeID) error {
	if err := peer.validate(); err != nil {
		return err
	}

	if peer.Node != certified {
		return fmt.Errorf("%w: node %s introduced itself as node %s", segue.ErrBadRequest, certified, peer.Node)
	}

	none := [16]byte{}
	if own.ClusterID != none && peer.ClusterID != none && own.ClusterID != peer.ClusterID {
		return fmt.Errorf("%w: %s has cluster id %x, %s has %x", segue.ErrWrongCluster,
			own.Name, own.ClusterID, peer.Name, peer.ClusterID)
	}

	if own.ProtoMax < peer.ProtoMin || peer.ProtoMax < own.ProtoMin {
		return fmt.Errorf("%w: %s (build %s) speaks versions %d to %d, %s (build %s) speaks %d to %d", segue.ErrUnsupported,
			own.Name, own.Build, own.ProtoMin, own.ProtoMax, peer.Name, peer.Build, peer.ProtoMin, peer.ProtoMax)
	}

	return nil
}

func writeIntro(w io.Writer, i Intro) error {
	if err := i.validate(); err != nil {
		return fmt.Errorf("own introduction: %w", err)
	}

	return writeFrame(w, wire.Intro, &i)
}

// writeRefusal tells the peer why. The code is the one of err.
func writeRefusal(w io.Writer, err error) error {
	detail := err.Error()
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}

	return writeFrame(w, wire.Refuse, &refusal{Code: string(segue.CodeOf(err)), Detail: strings.ToValidUTF8(detail, "?")})
}

func writeFrame(w io.Writer, t wire.FrameType, v any) error {
	payload, err := wire.Marshal(v)
	if err != nil {
		return err
	}

	frame, err := wire.AppendFrame(nil, t, payload)
	if err != nil {
		return err
	}

	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("introduction: %w", err)
	}

	return nil
}

// readIntro reads the introduction of the peer and not a byte more. A refusal
// comes back as an error with its code.
func readIntro(r io.Reader) (Intro, error) {
	t, payload, err := wire.NewReader(single{r}).Next()
	if err != nil {
		return Intro{}, frameError(err)
	}

	if t == wire.Refuse {
		var no refusal
		if err := wire.Unmarshal(payload, &no, wire.ControlLimits()); err != nil {
			return Intro{}, because(BadIntro, err)
		}

		return Intro{}, fmt.Errorf("the peer refused: %w", segue.FromCode(segue.Code(no.Code), no.Detail))
	}

	if t != wire.Intro {
		return Intro{}, because(BadIntro, fmt.Errorf("the peer sent %v instead of %v", t, wire.Intro))
	}

	var i Intro
	if err := wire.Unmarshal(payload, &i, wire.ControlLimits()); err != nil {
		return Intro{}, because(BadIntro, err)
	}

	return i, nil
}

func frameError(err error) error {
	if wire.ClassOf(err) != 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
		return because(BadIntro, err)
	}

	return fmt.Errorf("introduction: %w", err)
}

// single reads one byte at a time. A wire.Reader reads no further than it has
// to if it cannot get more: what follows the introduction is the protocol's.
type single struct{ r io.Reader }

// Read reads one byte.
func (s single) Read(p []byte) (int, error) {
	return s.r.Read(p[:min(len(p), 1)]) //nolint:wrapcheck // a Reader adds nothing to what it reads
}
