// Package rpc runs many concurrent requests over one framed connection.
//
// A [Conn] is one end of a connection, and both ends are alike: each may send
// requests and answer those of the other. A [Pool] keeps one connection per
// peer and dials on demand.
//
// # On the wire
//
// The payload of each frame begins with the id of the request, 8 bytes,
// big-endian; the body follows. Frames of type CALL and REQUEST are requests.
// Each end numbers its requests from 1; id 0 asks for no reply. REPLY, REDIRECT
// and ANSWER carry the id of the request they answer. REFUSE answers a request
// that could not be answered otherwise, with a code and a reason. Any other
// type ends the connection.
//
// # Guarantees
//
//   - Every request ends: with its reply, with its context, or with the
//     connection. An error tells whether the request may have been sent: it
//     matches [segue.ErrOutcomeUnknown] if it may, and [segue.ErrRetry] if it
//     certainly was not.
//   - One request gets at most one reply, and a reply never reaches another
//     request.
//   - What is queued leaves in one write, in order. The queue of requests is
//     bounded and makes callers wait; replies are bounded too, and a peer that
//     does not read them loses the connection.
//   - A peer that sends faster than it is answered is held back: its further
//     frames are not read.
//   - A peer that cannot be reached costs one dial per back-off, and calls to
//     other peers do not notice.
//
// # Not promised
//
//   - A request is sent at most once and never repeated. Repeating, with the
//     request ids that make it safe, is the caller's business.
//   - Replies come in the order in which they are given, not in the order of
//     the requests.
//   - If both ends of one connection send requests, and their handlers wait for
//     the replies to requests of their own on that connection, both can be held
//     back by each other until a deadline. A Pool sends requests only over the
//     connections that it dialled.
//   - A dead peer is noticed by the transport: TCP keepalive, or the deadline of
//     a write.
package rpc
