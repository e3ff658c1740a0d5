package consensus_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/segue-cluster/segue/cluster/consensus"
)

// crashImage returns a copy of the directory as the disk has it now.
func crashImage(t *testing.T, dir string) *consensus.Store {
	t.Helper()

	copied := t.TempDir()
	must(t, os.CopyFS(filepath.Join(copied, "data"), os.DirFS(dir)))

	return open(t, filepath.Join(copied, "data"))
}

func wantVote(t *testing.T, s *consensus.Store, term uint64, candidate string) {
	t.Helper()

	v := consensus.RaftView(s)

	gotTerm, err := v.GetUint64([]byte("LastVoteTerm"))
	if err != nil && err.Error() != "not found" {
		t.Fatal(err)
	}

	got, err := v.Get([]byte("LastVoteCand"))
	if err != nil && err.Error() != "not found" {
		t.Fatal(err)
	}

	if gotTerm != term || string(got) != candidate {
		t.Errorf("vote = %d for %q, want %d for %q", gotTerm, got, term, candidate)
	}
}

// A crash between the two writes of a vote must leave the older vote, or none:
// with the new term and the old candidate, raft would grant the old candidate
// another vote without a look at its log.
func TestTornVote(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	v := consensus.RaftView(s)

	must(t, v.SetUint64([]byte("LastVoteTerm"), 4))
	wantVote(t, s, 0, "")
	wantVote(t, crashImage(t, dir), 0, "")

	must(t, v.Set([]byte("LastVoteCand"), []byte("anna")))
	wantVote(t, s, 4, "anna")
	wantVote(t, crashImage(t, dir), 4, "anna")

	must(t, v.SetUint64([]byte("LastVoteTerm"), 5))
	must(t, v.SetUint64([]byte("CurrentTerm"), 5)) // by another goroutine
	wantVote(t, crashImage(t, dir), 4, "anna")

	must(t, v.Set([]byte("LastVoteCand"), []byte("berta")))
	wantVote(t, crashImage(t, dir), 5, "berta")
	wantVote(t, reopen(t, dir, s), 5, "berta")
}
