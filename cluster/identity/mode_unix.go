//go:build unix

package identity

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkMode refuses a file that others than its owner can reach.
func checkMode(info fs.FileInfo) error {
	open := info.Mode().Perm() & 0o077
	if open == 0 {
		return nil
	}

	// A mounted secret: root owns it and this process can read it only through
	// its group.
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && open == 0o040 && stat.Uid == 0 && os.Geteuid() != 0 {
		return nil
	}

	return fmt.Errorf("its mode is %04o, so others than its owner can reach it", info.Mode().Perm())
}
