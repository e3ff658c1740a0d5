package handoff

import (
	"fmt"

	"github.com/segue-cluster/segue"
)

// A Peer is one incarnation of a node. Another start of the same node is
// another peer.
type Peer struct {
	Node segue.NodeID
	Inc  segue.Incarnation
}

// A ClientID is a lane of requests: at most one request of a client to one
// process is in flight, and its requests to one process are numbered from 1
// without gaps. The first byte says what kind of client it is.
type ClientID [16]byte

// The first byte of a [ClientID]. The values are wire: do not change them.
const (
	ClientLane    = 1 // a lane of a node
	ClientOnce    = 2 // an opaque request id: a client with one request
	ClientTimer   = 3 // a timer of the process itself
	ClientProcess = 4 // another process
)

// Once reports whether c is an opaque request id, which is kept for a bounded
// time and number.
func (c ClientID) Once() bool { return c[0] == ClientOnce }

// A Codec says how the bytes of a body or a state are encoded. The numbers
// are wire: do not reorder them, add new ones at the end.
type Codec uint8

// The codecs.
const (
	CodecNone    Codec = iota // no bytes: an absent state, an empty body
	CodecMsgpack              // msgpack, in the schema version that stands beside it
	CodecJSON                 // JSON, as a gateway received it
	CodecLost                 // no bytes: the state died with its node
)

// A Body is a message, a reply or the payload of a timer: a value of a kind of
// its own, which evolves like a state.
type Body struct {
	Name        string  `msgpack:"n"`
	Version     uint32  `msgpack:"v"`
	Fingerprint [8]byte `msgpack:"f"`
	Codec       Codec   `msgpack:"c"`
	Bytes       []byte  `msgpack:"b"`
}

// A Request asks a process for one turn.
type Request struct {
	Client ClientID `msgpack:"c"`
	// N numbers the requests of the client to this process, from 1. A declared
	// read has N = 0: it is not remembered and may run again.
	N uint64 `msgpack:"n"`
	// Base is the client's lowest unanswered N. A client that the process does
	// not know is accepted at its base.
	Base uint64 `msgpack:"s"`
	Body Body   `msgpack:"b"`
	// Age is how long ago the request was first sent, in nanoseconds.
	Age int64 `msgpack:"a"`
	// Deadline is how long from now an answer is wanted, in nanoseconds.
	Deadline int64 `msgpack:"d"`
	// Want is the highest version of the reply that the client can read, 0 for
	// the newest.
	Want uint32 `msgpack:"w"`
}

// A Reply is the outcome of a turn. A Code other than "" is an error that the
// handler answered with; it is a reply like any other.
type Reply struct {
	Code   segue.Code `msgpack:"c"`
	Detail string     `msgpack:"t"`
	Body   Body       `msgpack:"b"`
}

// A Sealed is an encoded record, as it travels and is stored. It is not
// decoded until it is needed.
type Sealed struct {
	Ver   uint64       // of the state inside
	Bytes []byte       // the record; nobody writes to them any more
	Hash  segue.Digest // SHA-256 of Bytes
}

// A Mode is what one node does with one process. See docs/protocol.md section 3.
type Mode uint8

// The modes.
const (
	None      Mode = iota // no copy
	Local                 // executes as owner
	Delegated             // source: stores every result, does not execute
	Exec                  // target: executes for the source
)

// String returns the name of m.
func (m Mode) String() string {
	switch m {
	case None:
		return "none"
	case Local:
		return "local"
	case Delegated:
		return "delegated"
	case Exec:
		return "exec"
	}

	return fmt.Sprintf("mode(%d)", uint8(m))
}

// A Role is what one node does for one shard. See docs/protocol.md section 4.
type Role uint8

// The roles. Opening to Forwarding are those of a source, Ready and Executing
// those of a target.
const (
	Idle       Role = iota // redirects
	Owner                  // serves, no session
	Opening                // Open proposed, serves
	Flipping               // flips processes one by one
	Committing             // everything is delegated, Commit proposed
	Aborting               // Abort proposed
	Forwarding             // gave the shard away, passes stragglers on
	Ready                  // accepted a session, waits for processes
	Executing              // runs what was flipped, answers to the source only
)

// String returns the name of r.
func (r Role) String() string {
	switch r {
	case Idle:
		return "idle"
	case Owner:
		return "owner"
	case Opening:
		return "opening"
	case Flipping:
		return "flipping"
	case Committing:
		return "committing"
	case Aborting:
		return "aborting"
	case Forwarding:
		return "forwarding"
	case Ready:
		return "ready"
	case Executing:
		return "executing"
	}

	return fmt.Sprintf("role(%d)", uint8(r))
}

// next reports whether the protocol allows the step from r to q.
func (r Role) next(q Role) bool {
	switch r {
	case Idle:
		return q == Owner || q == Ready
	case Owner:
		return q == Opening || q == Aborting || q == Idle
	case Opening:
		return q == Flipping || q == Aborting || q == Owner || q == Idle
	case Flipping:
		return q == Committing || q == Aborting || q == Idle
	case Committing:
		return q == Forwarding || q == Aborting || q == Idle
	case Aborting:
		return q == Owner || q == Forwarding || q == Idle
	case Forwarding:
		return q == Idle || q == Owner || q == Ready
	case Ready:
		return q == Executing || q == Owner || q == Idle
	case Executing:
		return q == Owner || q == Idle
	}

	return false
}

// source reports whether r belongs to a source with an open session.
func (r Role) source() bool {
	return r == Opening || r == Flipping || r == Committing || r == Aborting
}

// target reports whether r belongs to a target with an open session.
func (r Role) target() bool { return r == Ready || r == Executing }

// A Moment is what the clock and the lease of a node say when an event
// happens.
type Moment struct {
	Now   int64 // nanoseconds, by a clock that also runs while the machine sleeps
	Lease bool  // the node holds a lease
}

// A View is what the node's own applied log says about a shard.
type View struct {
	Index       uint64 // raft index of the last entry seen
	Owner       Peer
	Epoch       segue.Epoch
	Assigned    Peer    // the owner that it should have, zero for "as it is"
	Held        bool    // it stays, whatever its assignment
	Session     Session // the open one, if Session.ID is not 0
	LastSession segue.SessionID
	// Recovered: the last session ended because its source died.
	Recovered bool
	// PartnerFenced: the other end of the open session is fenced.
	PartnerFenced bool
	// Known counts the processes of a former owner that died, if Recover made
	// the present one.
	Known uint64
	// Lossy: the shard lost processes nobody can name. What is absent from it
	// may be lost.
	Lossy bool
}

// A Session is one run of the handoff protocol for a shard.
type Session struct {
	ID    segue.SessionID
	From  Peer
	To    Peer
	Index uint64 // of the Open entry
}
