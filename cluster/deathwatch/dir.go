//go:build linux || darwin

package deathwatch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxReadable limits the part of a directory's name that people can read.
const maxReadable = 40

// DefaultDir returns the directory that the nodes of a cluster share on this
// host, if they run as the same user: below "segue-<uid>" in the directory for
// temporary files, named after the cluster and after keyID, so that clusters
// with other cookies do not meet. It makes nothing.
func DefaultDir(cluster, keyID string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}

		return '_'
	}, cluster)
	sum := sha256.Sum256([]byte(cluster + "\x00" + keyID))

	return filepath.Join(os.TempDir(), "segue-"+strconv.Itoa(os.Getuid()),
		readable[:min(len(readable), maxReadable)]+"-"+hex.EncodeToString(sum[:6]))
}

// secureDir makes dir and its parent if they do not exist, and checks them.
func secureDir(dir string) error {
	for _, d := range [...]string{filepath.Dir(dir), dir} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err //nolint:wrapcheck // *fs.PathError says it all
		}
	}

	return checkDir(dir)
}

// checkDir refuses a directory in which others could replace a file.
func checkDir(dir string) error {
	uid := uint32(os.Getuid()) //nolint:gosec // a uid is not negative on these systems

	info, err := os.Lstat(dir)
	if err != nil {
		return err //nolint:wrapcheck // *fs.PathError says it all
	}

	switch owner, ok := ownerOf(info); {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory: remove it", dir)
	case !ok || owner != uid:
		return fmt.Errorf("%s belongs to user %d, not to user %d who runs this node: remove it or choose another directory", dir, owner, uid)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s has mode %#o, others may look into it: chmod 700 %s", dir, info.Mode().Perm(), dir)
	}

	return checkParent(filepath.Dir(dir), uid)
}

// checkParent refuses a parent in which others could replace the directory.
// If it is a symbolic link, that must not be theirs either.
func checkParent(parent string, uid uint32) error {
	link, err := os.Lstat(parent)
	if err != nil {
		return err //nolint:wrapcheck // *fs.PathError says it all
	}

	target, err := os.Stat(parent)
	if err != nil {
		return err //nolint:wrapcheck // *fs.PathError says it all
	}

	for _, info := range [...]fs.FileInfo{link, target} {
		if owner, ok := ownerOf(info); !ok || owner != uid && owner != 0 {
			return fmt.Errorf("%s belongs to user %d, who could replace what is in it: choose another directory", parent, owner)
		}
	}

	if mode := target.Mode(); mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0 {
		return fmt.Errorf("%s has mode %#o, so that others could replace what is in it: choose another directory", parent, mode.Perm())
	}

	return nil
}

func ownerOf(info fs.FileInfo) (uid uint32, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}

	return stat.Uid, true
}
