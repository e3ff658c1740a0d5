//go:build unix

package identity

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"
)

type fakeInfo struct {
	mode fs.FileMode
	uid  uint32
}

func (fakeInfo) Name() string        { return "cookie" }
func (fakeInfo) Size() int64         { return 1 }
func (i fakeInfo) Mode() fs.FileMode { return i.mode }
func (fakeInfo) ModTime() time.Time  { return time.Time{} }
func (fakeInfo) IsDir() bool         { return false }
func (i fakeInfo) Sys() any          { return &syscall.Stat_t{Uid: i.uid} }

// A secret that Kubernetes mounts with fsGroup belongs to root and is open to
// the group of the pod.
func TestModeOfMountedSecret(t *testing.T) {
	asRoot := os.Geteuid() == 0

	for _, c := range []struct {
		info fakeInfo
		ok   bool
	}{
		{fakeInfo{mode: 0o600, uid: 1000}, true},
		{fakeInfo{mode: 0o400, uid: 0}, true},
		{fakeInfo{mode: 0o440, uid: 0}, !asRoot},
		{fakeInfo{mode: 0o640, uid: 0}, !asRoot},
		{fakeInfo{mode: 0o640, uid: 1000}, false},
		{fakeInfo{mode: 0o660, uid: 0}, false},
		{fakeInfo{mode: 0o444, uid: 0}, false},
		{fakeInfo{mode: 0o604, uid: 0}, false},
	} {
		if err := checkMode(c.info); (err == nil) != c.ok {
			t.Errorf("checkMode(%04o of uid %d) = %v, want success: %t", c.info.mode, c.info.uid, err, c.ok)
		}
	}
}
