package handoff

import (
	"math"
	"slices"
	"time"
)

// Retention is how long an answered request is remembered at least, and the
// age from which on an unknown request is not run any more.
const Retention = 2 * time.Minute

// Limits bound the memory of one process for its clients. The zero value of a
// field selects the default named in its comment.
type Limits struct {
	Mailbox     int // requests that wait for one process. Default 1024
	Lanes       int // clients other than opaque ids remembered. Default 256
	LaneReplies int // bytes of their replies. Default 64 KiB
	Once        int // opaque request ids remembered. Default 1024
	OnceReplies int // bytes of their replies. Default 256 KiB
}

// WithDefaults fills the zero fields.
func (l Limits) WithDefaults() Limits {
	for _, f := range [...]struct {
		field *int
		value int
	}{
		{&l.Mailbox, 1024},
		{&l.Lanes, 256},
		{&l.LaneReplies, 64 << 10},
		{&l.Once, 1024},
		{&l.OnceReplies, 256 << 10},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}

	return l
}

// Reply is the largest reply to a request that can be remembered, in bytes. A
// larger one would keep the process busy until it is forgotten. Replies to
// declared reads are not remembered and have no limit here.
func (l Limits) Reply(r *Request) int {
	switch {
	case r.N == 0:
		return math.MaxInt
	case r.Client.Once():
		return l.OnceReplies
	}

	return l.LaneReplies
}

// An Entry is a client's last executed request.
type Entry struct {
	Client ClientID
	N      uint64
	Ver    uint64 // the version that the request produced
	At     int64  // when, by this node's clock, in nanoseconds
	Reply  Reply
}

// A Table remembers the last executed request of each recent client of one
// process, so that a retry takes effect once. It is part of the state and
// travels with it. The zero Table is empty.
type Table struct {
	entries []Entry
	lanes   usage
	once    usage
	sweepAt int // number of entries at which the expired ones are dropped
}

// usage counts the entries of one sort of clients.
type usage struct {
	clients int
	bytes   int // of their replies
}

// NewTable returns a table of entries. It keeps the slice.
func NewTable(entries []Entry) Table {
	t := Table{entries: entries}
	for i := range entries {
		t.count(&entries[i], +1)
	}

	return t
}

// Entries returns the entries in no particular order. They are valid until the
// next change of the table.
func (t *Table) Entries() []Entry { return t.entries }

// admission is what a table says about a request.
type admission uint8

const (
	admitRun       admission = iota // never seen: run it
	admitDuplicate                  // the client's last one: answer it from the table
	admitStale                      // an older one: the client went on
	admitGap                        // one before it is missing: not now
	admitBusy                       // no room to remember the client
	admitUnknown                    // too old to know whether it ran
)

// admit decides about a numbered request; for a duplicate it returns the
// entry. See docs/protocol.md section 1.
func (t *Table) admit(r *Request, now int64, l *Limits) (admission, *Entry) {
	if i := t.find(r.Client); i >= 0 {
		e := &t.entries[i]

		switch {
		case r.N == e.N:
			return admitDuplicate, e
		case r.N < e.N:
			return admitStale, nil
		case r.N > e.N+1:
			return admitGap, nil
		}

		return admitRun, nil
	}

	switch {
	case r.Age >= int64(Retention):
		return admitUnknown, nil
	case r.N != r.Base:
		return admitGap, nil
	case !t.room(r.Client, now, l):
		return admitBusy, nil
	}

	return admitRun, nil
}

// room reports whether a new client can be remembered without forgetting one
// that must be kept.
func (t *Table) room(c ClientID, now int64, l *Limits) bool {
	u, clients, bytes := t.budget(c, l)
	if c.Once() {
		clients++ // the oldest opaque id makes room for the newest
	}

	if u.clients < clients && u.bytes < bytes {
		return true
	}

	return slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Client.Once() == c.Once() && e.expired(now) })
}

// put remembers an executed request.
func (t *Table) put(e Entry, l *Limits) {
	if i := t.find(e.Client); i >= 0 {
		t.count(&t.entries[i], -1)
		t.entries[i] = e
		t.count(&e, +1)

		return
	}

	u, clients, bytes := t.budget(e.Client, l)
	if len(t.entries) >= t.sweepAt || u.clients >= clients || u.bytes+e.size() > bytes {
		t.sweep(e.At)
	}

	if e.Client.Once() && u.clients >= clients {
		t.dropOldestOnce()
	}

	t.entries = append(t.entries, e)
	t.count(&e, +1)
}

// sweep drops what nobody may ask for any more.
func (t *Table) sweep(now int64) {
	t.entries = slices.DeleteFunc(t.entries, func(e Entry) bool {
		if !e.expired(now) {
			return false
		}

		t.count(&e, -1)

		return true
	})
	t.sweepAt = 2*len(t.entries) + 8
}

func (t *Table) dropOldestOnce() {
	oldest := -1

	for i := range t.entries {
		if t.entries[i].Client.Once() && (oldest < 0 || t.entries[i].At < t.entries[oldest].At) {
			oldest = i
		}
	}

	t.count(&t.entries[oldest], -1)
	t.entries = slices.Delete(t.entries, oldest, oldest+1)
}

func (t *Table) find(c ClientID) int {
	for i := range t.entries {
		if t.entries[i].Client == c {
			return i
		}
	}

	return -1
}

func (t *Table) budget(c ClientID, l *Limits) (u *usage, clients, bytes int) {
	if c.Once() {
		return &t.once, l.Once, l.OnceReplies
	}

	return &t.lanes, l.Lanes, l.LaneReplies
}

func (t *Table) count(e *Entry, sign int) {
	u := &t.lanes
	if e.Client.Once() {
		u = &t.once
	}

	u.clients += sign
	u.bytes += sign * e.size()
}

func (e *Entry) size() int { return len(e.Reply.Body.Bytes) + len(e.Reply.Detail) }

func (e *Entry) expired(now int64) bool { return now-e.At >= int64(Retention) }
