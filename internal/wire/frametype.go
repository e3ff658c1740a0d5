package wire

import "fmt"

// A FrameType tells how the payload of a frame is to be read.
type FrameType uint8

// The types of frames. They are wire: do not reorder or reuse a number. Each
// family has its own range; add new types at the end of a family.
const (
	// Intro names a node, its cluster and its protocol range to a peer.
	Intro FrameType = 0x01
	// Refuse ends a connection with a code and a reason.
	Refuse FrameType = 0x02

	// Call asks the owner of a process to run one turn.
	Call FrameType = 0x10
	// Reply answers a Call.
	Reply FrameType = 0x11
	// Redirect names the owner to a caller that asked another node.
	Redirect FrameType = 0x12
	// Request asks a node something about itself or the cluster.
	Request FrameType = 0x13
	// Answer answers a Request.
	Answer FrameType = 0x14

	// Hello opens a handoff session.
	Hello FrameType = 0x40
	// Welcome accepts a session.
	Welcome FrameType = 0x41
	// Roster lists the processes that are going to move.
	Roster FrameType = 0x42
	// Flip hands a process to the target.
	Flip FrameType = 0x43
	// SwapBack hands a process back to the source.
	SwapBack FrameType = 0x44
	// Active confirms that a flipped process runs at its new place.
	Active FrameType = 0x45
	// Nack refuses a flipped process.
	Nack FrameType = 0x46
	// Fwd forwards a call inside of a session.
	Fwd FrameType = 0x47
	// Res returns the result of a forwarded call with the new state.
	Res FrameType = 0x48
	// Mir carries a change of state to a mirror.
	Mir FrameType = 0x49
	// Confirm acknowledges what a mirror has stored.
	Confirm FrameType = 0x4a
	// Final answers a straggler through the forwarder.
	Final FrameType = 0x4b
	// Moved says that a process is served elsewhere.
	Moved FrameType = 0x4c
	// Birth adds a process to the roster.
	Birth FrameType = 0x4d
	// Death removes a process from the roster.
	Death FrameType = 0x4e
	// Credit allows the peer to send more.
	Credit FrameType = 0x4f
	// Ping shows that the peer is alive.
	Ping FrameType = 0x50
	// Resume continues a session on a new connection.
	Resume FrameType = 0x51
	// Close ends a session on this connection.
	Close FrameType = 0x52
)

// String returns the name of t in capitals, as the protocol's text writes it.
func (t FrameType) String() string {
	if name := t.name(); name != "" {
		return name
	}

	return fmt.Sprintf("FRAME(0x%02x)", uint8(t))
}

func (t FrameType) name() string {
	families := [...]struct {
		first FrameType
		names []string
	}{
		{Intro, []string{"INTRO", "REFUSE"}},
		{Call, []string{"CALL", "REPLY", "REDIRECT", "REQUEST", "ANSWER"}},
		{Hello, []string{
			"HELLO", "WELCOME", "ROSTER", "FLIP", "SWAPBACK", "ACTIVE", "NACK", "FWD", "RES", "MIR", "CONFIRM", "FINAL",
			"MOVED", "BIRTH", "DEATH", "CREDIT", "PING", "RESUME", "CLOSE",
		}},
	}

	for _, f := range families {
		if t >= f.first && int(t-f.first) < len(f.names) {
			return f.names[t-f.first]
		}
	}

	return ""
}

// Valid reports whether t is in the registry.
func (t FrameType) Valid() bool {
	return t >= Hello && t <= Close || t >= Call && t <= Answer || t >= Intro && t <= Refuse
}

// Bulk reports whether t carries state or messages of users. Only bulk
// payloads may be sent in fragments.
func (t FrameType) Bulk() bool {
	switch t {
	case Call, Reply, Request, Answer, Roster, Flip, Fwd, Res, Mir, Final:
		return true
	case Intro, Refuse, Redirect, Hello, Welcome, SwapBack, Active, Nack, Confirm, Moved, Birth, Death, Credit,
		Ping, Resume, Close:
		return false
	}

	return false
}

// MaxFrame returns the largest payload of one frame of type t, in bytes.
func (t FrameType) MaxFrame() int {
	if t.Bulk() {
		return MaxBulkFrame
	}

	return MaxControl
}

// MaxPayload returns the largest payload of type t, in bytes, reassembled from
// fragments where t may be fragmented.
func (t FrameType) MaxPayload() int {
	if t.Bulk() {
		return MaxPayload
	}

	return MaxControl
}
