//go:build linux || darwin

package deathwatch_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/deathwatch"
)

func TestHoldMakesAFileForTheOwnerAlone(t *testing.T) {
	dir := watchDir(t)

	lock, err := deathwatch.Hold(dir, someID(), someStart)
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(dir, someID().String()+"-000000000000feed.alive")

	for p, want := range map[string]fs.FileMode{dir: 0o700, path: 0o600} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}

		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s = %#o, want %#o", p, got, want)
		}
	}

	if _, err := deathwatch.Hold(dir, someID(), someStart); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Hold() with one start token = %v, want that the file exists", err)
	}

	for range 2 {
		if err := lock.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}

	if n := files(t, dir); n != 0 {
		t.Errorf("%d files are left after Close, want 0", n)
	}
}

func TestHoldRefuses(t *testing.T) {
	if _, err := deathwatch.Hold(watchDir(t), segue.NodeID{}, 1); err == nil {
		t.Error("Hold(no id) succeeded")
	}

	if _, err := deathwatch.Hold(watchDir(t), someID(), 0); err == nil {
		t.Error("Hold(no start token) succeeded")
	}

	for what, prepare := range map[string]func(t *testing.T, dir string) error{
		"chmod 700": func(_ *testing.T, dir string) error {
			return errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755))
		},
		"is not a directory": func(t *testing.T, dir string) error {
			t.Helper()

			return os.Symlink(t.TempDir(), dir)
		},
		"could replace what is in it": func(_ *testing.T, dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) },
		"no such file":                func(_ *testing.T, dir string) error { return os.RemoveAll(filepath.Dir(filepath.Dir(dir))) },
	} {
		dir := watchDir(t)
		if err := prepare(t, dir); err != nil {
			t.Fatal(err)
		}

		if _, err := deathwatch.Hold(dir, someID(), someStart); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("Hold() = %v, want %q", err, what)
		}
	}
}

func TestHoldSweepsWhatNobodyLocks(t *testing.T) {
	dir := watchDir(t)

	living, err := deathwatch.Hold(dir, someID(), 1)
	if err != nil {
		t.Fatal(err)
	}

	long := time.Now().Add(-2 * deathwatch.StaleAfter)

	for name, age := range map[string]time.Time{"dead.alive": long, "young.alive": time.Now(), "other": long} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, age, age)); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.Chtimes(filepath.Join(dir, someID().String()+"-0000000000000001.alive"), long, long); err != nil {
		t.Fatal(err)
	}

	second, err := deathwatch.Hold(dir, someID(), 2)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := os.Stat(filepath.Join(dir, "dead.alive")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(dead.alive) = %v, want that it was swept", err)
	}

	if n := files(t, dir); n != 4 {
		t.Errorf("%d files are left, want 4: young, other and two that live", n)
	}

	if err := errors.Join(living.Close(), second.Close()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

func TestDefaultDir(t *testing.T) {
	a := deathwatch.DefaultDir("shop", "0123456789ab")

	if filepath.Dir(filepath.Dir(a)) != filepath.Clean(os.TempDir()) || !strings.HasPrefix(filepath.Base(a), "shop-") {
		t.Errorf("DefaultDir(shop) = %s, want it two levels below %s", a, os.TempDir())
	}

	for _, other := range []string{
		deathwatch.DefaultDir("shop", "ba9876543210"), deathwatch.DefaultDir("bank", "0123456789ab"),
		deathwatch.DefaultDir("../shop", "0123456789ab"), deathwatch.DefaultDir(strings.Repeat("x", 300), "0123456789ab"),
	} {
		if other == a || filepath.Dir(other) != filepath.Dir(a) || len(filepath.Base(other)) > 60 {
			t.Errorf("DefaultDir(another) = %s, want a short name beside %s", other, a)
		}
	}
}

func TestBootHash(t *testing.T) {
	if got := deathwatch.BootHash(""); got != [8]byte{} {
		t.Errorf("BootHash(unknown) = %x, want zero", got)
	}

	if deathwatch.BootHash("a") == deathwatch.BootHash("b") || deathwatch.BootHash("a") == [8]byte{} {
		t.Error("BootHash does not tell boots apart")
	}
}
