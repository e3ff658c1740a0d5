package wiretest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/internal/wire/wiretest"
)

// recorder is a test that is being tested.
type recorder struct{ failures []string }

func (*recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

func golden(got []byte) []string {
	var r recorder

	wiretest.Golden(&r, "frame", got)

	return r.failures
}

func TestGolden(t *testing.T) {
	t.Chdir(t.TempDir())

	path := filepath.Join("testdata", "golden", "frame.hex")
	first := []byte(strings.Repeat("0123456789", 5))

	t.Setenv("UPDATE_GOLDEN", "")

	if fails := golden(first); len(fails) != 1 || !strings.Contains(fails[0], "UPDATE_GOLDEN=1") {
		t.Errorf("Golden without a file: %q, want one failure that says how to write it", fails)
	}

	t.Setenv("UPDATE_GOLDEN", "1")

	if fails := golden(first); len(fails) != 0 {
		t.Errorf("Golden that writes: %q, want no failure", fails)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if fails := golden(first); len(fails) != 0 {
		t.Errorf("Golden of the same bytes: %q, want no failure", fails)
	}

	if fails := golden(first[1:]); len(fails) != 1 || !strings.Contains(fails[0], "differ") {
		t.Errorf("Golden of other bytes: %q, want one failure", fails)
	}

	if again, err := os.ReadFile(path); err != nil || string(again) != string(text) {
		t.Errorf("the golden file was changed, error %v", err)
	}

	if err := os.WriteFile(path, []byte("zz"), 0o600); err != nil {
		t.Fatal(err)
	}

	if fails := golden(first); len(fails) != 1 {
		t.Errorf("Golden with a broken file: %q, want one failure", fails)
	}
}
