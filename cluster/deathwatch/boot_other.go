//go:build !linux

package deathwatch

// BootID names the current boot of this machine's kernel, all containers
// included. It is empty, and then nothing is ever certain, if the kernel does
// not tell: outside of Linux, or without /proc.
func BootID() string { return "" }
