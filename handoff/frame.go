package handoff

import (
	"github.com/segue-cluster/segue"
)

// A FrameKind says what a frame of a session means. See docs/protocol.md section 6.
type FrameKind uint8

// The kinds of frames. S is the source, T the target.
const (
	FrameHello   FrameKind = iota + 1 // S: here is a session
	FrameWelcome                      // T: I have seen its entry, go on
	FrameRoster                       // S: the processes that exist
	FrameFlip                         // S: take this process over
	FrameActive                       // T: it runs here
	FrameNack                         // T: it cannot run here
	FrameForward                      // S: run this request
	FrameResult                       // T: its reply and the state after it
	FrameFinal                        // T as owner: the reply of a straggler
	FrameDeath                        // S: this process ended before its flip
	FrameClose                        // T: I am the owner now
)

// String returns the name of k.
func (k FrameKind) String() string {
	switch k {
	case FrameHello:
		return "hello"
	case FrameWelcome:
		return "welcome"
	case FrameRoster:
		return "roster"
	case FrameFlip:
		return "flip"
	case FrameActive:
		return "active"
	case FrameNack:
		return "nack"
	case FrameForward:
		return "forward"
	case FrameResult:
		return "result"
	case FrameFinal:
		return "final"
	case FrameDeath:
		return "death"
	case FrameClose:
		return "close"
	}

	return "unknown"
}

// A Frame is one message of a session about one shard. Which fields are set
// depends on the kind. Frames of one process stay in order.
type Frame struct {
	Kind    FrameKind
	Session segue.SessionID
	Shard   segue.ShardID

	Index uint64   // hello, welcome: a raft index
	Names []string // roster: addresses, as kind/key
	More  bool     // roster: another part follows

	Process segue.Address // flip and below, but close
	Call    uint64        // forward, result, final: the source's number of the request
	Request Request       // forward; result: who asked, without the body
	Reply   Reply         // result, final

	// Refusal: the request was not run. result, final, nack.
	Refusal segue.Code
	Detail  string

	// Ver is the version of the state after the request, or of the record.
	Ver uint64
	// Record is the state: flip, and result if the turn was numbered.
	Record Sealed
	Exists bool         // result: the process has a state after the turn
	At     int64        // result: when it arrived, by the receiver's clock
	Table  Table        // flip: as in the record
	Hash   segue.Digest // active: of the record that was received
}
