package handoff

import (
	"github.com/segue-cluster/segue"
)

// An EffectKind says what a [Replica] wants to be done.
type EffectKind uint8

// The kinds of effects. Those that start work at the host carry a Turn, which
// the host gives back when it reports the outcome.
const (
	// EffectRun: run Request as a turn of Process, then call Ran. Births create
	// the state first.
	EffectRun EffectKind = iota + 1
	// EffectFreeze: encode Process with Ver and Table, then call Frozen.
	EffectFreeze
	// EffectActivate: make Process from Record, then call Activated.
	EffectActivate
	// EffectRestore: Process executes here again, on the state of Record, which
	// may be decoded when it is needed, or, without bytes, on what was frozen.
	EffectRestore
	// EffectDrop: forget the state of Process.
	EffectDrop
	// EffectSend: put Frame on the stream of its session, behind those before.
	EffectSend
	// EffectReply: give Reply to Ticket.
	EffectReply
	// EffectRefuse: Ticket's request was not run: Refusal and Detail say why.
	EffectRefuse
	// EffectRedirect: Ticket's request belongs to View.Owner.
	EffectRedirect
	// EffectAbort: propose Abort of Session, for the reason in Detail. If Hold,
	// keep the shard here until somebody lifts it; Process caused it, if set.
	EffectAbort
	// EffectCommit: propose Commit of Session with Tally.
	EffectCommit
	// EffectFlipping: processes may be flipped now.
	EffectFlipping
	// EffectLost: report the processes in Names as lost with the former owner;
	// without names, all that it had.
	EffectLost
	// EffectEnded: the session of this shard has ended here, as Detail says.
	EffectEnded
)

// A Ticket is the host's number of somebody who waits for an answer, 0 for
// nobody.
type Ticket uint64

// An Effect is one thing to do. Effects must be carried out in their order as
// far as frames and replies are concerned.
type Effect struct {
	Kind    EffectKind
	Process segue.Address
	Turn    uint64
	Session segue.SessionID
	Ticket  Ticket
	Request *Request // run; owned by the host until it reports
	Timer   string   // run: the timer that fired, instead of Request
	Mode    Mode     // run: Exec wants the record after the turn
	Ver     uint64   // run, freeze: of the state before
	Table   []Entry  // freeze: valid until Frozen is called
	Exists  bool     // run, freeze: there is a state
	Lost    bool     // freeze: the state was lost
	Record  Sealed   // activate, restore
	Frame   Frame    // send
	Reply   Reply    // reply
	Refusal segue.Code
	Detail  string
	Hold    bool
	Tally   Tally
	Names   []string
}

// A Tally counts what a session moved, at the flip.
type Tally struct {
	Processes uint64
	Bytes     uint64
	Digest    segue.Digest
}

// Effects collects what a replica wants to be done. The caller empties it.
type Effects []Effect

func (e *Effects) add(x Effect) { *e = append(*e, x) }
