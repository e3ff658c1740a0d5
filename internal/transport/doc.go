// Package transport is the one TLS port of a node: raft, calls and handoffs
// share it, told apart by the protocol that a connection asks for (ALPN).
//
// # Connections
//
// [New] binds the port and [Transport.Run] serves it. A protocol has a handler
// ([Transport.Handle]) that runs once per connection, or a listener
// ([Transport.Listen]) for code that wants a net.Listener. [Transport.Dial]
// reaches a node by its id, [Transport.DialAddr] whoever answers at an address.
//
// After the TLS handshake, which proves who the peer is, the two sides
// introduce themselves. It is the only exchange that this package has of its
// own:
//
//	dialler: INTRO{Intro}
//	acceptor: INTRO{Intro}, or REFUSE{code, detail} and the end
//
// Both check what they got: the node id is the one of the certificate; the
// cluster ids do not differ (zero is "not known yet"); the ranges of protocol
// versions overlap; [Config].Check agrees. A dialler that does not agree closes
// the connection. Then the connection belongs to the protocol, from the first
// byte on. An [Intro] has room for entries that this release does not know;
// they are carried unread.
//
// # Strangers
//
// Who has not introduced himself yet is a stranger. A stranger has
// [Config].HandshakeTimeout for all of it, and a bounded number of them are
// attended to at a time: one more ends the oldest, so that those who keep
// silent cannot keep nodes out. Each address may fail 10 times a second, 50 at
// once; an address from which a node came within the last ten minutes, 20
// times as often. Every refusal is counted by its reason, see [Trace].
//
// # Goroutines
//
// Run accepts; one goroutine that it starts waits for the end of ctx, and one
// per accepted connection makes the handshake and then runs the handler. Run
// ends all of them before it returns. Dial starts none.
//
// # Guarantees
//
//   - A handler or listener gets only connections of nodes that hold the
//     cluster's cookie and that both sides accept.
//   - The first byte of a protocol is the first byte that its connection reads.
//   - A refusal reaches the other side as an error with the same code.
//   - After Run has returned, no connection that it accepted is open, and no
//     goroutine of it is left.
//   - Nothing a stranger sends, or does not send, takes more than its place
//     among the strangers for the time of a handshake.
//
// # Not guaranteed
//
//   - A handler sees the connection, not the death, of a peer: a peer that is
//     silent but reachable is the protocol's business. An unreachable one is
//     noticed within about 2 s with data under way (on Linux) and 8 s without.
//   - Enough addresses at once can still keep nodes out: this is no firewall.
package transport
