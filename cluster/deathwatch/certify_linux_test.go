package deathwatch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/deathwatch"
)

func wantDead(t *testing.T, dir, what string) {
	t.Helper()

	if dead, err := deathwatch.Certify(dir, someID(), someStart); !dead || err != nil {
		t.Errorf("Certify(%s) = %t, %v, want true", what, dead, err)
	}
}

func wantUncertain(t *testing.T, dir, what string) {
	t.Helper()

	if dead, err := deathwatch.Certify(dir, someID(), someStart); dead || err != nil {
		t.Errorf("Certify(%s) = %t, %v, want false", what, dead, err)
	}
}

func TestCertifyAKilledProcess(t *testing.T) {
	dir := watchDir(t)
	wantUncertain(t, dir, "no directory")

	h := startHolder(t, dir)
	wantUncertain(t, dir, "alive")

	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}

	waitStopped(t, h.cmd.Process.Pid)
	wantUncertain(t, dir, "stopped")

	if err := h.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}

	if err := h.cmd.Wait(); err == nil {
		t.Error("Wait() of the killed child = nil, want its signal")
	}

	// The proof can be had again, also by several at the same time.
	var wg sync.WaitGroup

	for range 8 {
		wg.Go(func() { wantDead(t, dir, "killed") })
	}

	wg.Wait()

	for what, args := range map[string]struct {
		id    segue.NodeID
		start uint64
	}{
		"another start": {someID(), someStart + 1},
		"another node":  {segue.NodeID{7}, someStart},
	} {
		if dead, err := deathwatch.Certify(dir, args.id, args.start); dead || err != nil {
			t.Errorf("Certify(%s) = %t, %v, want false", what, dead, err)
		}
	}
}

func TestCertifyAfterClose(t *testing.T) {
	dir := watchDir(t)
	h := startHolder(t, dir)

	h.stdin.Close()

	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("the child ended with %v", err)
	}

	wantUncertain(t, dir, "closed") // the file is gone: nothing to prove it by

	if n := files(t, dir); n != 0 {
		t.Errorf("%d files are left after Close, want 0", n)
	}
}

// A restarted node has another start token: its lock says nothing about the
// first start, and the other way round.
func TestCertifyARestartedNode(t *testing.T) {
	dir := watchDir(t)
	h := startHolder(t, dir)

	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	if err := h.cmd.Wait(); err == nil {
		t.Error("Wait() of the killed child = nil, want its signal")
	}

	again, err := deathwatch.Hold(dir, someID(), someStart+1)
	if err != nil {
		t.Fatal(err)
	}

	wantDead(t, dir, "first start")

	if dead, err := deathwatch.Certify(dir, someID(), someStart+1); dead || err != nil {
		t.Errorf("Certify(second start) = %t, %v, want false", dead, err)
	}

	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// A file that does not say what it should proves nothing, even if nobody locks
// it.
func TestCertifyDoubtfulFiles(t *testing.T) {
	dir := watchDir(t)
	path := filepath.Join(dir, fmt.Sprintf("%s-%016x.alive", someID(), uint64(someStart)))
	good := fmt.Sprintf("segue alive 1\nnode %s\nstart %016x\nboot %s\n", someID(), uint64(someStart), deathwatch.BootID())

	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}

	for what, text := range map[string]string{
		"empty":        "",
		"half":         good[:len(good)/2],
		"another boot": strings.Replace(good, deathwatch.BootID(), "1cf7b1e5-0000-0000-0000-000000000000", 1),
		"too long":     good + strings.Repeat("x", 1000),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}

		wantUncertain(t, dir, what)
	}

	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}

	wantDead(t, dir, "whole and unlocked")

	// A link to a good file, and a pipe, are refused.
	for what, replace := range map[string]func() error{
		"link": func() error { return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path)) },
		"pipe": func() error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
	} {
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte(good), 0o600), replace()); err != nil {
			t.Fatal(err)
		}

		if dead, _ := deathwatch.Certify(dir, someID(), someStart); dead {
			t.Errorf("Certify(%s) = true, want false", what)
		}
	}
}

func TestCertifyChecksTheDirectory(t *testing.T) {
	dir := watchDir(t)
	h := startHolder(t, dir)

	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	if err := h.cmd.Wait(); err == nil {
		t.Error("Wait() of the killed child = nil, want its signal")
	}

	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}

	if dead, err := deathwatch.Certify(dir, someID(), someStart); dead || err == nil {
		t.Errorf("Certify() in a directory open to all = %t, %v, want an error", dead, err)
	}
}

func TestBootIDIsKnown(t *testing.T) {
	if got := deathwatch.BootID(); len(got) != 36 || strings.ContainsAny(got, " \n") {
		t.Errorf("BootID() = %q, want a UUID", got)
	}
}

// waitStopped waits until the kernel has stopped a child of this process.
func waitStopped(t *testing.T, pid int) {
	t.Helper()

	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the child is not stopped: %v, %v", status, err)
	}
}
