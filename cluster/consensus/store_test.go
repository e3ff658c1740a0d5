package consensus_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// open opens dir and closes it at the end of the test.
func open(t *testing.T, dir string) *consensus.Store {
	t.Helper()

	s, err := consensus.OpenStore(dir, nil)
	if err != nil {
		t.Fatalf("OpenStore(%s) = %v", dir, err)
	}

	t.Cleanup(func() { s.Close() })

	return s
}

// reopen is what a process that starts after this one sees.
func reopen(t *testing.T, dir string, s *consensus.Store) *consensus.Store {
	t.Helper()

	if err := s.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}

	return open(t, dir)
}

func entries(from, to uint64) []*raft.Log {
	var list []*raft.Log
	for i := from; i <= to; i++ {
		list = append(list, &raft.Log{
			Index: i, Term: 3, Type: raft.LogCommand, Data: fmt.Appendf(nil, "the data of entry %d", i),
			AppendedAt: time.Unix(1700000000, int64(i)),
		})
	}

	return list
}

// must fails the test at once.
func must(t *testing.T, err error) {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
}

// stores returns both kinds of store, new.
func stores(t *testing.T) map[string]consensus.RaftStore {
	t.Helper()

	return map[string]consensus.RaftStore{
		"disk": consensus.RaftView(open(t, t.TempDir())), "memory": consensus.RaftView(consensus.MemoryStore()),
	}
}

func wantBounds(t *testing.T, s consensus.RaftStore, first, last uint64) {
	t.Helper()

	gotFirst, err := s.FirstIndex()
	must(t, err)

	gotLast, err := s.LastIndex()
	must(t, err)

	if gotFirst != first || gotLast != last {
		t.Errorf("bounds of the log = %d, %d, want %d, %d", gotFirst, gotLast, first, last)
	}

	for _, i := range []uint64{first - 1, last + 1} {
		if err := s.GetLog(i, new(raft.Log)); err != raft.ErrLogNotFound { //nolint:errorlint // raft compares it so
			t.Errorf("GetLog(%d) = %v, want %v", i, err, raft.ErrLogNotFound)
		}
	}
}

func TestLog(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			wantBounds(t, s, 0, 0)

			want := entries(7, 40)
			want[3].Type, want[3].Extensions = raft.LogConfiguration, []byte("ext")
			want[4].Data, want[4].AppendedAt = nil, time.Time{}
			must(t, s.StoreLogs(want[:1]))
			must(t, s.StoreLogs(want[1:20]))
			must(t, s.StoreLog(want[20]))
			must(t, s.StoreLogs(want[21:]))
			must(t, s.StoreLogs(nil))
			wantBounds(t, s, 7, 40)

			for _, w := range want {
				var got raft.Log
				must(t, s.GetLog(w.Index, &got))

				if diff := cmp.Diff(*w, got); diff != "" {
					t.Errorf("GetLog(%d) (-want +got):\n%s", w.Index, diff)
				}
			}

			if m, ok := s.(raft.MonotonicLogStore); !ok || !m.IsMonotonic() {
				t.Error("IsMonotonic() = false, want true")
			}
		})
	}
}

func TestLogGaps(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			must(t, s.StoreLogs(entries(5, 9)))

			for name, logs := range map[string][]*raft.Log{
				"gap":        entries(11, 12),
				"repetition": entries(9, 10),
				"older":      entries(1, 2),
				"inside":     append(entries(10, 11), entries(13, 13)...),
				"zero":       {{Index: 0}},
			} {
				if err := s.StoreLogs(logs); err == nil {
					t.Errorf("StoreLogs(%s) succeeded, want an error", name)
				}
			}

			if err := s.DeleteRange(6, 7); err == nil {
				t.Error("DeleteRange in the middle succeeded, want an error")
			}

			wantBounds(t, s, 5, 9)
			must(t, s.StoreLogs(entries(10, 10)))
			wantBounds(t, s, 5, 10)
		})
	}
}

func TestDeleteRange(t *testing.T) {
	for _, test := range []struct{ low, high, first, last uint64 }{
		{5, 9, 10, 14},
		{0, 5, 6, 14},
		{12, 14, 5, 11},
		{12, 99, 5, 11},
		{5, 14, 0, 0},
		{1, 99, 0, 0},
		{15, 20, 5, 14},
		{1, 4, 5, 14},
		{9, 8, 5, 14},
	} {
		for name, s := range stores(t) {
			t.Run(name, func(t *testing.T) {
				must(t, s.DeleteRange(test.low, test.high)) // of an empty log
				must(t, s.StoreLogs(entries(5, 14)))
				must(t, s.DeleteRange(test.low, test.high))
				wantBounds(t, s, test.first, test.last)

				next := test.last + 1
				if test.last == 0 {
					next = 100 // an empty log may begin anywhere
				}

				must(t, s.StoreLogs(entries(next, next)))

				var got raft.Log
				must(t, s.GetLog(next, &got))
			})
		}
	}
}

func TestStable(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Get([]byte("x")); err == nil || err.Error() != "not found" {
				t.Errorf(`Get of a missing key = %v, want "not found"`, err)
			}

			if n, err := s.GetUint64([]byte("CurrentTerm")); err == nil || err.Error() != "not found" {
				t.Errorf(`GetUint64 of a missing key = %d, %v, want "not found"`, n, err)
			}

			must(t, s.SetUint64([]byte("CurrentTerm"), 1<<63+5))
			must(t, s.Set([]byte("x"), []byte{}))
			must(t, s.Set([]byte("y"), []byte("why")))

			if n, err := s.GetUint64([]byte("CurrentTerm")); n != 1<<63+5 || err != nil {
				t.Errorf("GetUint64(CurrentTerm) = %d, %v, want %d", n, err, uint64(1<<63+5))
			}

			if v, err := s.Get([]byte("x")); v == nil || len(v) != 0 || err != nil {
				t.Errorf("Get(x) = %q, %v, want an empty value", v, err)
			}

			if v, err := s.Get([]byte("y")); string(v) != "why" || err != nil {
				t.Errorf("Get(y) = %q, %v, want why", v, err)
			}
		})
	}
}

func TestSnapshotStore(t *testing.T) {
	for name, s := range map[string]*consensus.Store{"disk": open(t, t.TempDir()), "memory": consensus.MemoryStore()} {
		t.Run(name, func(t *testing.T) {
			snaps := consensus.Snapshots(s)
			_, trans := raft.NewInmemTransport("")
			begin := func(index uint64) raft.SnapshotSink {
				k, err := snaps.Create(1, index, 2, raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "a"}}}, 9, trans)
				must(t, err)
				_, err = fmt.Fprintf(k, "state at %d", index)
				must(t, err)

				return k
			}

			for _, i := range []uint64{30, 10, 20} {
				k := begin(i)
				must(t, k.Close())
				must(t, k.Close())
			}

			must(t, begin(50).Cancel())

			half := begin(40)

			list, err := snaps.List()
			must(t, err)

			if len(list) != 2 || list[0].Index != 30 || list[1].Index != 20 {
				t.Fatalf("List() = %v, want the snapshots at 30 and 20", list)
			}

			meta, r, err := snaps.Open(list[1].ID)
			must(t, err)

			b, err := io.ReadAll(r)
			must(t, errors.Join(err, r.Close(), half.Close()))

			if string(b) != "state at 20" || meta.Size != int64(len(b)) || meta.ConfigurationIndex != 9 || len(meta.Configuration.Servers) != 1 {
				t.Errorf("Open(20) = %q with %+v", b, meta)
			}

			if _, _, err := snaps.Open("no-such-snapshot"); err == nil {
				t.Error("Open of a missing snapshot succeeded")
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)

	id := s.Identity()
	if id.Node.IsZero() || id != (consensus.Identity{Node: id.Node}) || !s.Durable() {
		t.Errorf("Identity() of a new store = %+v, want a node id alone", id)
	}

	cluster := [16]byte{1, 2, 3}
	must(t, s.SetIncarnation(70))
	must(t, s.SetCluster(cluster, 2))
	must(t, s.SetCluster(cluster, 2))
	must(t, s.SetCluster(cluster, 3))
	must(t, s.SetIncarnation(70))
	must(t, s.SetIncarnation(71))

	for what, test := range map[string]struct{ got, want error }{
		"another cluster":      {s.SetCluster([16]byte{9}, 3), segue.ErrWrongCluster},
		"no cluster":           {s.SetCluster([16]byte{}, 3), segue.ErrBadRequest},
		"an older generation":  {s.SetCluster(cluster, 2), segue.ErrFenced},
		"an older incarnation": {s.SetIncarnation(69), segue.ErrFenced},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("setting %s = %v, want %v", what, test.got, test.want)
		}
	}

	want := consensus.Identity{Node: id.Node, Cluster: cluster, Generation: 3, Incarnation: 71}
	s = reopen(t, dir, s)

	if diff := cmp.Diff(want, s.Identity()); diff != "" {
		t.Errorf("Identity() after a restart (-want +got):\n%s", diff)
	}

	must(t, s.Retire())
	must(t, s.Close())

	if err := s.SetIncarnation(99); err == nil {
		t.Error("SetIncarnation on a closed store succeeded")
	}

	if _, err := consensus.OpenStore(dir, nil); !errors.Is(err, consensus.ErrRetired) {
		t.Errorf("OpenStore of a retired directory = %v, want %v", err, consensus.ErrRetired)
	}

	if m := consensus.MemoryStore(); m.Durable() || m.Identity().Node.IsZero() || m.Identity() == consensus.MemoryStore().Identity() {
		t.Errorf("MemoryStore() has identity %+v", m.Identity())
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel() // it waits for a lock

	dir := t.TempDir()
	s := open(t, dir)

	if _, err := consensus.OpenStore(dir, nil); !errors.Is(err, consensus.ErrInUse) {
		t.Errorf("OpenStore of an open directory = %v, want %v", err, consensus.ErrInUse)
	}

	reopen(t, dir, s)
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	tmp := filepath.Join(dir, consensus.TempPrefix+"123")
	half := filepath.Join(dir, consensus.SnapshotsDir, "1-2-3.tmp")
	must(t, errors.Join(os.WriteFile(tmp, []byte("half"), 0o600), os.MkdirAll(half, 0o700)))
	reopen(t, dir, s)

	for _, path := range []string{tmp, half} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left over: %v", path, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))

	for _, dir := range []string{file, filepath.Join(file, "sub")} {
		if _, err := consensus.OpenStore(dir, nil); err == nil || errors.Is(err, consensus.ErrDamaged) {
			t.Errorf("OpenStore(%s) = %v, want an error other than damage", dir, err)
		}
	}
}
