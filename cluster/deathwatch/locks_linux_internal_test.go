package deathwatch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLocalLocks(t *testing.T) {
	proc, err := os.Open("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()

	if err := localLocks(int(proc.Fd())); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("localLocks(a file of /proc) = %v, want ErrUnsupported", err)
	}

	if err := localLocks(-1); err == nil {
		t.Error("localLocks(no file) = nil, want an error")
	}
}

// A path that leads to another file than the one that is locked proves nothing.
func TestSameFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")

	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	fd := int(f.Fd())

	if same, err := sameFile(fd, path); !same || err != nil {
		t.Errorf("sameFile(same) = %t, %v, want true", same, err)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	if same, err := sameFile(fd, path); !same || err != nil {
		t.Errorf("sameFile(removed) = %t, %v, want true", same, err)
	}

	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if same, err := sameFile(fd, path); same || err != nil {
		t.Errorf("sameFile(replaced) = %t, %v, want false", same, err)
	}
}
