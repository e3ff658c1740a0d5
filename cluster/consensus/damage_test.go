package consensus_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// filled returns a closed directory with entries 1 to 400, a term and a vote.
func filled(t *testing.T) (dir string, node segue.NodeID) {
	t.Helper()

	dir = t.TempDir()
	s := open(t, dir)
	v := consensus.RaftView(s)
	must(t, v.StoreLogs(entries(1, 400)))
	must(t, v.SetUint64([]byte("CurrentTerm"), 7))
	must(t, v.Set([]byte("motto"), []byte("plus ultra")))
	must(t, s.Close())

	return dir, s.Identity().Node
}

// edit changes the file of dir.
func edit(t *testing.T, dir string, change func(b []byte) []byte) {
	t.Helper()

	path := filepath.Join(dir, consensus.FileName)
	b, err := os.ReadFile(path)
	must(t, err)

	if b = change(b); b == nil {
		t.Fatal("what should be damaged is not in the file")
	}

	must(t, os.WriteFile(path, b, 0o600))
}

// flip inverts a bit in every copy of what. It returns nil if there is none.
func flip(b []byte, what string) []byte {
	found := false

	for rest := b; ; found = true {
		i := bytes.Index(rest, []byte(what))
		if i < 0 {
			break
		}

		rest[i+len(what)/2] ^= 1
		rest = rest[i+len(what):]
	}

	if !found {
		return nil
	}

	return b
}

func TestDamage(t *testing.T) {
	page := os.Getpagesize()

	for name, test := range map[string]struct {
		change func(b []byte, node segue.NodeID) []byte
		want   string // in the error
	}{
		"entry": {func(b []byte, _ segue.NodeID) []byte {
			return flip(b, "the data of entry 217")
		}, "log entry 217"},
		"identity": {func(b []byte, node segue.NodeID) []byte {
			return flip(b, string(node[:]))
		}, "identity"},
		"stable value": {func(b []byte, _ segue.NodeID) []byte {
			return flip(b, "plus ultra")
		}, "motto"},
		"key of an entry": {func(b []byte, _ segue.NodeID) []byte {
			b[bytes.Index(b, []byte("the data of entry 300"))-30-1] ^= 0x40

			return b
		}, "entry"},
		"name of a bucket": {func(b []byte, _ segue.NodeID) []byte {
			return flip(b, "stable")
		}, "bucket"},
		"pages": {func(b []byte, _ segue.NodeID) []byte {
			clear(b[3*page:])

			return b
		}, ""},
		"meta pages": {func(b []byte, _ segue.NodeID) []byte {
			clear(b[:2*page])

			return b
		}, ""},
		"truncated to a half": {func(b []byte, _ segue.NodeID) []byte { return b[:len(b)/2/page*page] }, ""},
		"truncated in a page": {func(b []byte, _ segue.NodeID) []byte { return b[:5*page+77] }, ""},
		"truncated to a page": {func(b []byte, _ segue.NodeID) []byte { return b[:page] }, ""},
		"emptied":             {func([]byte, segue.NodeID) []byte { return []byte{} }, "empty"},
		"not a store": {func(b []byte, _ segue.NodeID) []byte {
			return bytes.Repeat([]byte("x"), len(b))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir, node := filled(t)
			edit(t, dir, func(b []byte) []byte { return test.change(b, node) })

			_, err := consensus.OpenStore(dir, nil)
			if !errors.Is(err, consensus.ErrDamaged) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("OpenStore = %v, want %v with %q", err, consensus.ErrDamaged, test.want)
			}
		})
	}
}

func TestMissingFileBesideSnapshots(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, consensus.SnapshotsDir, "1-2-3"), 0o700))

	if _, err := consensus.OpenStore(dir, nil); !errors.Is(err, consensus.ErrDamaged) {
		t.Errorf("OpenStore = %v, want %v", err, consensus.ErrDamaged)
	}
}

func TestLaterFormat(t *testing.T) {
	dir, node := filled(t)
	later := consensus.EncodeIdentity(consensus.Identity{Node: node})
	now := bytes.Clone(later)
	later[0]++
	later = consensus.Reseal(later)
	edit(t, dir, func(b []byte) []byte { return bytes.ReplaceAll(b, now, later) })

	if _, err := consensus.OpenStore(dir, nil); !errors.Is(err, segue.ErrUnsupported) {
		t.Errorf("OpenStore = %v, want %v", err, segue.ErrUnsupported)
	}
}

// snapshot adds a snapshot.
func snapshot(t *testing.T, s *consensus.Store, index uint64) {
	t.Helper()

	_, trans := raft.NewInmemTransport("")
	k, err := consensus.Snapshots(s).Create(1, index, 3, raft.Configuration{}, 1, trans)
	must(t, err)
	_, err = k.Write([]byte("state"))
	must(t, errors.Join(err, k.Close()))
}

// spoil damages a file of the newest snapshot.
func spoil(t *testing.T, s *consensus.Store, file string) {
	t.Helper()

	list, err := consensus.Snapshots(s).List()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(s.Dir(), consensus.SnapshotsDir, list[0].ID, file), []byte("garbage"), 0o600))
}

func TestLogAndSnapshots(t *testing.T) {
	for name, test := range map[string]struct {
		snapshots   []uint64
		spoil       string // in the newest snapshot
		remove      uint64 // entries from the log
		damaged     bool
		first, last uint64
	}{
		"complete":                     {[]uint64{300}, "", 300, false, 301, 400},
		"gap":                          {[]uint64{300}, "", 301, true, 0, 0},
		"no snapshot":                  {nil, "", 10, true, 0, 0},
		"unreadable description":       {[]uint64{300}, "meta.json", 10, true, 0, 0},
		"damaged snapshot":             {[]uint64{300}, "state.bin", 0, true, 0, 0},
		"an older one is enough":       {[]uint64{200, 300}, "state.bin", 100, false, 101, 400},
		"an older one is not enough":   {[]uint64{200, 300}, "state.bin", 250, true, 0, 0},
		"snapshot at the end":          {[]uint64{400}, "", 0, false, 1, 400},
		"crash while one was received": {[]uint64{5000}, "", 0, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := filled(t)
			s := open(t, dir)

			for _, index := range test.snapshots {
				snapshot(t, s, index)
			}

			if test.spoil != "" {
				spoil(t, s, test.spoil)
			}

			must(t, consensus.RaftView(s).DeleteRange(1, test.remove))
			must(t, s.Close())

			s, err := consensus.OpenStore(dir, nil)
			if got := errors.Is(err, consensus.ErrDamaged); got != test.damaged || (err != nil) != test.damaged {
				t.Fatalf("OpenStore = %v, want damage: %v", err, test.damaged)
			}

			if !test.damaged {
				wantBounds(t, consensus.RaftView(s), test.first, test.last)
				must(t, s.Close())
			}
		})
	}
}

// A crash between the two writes of a bootstrap must not leave a node that can
// neither be bootstrapped nor join.
func TestTornBootstrap(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, consensus.RaftView(s).SetUint64([]byte("CurrentTerm"), 1))
	s = reopen(t, dir, s)

	if _, err := consensus.RaftView(s).GetUint64([]byte("CurrentTerm")); err == nil || err.Error() != "not found" {
		t.Errorf(`term after a torn bootstrap = %v, want "not found"`, err)
	}

	must(t, consensus.RaftView(s).SetUint64([]byte("CurrentTerm"), 1))
	must(t, consensus.RaftView(s).SetUint64([]byte("LastVoteTerm"), 1))
	must(t, consensus.RaftView(s).Set([]byte("LastVoteCand"), []byte("a")))
	s = reopen(t, dir, s)

	if term, err := consensus.RaftView(s).GetUint64([]byte("CurrentTerm")); term != 1 || err != nil {
		t.Errorf("term after a vote = %d, %v, want 1", term, err)
	}
}
