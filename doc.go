// Package segue is the vocabulary that every part of Segue shares: the names
// of nodes, shards and processes, the numbers that order their ownership, and
// the errors that cross package and wire boundaries.
//
// Segue moves the live state of a stateful service from one release to the
// next. Start with package node to write a service, with package
// handoff/schema to evolve state without a cluster, and with
// ARCHITECTURE.md to find your way.
//
// This package imports only the standard library, starts nothing and holds no
// behaviour beyond parsing and printing its own types. All of its values may
// be used by several goroutines.
package segue
