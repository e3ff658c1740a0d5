//go:build linux || darwin

package deathwatch_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/deathwatch"
)

// childEnv makes the test binary a node that holds its lock until its standard
// input ends.
const childEnv = "SEGUE_TEST_DEATHWATCH_DIR"

func someID() segue.NodeID { return segue.NodeID{1, 2, 3, 15: 9} }

const someStart = 0xfeed

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}

	os.Exit(m.Run())
}

func child(dir string) int {
	lock, err := deathwatch.Hold(dir, someID(), someStart)
	if err != nil {
		fmt.Println(err)

		return 1
	}

	fmt.Println("held")

	_, err = io.Copy(io.Discard, os.Stdin)
	if err == nil {
		err = lock.Close()
	}

	if err != nil {
		return 1
	}

	return 0
}

// A holder is a child process with a lock.
type holder struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startHolder(t *testing.T, dir string) *holder {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.WaitDelay = 10 * time.Second

	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}

	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})

	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the child said %q, %v, want held", line, err)
	}

	return &holder{cmd: cmd, stdin: stdin}
}

// watchDir returns a directory that does not exist yet.
func watchDir(t *testing.T) string {
	t.Helper()

	return filepath.Join(t.TempDir(), "watch")
}

func files(t *testing.T, dir string) int {
	t.Helper()

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}

	return len(entries)
}
