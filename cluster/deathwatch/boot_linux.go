package deathwatch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

const bootIDFile = "/proc/sys/kernel/random/boot_id"

// BootID names the current boot of this machine's kernel, all containers
// included. It is empty, and then nothing is ever certain, if the kernel does
// not tell: outside of Linux, or without /proc.
func BootID() string {
	b, err := os.ReadFile(bootIDFile)

	id := strings.TrimSpace(string(b))
	if err != nil || len(id) != len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
		return ""
	}

	return id
}

// localLocks refuses file systems that are not known to keep a lock for as long
// as its holder lives: a network file system may lose it on the way.
func localLocks(fd int) error {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &st); err != nil {
		return fmt.Errorf("find the kind of the file system: %w", err)
	}

	switch uint32(st.Type) { //nolint:gosec // the magic numbers of linux/magic.h have 32 bits
	case 0x01021994, // tmpfs
		0x858458f6, // ramfs
		0xef53,     // ext2, ext3, ext4
		0x58465342, // xfs
		0x9123683e, // btrfs
		0xca451a4e, // bcachefs
		0xf2f52010, // f2fs
		0x2fc12fc1, // zfs
		0x794c7630: // overlayfs
		return nil
	}

	return fmt.Errorf("file system of type %#x is not known to keep locks: %w", uint32(st.Type), errors.ErrUnsupported) //nolint:gosec // as above
}
