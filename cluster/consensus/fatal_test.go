package consensus_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue/cluster/consensus"
)

// fatal counts the calls of OnFatal and remembers the error.
type fatal struct {
	calls atomic.Int32
	err   atomic.Pointer[error]
}

func (f *fatal) report(err error) {
	f.calls.Add(1)
	f.err.Store(&err)
}

// want checks that the store failed once, with that error, and refuses all.
func (f *fatal) want(t *testing.T, s *consensus.Store, want error) {
	t.Helper()

	v := consensus.RaftView(s)

	_, errFirst := v.FirstIndex()
	_, errGet := v.Get([]byte("motto"))

	for what, err := range map[string]error{
		"StoreLogs": v.StoreLogs(entries(1, 1)), "DeleteRange": v.DeleteRange(1, 1), "FirstIndex": errFirst, "Get": errGet,
		"GetLog": v.GetLog(1, new(raft.Log)), "Set": v.Set([]byte("x"), nil), "SetUint64": v.SetUint64([]byte("LastVoteTerm"), 9),
		"SetIncarnation": s.SetIncarnation(9), "Retire": s.Retire(),
	} {
		if !errors.Is(err, want) {
			t.Errorf("%s on a failed store = %v, want %v", what, err, want)
		}
	}

	if n := f.calls.Load(); n != 1 {
		t.Errorf("OnFatal was called %d times, want 1", n)
	} else if err := *f.err.Load(); !errors.Is(err, want) {
		t.Errorf("OnFatal(%v), want %v", err, want)
	}
}

func TestWriteError(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)
	v := consensus.RaftView(s)

	var f fatal
	must(t, consensus.Attach(s, f.report))

	consensus.SetFault(s, func(string) error { return errors.New("input/output error") })

	if err := v.StoreLogs(entries(401, 402)); !errors.Is(err, consensus.ErrDisk) {
		t.Errorf("StoreLogs = %v, want %v", err, consensus.ErrDisk)
	}

	consensus.SetFault(s, func(string) error { return nil }) // it must not be tried again
	f.want(t, s, consensus.ErrDisk)
	must(t, s.Close())

	s = open(t, dir)
	wantBounds(t, consensus.RaftView(s), 1, 400)
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, _ := filled(t)
		s := open(t, dir)

		var f fatal
		must(t, consensus.Attach(s, f.report))

		hang := make(chan struct{})

		consensus.SetFault(s, func(string) error { <-hang; return nil })

		done := make(chan error)
		start := time.Now()

		go func() { done <- consensus.RaftView(s).StoreLogs(entries(401, 401)) }()

		time.Sleep(consensus.StallLimit - time.Millisecond)
		synctest.Wait()

		if n := f.calls.Load(); n != 0 {
			t.Errorf("OnFatal was called %d times after %v, want 0", n, time.Since(start))
		}

		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		f.want(t, s, consensus.ErrStalled)

		close(hang) // the disk comes back: too late

		if err := <-done; !errors.Is(err, consensus.ErrStalled) {
			t.Errorf("StoreLogs that stalled = %v, want %v", err, consensus.ErrStalled)
		}

		f.want(t, s, consensus.ErrStalled)

		if err := s.Close(); !errors.Is(err, consensus.ErrStalled) {
			t.Errorf("Close of a stalled store = %v, want %v", err, consensus.ErrStalled)
		}
	})
}

func TestDamageWhileOpen(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)

	var f fatal
	must(t, consensus.Attach(s, f.report))

	file, err := os.OpenFile(filepath.Join(dir, consensus.FileName), os.O_RDWR, 0)
	must(t, err)

	defer file.Close()

	b, err := os.ReadFile(file.Name())
	must(t, err)

	at := bytes.Index(b, []byte("the data of entry 217"))
	_, err = file.WriteAt([]byte{'?'}, int64(at))
	must(t, err)

	must(t, consensus.RaftView(s).GetLog(216, new(raft.Log)))

	err = consensus.RaftView(s).GetLog(217, new(raft.Log))
	if !errors.Is(err, consensus.ErrDamaged) || !strings.Contains(err.Error(), "entry 217") {
		t.Errorf("GetLog(217) = %v, want %v", err, consensus.ErrDamaged)
	}

	f.want(t, s, consensus.ErrDamaged)
}

// A page of the memory map that is gone must not end the process.
func TestTruncatedWhileOpen(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)

	var f fatal
	must(t, consensus.Attach(s, f.report))
	must(t, os.Truncate(filepath.Join(dir, consensus.FileName), 2*int64(os.Getpagesize())))

	if err := consensus.RaftView(s).GetLog(1, new(raft.Log)); !errors.Is(err, consensus.ErrDamaged) {
		t.Errorf("GetLog = %v, want %v", err, consensus.ErrDamaged)
	}

	f.want(t, s, consensus.ErrDamaged)
}

// A store that failed before a Raft was made of it is not taken.
func TestFailedBeforeUse(t *testing.T) {
	dir, _ := filled(t)
	s := open(t, dir)
	consensus.SetFault(s, func(string) error { return errors.New("no space left on device") })

	if err := s.SetIncarnation(5); !errors.Is(err, consensus.ErrDisk) {
		t.Errorf("SetIncarnation = %v, want %v", err, consensus.ErrDisk)
	}

	if err := consensus.Attach(s, func(error) {}); !errors.Is(err, consensus.ErrDisk) {
		t.Errorf("taking a failed store = %v, want %v", err, consensus.ErrDisk)
	}

	if err := consensus.Attach(s, func(error) {}); err == nil {
		t.Error("taking a store twice succeeded")
	}
}
