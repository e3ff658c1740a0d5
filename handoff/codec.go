package handoff

import (
	"crypto/sha256"
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/wire"
)

// The payloads of the frames of a stream. They are wire: fields are never
// renamed or given another type.
type (
	helloBody struct {
		Session  segue.SessionID   `msgpack:"s"`
		Shards   []segue.ShardID   `msgpack:"h"`
		Index    uint64            `msgpack:"x"` // of the Open entry
		FromInc  segue.Incarnation `msgpack:"f"`
		ToInc    segue.Incarnation `msgpack:"t"`
		Manifest []byte            `msgpack:"m"` // of the source
	}
	welcomeBody struct {
		Session  segue.SessionID `msgpack:"s"`
		Shards   []segue.ShardID `msgpack:"h"` // that are ready
		Index    uint64          `msgpack:"x"` // the target's log up to here
		Manifest []byte          `msgpack:"m"` // of the target
		Refused  string          `msgpack:"r"` // why it takes nothing, "" if it does
	}
	rosterBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Names   []string        `msgpack:"n"`
		More    bool            `msgpack:"m"` // another part follows
	}
	flipBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Record  []byte          `msgpack:"r"`
	}
	activeBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Ver     uint64          `msgpack:"v"`
		Hash    segue.Digest    `msgpack:"d"`
	}
	nackBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Why     string          `msgpack:"w"`
	}
	forwardBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Call    uint64          `msgpack:"c"`
		Request Request         `msgpack:"q"`
	}
	resultBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Call    uint64          `msgpack:"c"`
		Client  ClientID        `msgpack:"l"` // the change of the table
		N       uint64          `msgpack:"n"`
		Ver     uint64          `msgpack:"v"`
		Exists  bool            `msgpack:"e"`
		Reply   Reply           `msgpack:"a"`
		Record  []byte          `msgpack:"r"` // empty for a read and a duplicate
	}
	finalBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Call    uint64          `msgpack:"c"`
		Ver     uint64          `msgpack:"v"`
		Reply   Reply           `msgpack:"a"`
		Refusal segue.Code      `msgpack:"f"`
		Detail  string          `msgpack:"t"`
	}
	deathBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
		Process string          `msgpack:"p"`
		Ver     uint64          `msgpack:"v"`
	}
	closeBody struct {
		Session segue.SessionID `msgpack:"s"`
		Shard   segue.ShardID   `msgpack:"h"`
	}
)

// maxRosterPart bounds the names of one roster frame.
const maxRosterPart = 1000

// appendFrame appends f as frames of the stream. Hello and Welcome are not of
// this form: they speak of a whole session.
func appendFrame(dst []byte, f *Frame) ([]byte, error) {
	p := ""
	if f.Process.Kind != "" {
		p = f.Process.String()
	}

	switch f.Kind {
	case FrameRoster:
		return appendRoster(dst, f)
	case FrameFlip:
		return appendBody(dst, wire.Flip, &flipBody{f.Session, f.Shard, p, f.Record.Bytes})
	case FrameActive:
		return appendBody(dst, wire.Active, &activeBody{f.Session, f.Shard, p, f.Ver, f.Hash})
	case FrameNack:
		return appendBody(dst, wire.Nack, &nackBody{f.Session, f.Shard, p, clip(f.Detail)})
	case FrameForward:
		return appendBody(dst, wire.Fwd, &forwardBody{f.Session, f.Shard, p, f.Call, f.Request})
	case FrameResult:
		return appendBody(dst, wire.Res, &resultBody{
			f.Session, f.Shard, p, f.Call, f.Request.Client, f.Request.N, f.Ver, f.Exists, f.Reply, f.Record.Bytes,
		})
	case FrameFinal:
		return appendBody(dst, wire.Final, &finalBody{f.Session, f.Shard, p, f.Call, f.Ver, f.Reply, f.Refusal, clip(f.Detail)})
	case FrameDeath:
		return appendBody(dst, wire.Death, &deathBody{f.Session, f.Shard, p, f.Ver})
	case FrameClose:
		return appendBody(dst, wire.Close, &closeBody{f.Session, f.Shard})
	case FrameHello, FrameWelcome:
	}

	return dst, fmt.Errorf("frame %s has no form of its own: %w", f.Kind, segue.ErrInternal)
}

func appendRoster(dst []byte, f *Frame) ([]byte, error) {
	names := f.Names

	for {
		part := names[:min(len(names), maxRosterPart)]
		names = names[len(part):]

		var err error

		dst, err = appendBody(dst, wire.Roster, &rosterBody{f.Session, f.Shard, part, len(names) > 0})
		if err != nil || len(names) == 0 {
			return dst, err
		}
	}
}

func appendBody(dst []byte, t wire.FrameType, body any) ([]byte, error) {
	payload, err := wire.Marshal(body)
	if err != nil {
		return dst, fmt.Errorf("encode %s: %w", t, err)
	}

	dst, err = wire.AppendFrame(dst, t, payload)
	if err != nil {
		return dst, fmt.Errorf("frame %s: %w", t, err)
	}

	return dst, nil
}

// decodeFrame reads one frame of a stream that stands. Times are relative to
// now. Types that belong to the handshake or to later protocols are refused.
func decodeFrame(t wire.FrameType, payload []byte, now int64) (Frame, error) {
	switch t {
	case wire.Roster:
		b, err := decodeBody[rosterBody](t, payload)

		return Frame{Kind: FrameRoster, Session: b.Session, Shard: b.Shard, Names: b.Names, More: b.More}, err
	case wire.Flip:
		return decodeFlip(payload, now)
	case wire.Active:
		b, err := decodeBody[activeBody](t, payload)

		return about(Frame{Kind: FrameActive, Session: b.Session, Shard: b.Shard, Ver: b.Ver, Hash: b.Hash}, b.Process, err)
	case wire.Nack:
		b, err := decodeBody[nackBody](t, payload)

		return about(Frame{Kind: FrameNack, Session: b.Session, Shard: b.Shard, Detail: b.Why}, b.Process, err)
	case wire.Fwd:
		b, err := decodeBody[forwardBody](t, payload)

		return about(Frame{Kind: FrameForward, Session: b.Session, Shard: b.Shard, Call: b.Call, Request: b.Request}, b.Process, err)
	case wire.Res:
		return decodeResult(payload, now)
	case wire.Final:
		b, err := decodeBody[finalBody](t, payload)

		return about(Frame{
			Kind: FrameFinal, Session: b.Session, Shard: b.Shard, Call: b.Call, Ver: b.Ver, Reply: b.Reply,
			Refusal: b.Refusal, Detail: b.Detail,
		}, b.Process, err)
	case wire.Death:
		b, err := decodeBody[deathBody](t, payload)

		return about(Frame{Kind: FrameDeath, Session: b.Session, Shard: b.Shard, Ver: b.Ver}, b.Process, err)
	case wire.Close:
		b, err := decodeBody[closeBody](t, payload)

		return Frame{Kind: FrameClose, Session: b.Session, Shard: b.Shard}, err
	case wire.Intro, wire.Refuse, wire.Call, wire.Reply, wire.Redirect, wire.Request, wire.Answer, wire.Hello,
		wire.Welcome, wire.SwapBack, wire.Mir, wire.Confirm, wire.Moved, wire.Birth, wire.Credit, wire.Ping, wire.Resume:
	}

	return Frame{}, fmt.Errorf("frame %s does not belong here: %w", t, segue.ErrUnsupported)
}

func decodeFlip(payload []byte, now int64) (Frame, error) {
	b, err := decodeBody[flipBody](wire.Flip, payload)
	if err != nil {
		return Frame{}, err
	}

	sealed := Sealed{Bytes: b.Record, Hash: sha256.Sum256(b.Record)}

	r, table, err := sealed.Open(now)
	if err != nil {
		return Frame{}, err
	}

	sealed.Ver = r.Ver

	return about(Frame{
		Kind: FrameFlip, Session: b.Session, Shard: b.Shard, Ver: r.Ver, Record: sealed, Table: table,
	}, b.Process, nil)
}

func decodeResult(payload []byte, now int64) (Frame, error) {
	b, err := decodeBody[resultBody](wire.Res, payload)
	f := Frame{
		Kind: FrameResult, Session: b.Session, Shard: b.Shard, Call: b.Call, Ver: b.Ver, Exists: b.Exists, Reply: b.Reply,
		Request: Request{Client: b.Client, N: b.N}, At: now,
	}

	if len(b.Record) > 0 {
		// The frame's checksum covered the record; it is decoded if it is needed.
		f.Record = Sealed{Ver: b.Ver, Bytes: b.Record}
	}

	return about(f, b.Process, err)
}

// about sets the process of a frame.
func about(f Frame, name string, err error) (Frame, error) {
	if err != nil {
		return Frame{}, err
	}

	f.Process, err = segue.ParseAddress(name)
	if err != nil {
		return Frame{}, fmt.Errorf("frame %s: %w", f.Kind, err)
	}

	return f, nil
}

func decodeBody[T any](t wire.FrameType, payload []byte) (T, error) {
	var b T
	if err := wire.Unmarshal(payload, &b, wire.Limits{Bytes: wire.MaxPayload, Depth: 16}); err != nil {
		return b, fmt.Errorf("decode %s: %w", t, err)
	}

	return b, nil
}

// clip keeps texts within a control frame.
func clip(s string) string {
	const limit = 2048
	if len(s) <= limit {
		return s
	}

	return s[:limit] + "..."
}
