package gossip

import (
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

// A delegate takes memberlist's callbacks. Most of them run while memberlist
// holds its lock: they only touch the table, which waits for nothing, and never
// call memberlist.
type delegate struct {
	table *table
	meta  func() []byte // the encoded meta of this node
}

var (
	_ memberlist.Delegate         = delegate{}
	_ memberlist.EventDelegate    = delegate{}
	_ memberlist.AliveDelegate    = delegate{}
	_ memberlist.ConflictDelegate = delegate{}
	_ memberlist.PingDelegate     = delegate{}
)

// NodeMeta returns what this node tells about itself.
func (d delegate) NodeMeta(int) []byte { return d.meta() }

// NotifyMsg ignores user messages: Segue sends none.
func (delegate) NotifyMsg([]byte) {}

// GetBroadcasts has nothing to send.
func (delegate) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState has nothing to add to a state exchange.
func (delegate) LocalState(bool) []byte { return nil }

// MergeRemoteState ignores what a later release may add.
func (delegate) MergeRemoteState([]byte, bool) {}

// NotifyAlive says whether to believe that a node is alive.
func (d delegate) NotifyAlive(n *memberlist.Node) error { return d.table.admit(peerOf(n)) }

// NotifyJoin is called for a node that is new or came back.
func (d delegate) NotifyJoin(n *memberlist.Node) { d.table.seen(peerOf(n), time.Now()) }

// NotifyUpdate is called for a node with a new meta.
func (d delegate) NotifyUpdate(n *memberlist.Node) { d.table.seen(peerOf(n), time.Now()) }

// NotifyLeave is called for a node that failed or left.
func (d delegate) NotifyLeave(n *memberlist.Node) { d.table.lost(n.Name, time.Now()) }

// NotifyConflict is called for a second address with the name of a member.
func (d delegate) NotifyConflict(n, other *memberlist.Node) {
	d.table.conflict(n.Name, peerOf(other).addr, time.Now())
}

// AckPayload adds nothing to the answer to a probe.
func (delegate) AckPayload() []byte { return nil }

// NotifyPingComplete is called for a probe that was answered directly.
func (d delegate) NotifyPingComplete(n *memberlist.Node, _ time.Duration, _ []byte) {
	d.table.answered(n.Name, time.Now())
}

func peerOf(n *memberlist.Node) peer {
	ip, _ := netip.AddrFromSlice(n.Addr)

	return peer{name: n.Name, addr: netip.AddrPortFrom(ip.Unmap(), n.Port), meta: n.Meta}
}
