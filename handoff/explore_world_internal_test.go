package handoff

import (
	"fmt"
	"maps"
	"slices"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
)

// The world of the exploration: two nodes with the real replica and the real
// ownership table, a raft log that each applies at its own pace, proposals that
// raft may take at any later time, one FIFO stream per session, clients whose
// requests, retries and late duplicates arrive anywhere at any time, a host
// that ends its work at any time, and a budget of faults.

const (
	nodeA = 0
	nodeB = 1
)

// plan is what is explored.
type plan struct {
	name      string
	processes int
	requests  [2]int // of the two clients to each process
	reads     bool   // the last request of client 1 is a declared read
	faults    int
	kinds     string // which faults: A B crash, a b cut, l link, o operator, n nack, e encode
	sessions  int    // forward sessions, one after the other
	off       rule   // rules of the replica turned off
	sabotage  string // rules of the log turned off
	atomic    bool   // the host ends its work at once
}

type world struct {
	plan   *plan
	rep    [2]*Replica
	state  [2]map[segue.Address][]byte // live state: the ids of the executed requests
	work   [2][]Effect
	tables []*ownership.Table // the log: state after each entry; shared, never changed
	at     [2]int             // applied, as an index into tables
	stream []link             // by session id - 1

	proposals []ownership.Command

	acked   []string       // by process: the longest history that a client saw
	next    [][2]int       // by process and client: the request that is not answered
	waiting map[Ticket]int // tickets out, with the length of acked when the request arrived

	dead, cut, expired [2]bool
	lost               []bool // by process: reported as lost
	gone               bool   // the shard was reported as lost
	duty               bool   // when the owner was fenced, its partner could take over
	faults             int
	closed             map[segue.SessionID]ownership.Outcome
	violation          string
}

// link is the stream of one session.
type link struct {
	up     bool
	broken bool       // for good
	to     [2][]Frame // in flight, by receiver
	saw    [2]bool    // the node knows that it is broken
}

var (
	worldKinds  = []segue.Address{{Kind: "p", Key: "0"}, {Kind: "p", Key: "1"}}
	worldLimits = (Limits{}).WithDefaults()
)

func nodeID(x int) segue.NodeID { return segue.NodeID{byte(x + 1)} }

func peer(x int) Peer { return Peer{Node: nodeID(x), Inc: segue.Incarnation(x + 2)} }

func newWorld(p *plan) *world {
	t := ownership.New()
	t.Apply(1, ownership.Genesis{Cluster: "c", ID: ownership.ClusterID{1}, Generation: 1, Shards: 1, Hash: 1, Expect: 2})

	for x := range 2 {
		t.Apply(uint64(x+2), ownership.Join{
			Node: nodeID(x), Start: uint64(x + 1), Name: fmt.Sprint(x), Release: "1", MaxLevel: 1, Hosting: true,
		})
	}

	t.Apply(4, ownership.Place{Shards: []segue.ShardID{0}, Node: nodeID(nodeA), Inc: peer(nodeA).Inc})
	t.Apply(5, ownership.Assign{Moves: []ownership.Move{{Shard: 0, To: nodeID(nodeB)}}})

	w := &world{
		plan: p, tables: []*ownership.Table{t}, waiting: map[Ticket]int{},
		closed: map[segue.SessionID]ownership.Outcome{}, stream: make([]link, p.sessions),
		acked: make([]string, p.processes), next: make([][2]int, p.processes), lost: make([]bool, p.processes),
	}

	for x := range 2 {
		w.rep[x] = NewReplica(ReplicaConfig{Self: peer(x), Limits: func(string) *Limits { return &worldLimits }})
		w.rep[x].off = p.off
		w.state[x] = map[segue.Address][]byte{}

		var out Effects
		w.rep[x].Applied(w.view(x), w.moment(x), &out)
	}

	for i := range p.processes {
		w.next[i] = [2]int{1, 1}
		addr := worldKinds[i]
		w.rep[nodeA].procs[addr] = &process{addr: addr, mode: Local, exists: true}
		w.state[nodeA][addr] = []byte{}
	}

	return w
}

func (w *world) top() *ownership.Table { return w.tables[len(w.tables)-1] }

// view translates a node's table as the node does.
func (w *world) view(x int) View {
	t := w.tables[w.at[x]]
	s := &t.Shards[0]
	v := View{
		Index: t.Index, Owner: Peer{Node: s.Owner, Inc: s.OwnerInc}, Epoch: s.Epoch,
		LastSession: s.LastSession, Recovered: s.LastOutcome == ownership.OutcomeRecovered, Lossy: s.Lost > 0, Known: s.Known,
	}

	if m := t.Members[s.Assigned]; t.Live(s.Assigned, m.Inc) {
		v.Assigned = Peer{Node: m.Node, Inc: m.Inc}
	}

	if s.Session.ID != 0 {
		v.Session = Session{
			ID:   s.Session.ID,
			From: Peer{Node: s.Session.From, Inc: s.Session.FromInc}, To: Peer{Node: s.Session.To, Inc: s.Session.ToInc},
			Index: s.Session.Index,
		}
		other := v.Session.To

		if other == peer(x) {
			other = v.Session.From
		}

		v.PartnerFenced = !t.Live(other.Node, other.Inc)
	}

	return v
}

func (w *world) moment(x int) Moment { return Moment{Lease: !w.expired[x]} }

func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation = fmt.Sprintf(format, args...)
	}
}

// clone copies what an action may change.
func (w *world) clone() *world {
	c := *w
	for x := range 2 {
		c.rep[x] = cloneReplica(w.rep[x])
		c.state[x] = maps.Clone(w.state[x])
		c.work[x] = slices.Clone(w.work[x])
	}

	c.tables = slices.Clone(w.tables)
	c.stream = slices.Clone(w.stream)

	for i := range c.stream {
		for x := range 2 {
			c.stream[i].to[x] = slices.Clone(w.stream[i].to[x])
		}
	}

	c.proposals = slices.Clone(w.proposals)
	c.acked = slices.Clone(w.acked)
	c.next = slices.Clone(w.next)
	c.waiting = maps.Clone(w.waiting)
	c.lost = slices.Clone(w.lost)
	c.closed = maps.Clone(w.closed)

	return &c
}

func cloneReplica(r *Replica) *Replica {
	c := *r
	c.procs = make(map[segue.Address]*process, len(r.procs))

	for addr, p := range r.procs {
		q := *p
		q.table = cloneTable(p.table)
		q.queue = cloneCalls(p.queue)
		q.sent = cloneCalls(p.sent)
		q.unreleased = slices.Clone(p.unreleased)

		for i := range q.unreleased {
			q.unreleased[i].call = cloneCall(q.unreleased[i].call)
		}

		if p.running != nil {
			q.running = cloneCall(p.running)
		}

		c.procs[addr] = &q
	}

	c.roster = maps.Clone(r.roster)

	return &c
}

func cloneTable(t Table) Table {
	t.entries = slices.Clone(t.entries)

	return t
}

func cloneCalls(list []*call) []*call {
	c := make([]*call, len(list))
	for i := range list {
		c[i] = cloneCall(list[i])
	}

	return c
}

func cloneCall(c *call) *call {
	d := *c
	d.askers = slices.Clone(c.askers)

	return &d
}

// ticket numbers a request, so that a reply tells which it is.
func ticket(x, p, c, n int) Ticket { return Ticket(1 + x + 2*(p+2*(c+2*n))) }

func (t Ticket) split() (x, p, c, n int) {
	v := int(t - 1)

	return v & 1, v >> 1 & 1, v >> 2 & 1, v >> 3
}

// request returns a request; its id is one byte of a history.
func (w *world) request(p, c, n int) *Request {
	r := &Request{Client: ClientID{ClientLane, byte(c + 1)}, N: uint64(n), Base: uint64(n)}
	if w.isRead(c, n) {
		r.N, r.Base = 0, 0
	} else {
		r.Body.Bytes = []byte{requestID(c, n)}
	}

	_ = p

	return r
}

func (w *world) isRead(c, n int) bool { return w.plan.reads && c == 1 && n == w.plan.requests[1] }

func requestID(c, n int) byte { return byte('a' + 8*c + n) }
