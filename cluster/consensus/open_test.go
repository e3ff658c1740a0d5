package consensus_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/segue-cluster/segue/cluster/consensus"
)

// Two processes that start in the same empty directory must not both get it, nor
// overwrite the identity of each other.
func TestOpenRace(t *testing.T) {
	t.Parallel() // it waits for a lock

	dir := t.TempDir()

	type outcome struct {
		s   *consensus.Store
		err error
	}

	outcomes := make(chan outcome)

	for range 4 {
		go func() {
			s, err := consensus.OpenStore(dir, nil)
			outcomes <- outcome{s, err}
		}()
	}

	var winner *consensus.Store

	for range 4 {
		switch o := <-outcomes; {
		case o.err == nil && winner == nil:
			winner = o.s
		case !errors.Is(o.err, consensus.ErrInUse):
			t.Errorf("OpenStore = %v, want it once without an error, else %v", o.err, consensus.ErrInUse)
		}
	}

	id := winner.Identity()
	if got := reopen(t, dir, winner).Identity(); got != id {
		t.Errorf("Identity() of the directory = %v, want that of the winner, %v", got, id)
	}

	left, err := filepath.Glob(filepath.Join(dir, consensus.TempPrefix+"*"))
	if len(left) > 0 || err != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	tmp, path := filepath.Join(dir, "tmp"), filepath.Join(dir, "path")

	if err := consensus.Publish(tmp, path); err == nil {
		t.Error("publishing a file that is missing succeeded")
	}

	must(t, os.WriteFile(tmp, []byte("mine"), 0o600))
	must(t, consensus.Publish(tmp, path))
	must(t, os.WriteFile(tmp+"2", []byte("theirs"), 0o600))
	must(t, consensus.Publish(tmp+"2", path))
	must(t, consensus.Publish(tmp+"3", path)) // swept by the process that has the directory

	if b, err := os.ReadFile(path); string(b) != "mine" || err != nil {
		t.Errorf("the file has %q, %v, want the first one", b, err)
	}
}
