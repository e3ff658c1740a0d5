// Package httpapi is what Segue speaks over HTTP: the data types, the handlers
// of a node's three listeners, and the client that the CLI uses.
//
//   - [Admin] serves the API of operators. It reads from the table of the node
//     that is asked, and has every change carried out through its backend.
//   - [Gateway] serves calls to processes from any language.
//   - [Ops] serves health and metrics.
//
// The package knows neither raft nor gossip nor processes: a node hands it an
// [AdminBackend], a [Caller] and a [Health]. [Listen] and [Serve] bind and run
// a listener, [Client] is the other end of [Admin].
//
// # The admin API
//
//	GET  /v1/status                           Status
//	GET  /v1/members                          []Member
//	GET  /v1/owners?shard=&node=&release=&state=  []Owner; shard may be repeated
//	GET  /v1/rollouts                         []Rollout, the newest first
//	GET  /v1/rollouts/{revision|current}      Rollout; current is the newest one
//	GET  /v1/losses                           []Loss, the newest first
//	GET  /v1/version                          Version
//	POST /v1/rollouts                         StartRequest -> 201, Rollout
//	POST /v1/rollouts/{revision|current}/abort  AbortRequest -> Rollout
//	POST /v1/rollouts/undo                    UndoRequest -> 201, Rollout
//	POST /v1/members/{name or id}/drain       -> Member
//	POST /v1/members/{name or id}/undrain     -> Member
//
// Names of fields are snake_case, times are RFC 3339 in UTC, lists are never
// null. Every answer has the headers Segue-Index (the raft index up to which
// the answering node has applied the log) and Segue-Leader (its name), and
// Segue-Stale: true while that node sees no leader: then reads show what it
// last knew.
//
// # Calls
//
//	POST /v1/call/{kind}/{key}/{message}
//
// takes the message as JSON, no body being null, and answers with the reply as
// JSON. The key is percent-encoded, a slash in it as %2F. The request header
// Segue-Request-Id, 1 to 128 printable ASCII characters, makes a retry take
// effect once; Segue-Timeout, a Go duration, limits the wait. Answers carry
// Segue-Owner (a node's name) and Segue-Token (the fencing token).
//
// # Errors
//
// Every error of [Admin] and [Gateway], a wrong path and a wrong method
// included, is a [Problem] (RFC 9457) with a stable code. Retry-After is set
// where a retry helps.
//
// # Guarantees
//
//   - Bodies, headers, query strings and the number of requests in flight are
//     limited, and a body that stops coming in does not hold a connection.
//   - With a token set, nothing is answered without it. Without one, a page in a
//     browser can use the admin API neither from another origin nor by binding
//     its own name to the listener's address.
//   - GET and HEAD change nothing.
//   - Names of JSON fields, paths, header names and codes are wire: they are
//     never changed, only added to.
//
// # Not promised
//
//   - Segue's listeners do not encrypt. A token that crosses a network needs a
//     TLS proxy in front of the admin and gateway listeners.
//   - There is one token per listener and no roles. The actor of a request is
//     what its sender says.
package httpapi
