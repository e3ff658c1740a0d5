// Package memnet is a network in memory, for tests: hosts with packet sockets,
// stream listeners and connections, and faults that a test switches on and off.
//
// It works inside a testing/synctest bubble: no operation holds a lock while it
// waits, so that fake time advances when every goroutine of a test waits for
// the network. A test makes one [Network], takes a [Host] for every node, and
// hands the Host to the code under test in place of the operating system.
//
// The faults are those of a real network and a real kernel:
//
//   - [Network.Cut] is silent, like an unplugged cable: packets vanish, what was
//     written to a stream stays in flight until [Network.Heal], a dial hangs
//     until its context ends;
//   - [Host.Crash] is what a kernel does when a process dies: its sockets are
//     gone, its peers read a reset, and a dial is refused;
//   - [Network.Drop] loses packets at random.
//
// # Guarantees
//
// A stream delivers its bytes once and in order. A direction buffers at most
// [StreamBuffer] bytes, a packet socket [PacketQueue] packets (more are
// dropped), a listener [Backlog] connections (more are refused). Deadlines work
// as package net specifies them, and the errors are those of package net:
// *net.OpError around ECONNREFUSED, ECONNRESET, EPIPE, EHOSTUNREACH,
// EADDRINUSE, os.ErrDeadlineExceeded or net.ErrClosed. All methods may be
// called by several goroutines.
//
// # Not promised
//
// There is no latency, no reordering and no loss within a stream, and no
// limit of bandwidth. Addresses are IP literals; there is no DNS. The random
// losses follow a fixed seed, but the order of goroutines does not, so a run
// cannot be repeated exactly.
package memnet
