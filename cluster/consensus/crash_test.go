package consensus_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue/cluster/consensus"
)

// crashDir tells a process that it is the child of TestCrash.
const crashDir = "SEGUE_TEST_CRASH_DIR"

// crashChild appends to the store in dir, votes, truncates, and reports every
// entry that is on disk, until it is killed.
func crashChild(dir string) {
	s, err := consensus.OpenStore(dir, nil)
	if err != nil {
		panic(err)
	}

	v := consensus.RaftView(s)

	last, err := v.LastIndex()
	if err != nil {
		panic(err)
	}

	for next := last + 1; ; {
		n := 1 + rand.Uint64N(5)
		vote := fmt.Appendf(nil, "candidate of %d", next)

		err := errors.Join(
			v.StoreLogs(entries(next, next+n-1)),
			v.SetUint64([]byte("LastVoteTerm"), next),
			v.Set([]byte("LastVoteCand"), vote),
		)
		if err != nil {
			panic(err)
		}

		next += n
		fmt.Println(next - 1)
	}
}

// TestCrash kills a process in the middle of its appends, again and again. What
// it has reported must be there, whole and without a gap.
func TestCrash(t *testing.T) {
	t.Parallel() // it waits for its children

	dir := t.TempDir()
	must(t, open(t, dir).Close())

	var last uint64
	for round := range 20 {
		last = max(last, crash(t, dir, 1+rand.IntN(12)))
		got := checkAfterCrash(t, dir)

		if got < last {
			t.Fatalf("round %d: the log ends at %d, but entry %d was reported as stored", round, got, last)
		}

		last = got
	}
}

// crash runs a child until it has reported n times, kills it and returns the
// last entry that it reported.
func crash(t *testing.T, dir string, n int) (last uint64) {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())

	kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer kill.Stop()

	for lines := bufio.NewScanner(out); lines.Scan(); n-- {
		_, err := fmt.Sscan(lines.Text(), &last)
		must(t, err)

		if n == 0 { // and go on reading what was reported before its death
			must(t, cmd.Process.Kill())
		}
	}

	if err := cmd.Wait(); err == nil || n > 0 {
		t.Fatalf("the child ended with %v, %d reports early", err, n)
	}

	return last
}

func checkAfterCrash(t *testing.T, dir string) (last uint64) {
	t.Helper()

	s, err := consensus.OpenStore(dir, nil) // checks every record
	must(t, err)

	defer s.Close()

	v := consensus.RaftView(s)
	last, err = v.LastIndex()
	must(t, err)

	for i, want := range entries(1, last) {
		var got raft.Log
		must(t, v.GetLog(uint64(i+1), &got))

		if string(got.Data) != string(want.Data) || got.Term != want.Term {
			t.Fatalf("entry %d = %v, want %v", i+1, got, want)
		}
	}

	term, err := v.GetUint64([]byte("LastVoteTerm"))
	must(t, err)

	wantVote(t, s, term, fmt.Sprintf("candidate of %d", term))

	return last
}
