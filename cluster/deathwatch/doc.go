// Package deathwatch lets a node prove that another node on the same host is
// dead, so that its lease need not be waited for.
//
// A node that starts calls [Hold]: it creates the file
// "<node id>-<start token>.alive" in a directory that the nodes of its cluster
// on this host share (see [DefaultDir]), locks it, and keeps the lock for life.
// The kernel releases the lock when the process ends, however it ends, and
// never before. A peer calls [Certify]: if it gets the lock, the node is dead.
//
// A certificate counts only within one boot of one kernel, since nothing can be
// said of a lock on another machine. The file therefore names the boot, and
// peers compare [BootHash] values before they bother to ask. Where the boot is
// unknown (see [BootID]: it is known on Linux), and on file systems whose locks
// may be lost while the holder lives, such as NFS, nobody is ever certain.
//
// # Why the answer is safe
//
// The file gets its content only after it is locked, and Certify takes the lock
// only of a file with the whole content: a file without its holder's lock is
// therefore that of a holder which let go. A start token is never used twice,
// so no file comes to life again; one that was replaced while Certify looked at
// it is not certain. Certify takes a shared lock, so that two peers do not
// disturb each other, and leaves the file in place, so that the next leader can
// certify again. Hold sweeps files that nobody locks after [StaleAfter].
//
// # Guarantees
//
// Certify returns true only if the process that called Hold has ended, or its
// [Lock] was closed. A process that is stopped, swapped out or stuck holds its
// lock and is not certified. All functions may be called by several goroutines
// and processes.
//
// # Not promised
//
// False does not mean alive: it means not certain. A process that handed a copy
// of itself on by fork without exec, which Go programs do not do, holds the
// lock until the copy ends too. Machines that were cloned with their memory
// share a boot id; do not clone a running node. Users with the node's own uid
// are trusted.
package deathwatch
