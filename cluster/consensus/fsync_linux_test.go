package consensus_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/segue-cluster/segue/cluster/consensus"
)

// TestFsyncError puts /dev/null in the place of the file: it takes all that is
// written, and refuses to sync.
func TestFsyncError(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)

	var f fatal
	must(t, consensus.Attach(s, f.report))

	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	must(t, err)

	defer null.Close()

	must(t, syscall.Dup3(int(null.Fd()), descriptor(t, filepath.Join(dir, consensus.FileName)), syscall.O_CLOEXEC))

	if err := consensus.RaftView(s).SetUint64([]byte("CurrentTerm"), 8); !errors.Is(err, consensus.ErrDisk) || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("SetUint64 without fsync = %v, want %v", err, consensus.ErrDisk)
	}

	f.want(t, s, consensus.ErrDisk)
	must(t, s.Close())

	s = open(t, dir)
	if term, err := consensus.RaftView(s).GetUint64([]byte("CurrentTerm")); term != 7 || err != nil {
		t.Errorf("term after the failure = %d, %v, want 7", term, err)
	}
}

// descriptor returns the number under which this process has the file open.
func descriptor(t *testing.T, path string) int {
	t.Helper()

	path, err := filepath.EvalSymlinks(path)
	must(t, err)

	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)

	for _, e := range list {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == path {
			fd, err := strconv.Atoi(e.Name())
			must(t, err)

			return fd
		}
	}

	t.Fatalf("%s is not open", path)

	return 0
}
