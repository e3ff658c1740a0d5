package consensus_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// The formats on disk never change. If one of these fails, add a new format.
func TestGoldenRecords(t *testing.T) {
	e := raft.Log{
		Index: 5, Term: 2, Type: raft.LogConfiguration, Data: []byte("data"), Extensions: []byte("x"),
		AppendedAt: time.Unix(1, 2),
	}

	b, err := consensus.EncodeEntry(&e)
	must(t, err)

	const goldenEntry = "01" + "05" + "0000000000000005" + "0000000000000002" + "000000003b9aca02" +
		"00000004" + "64617461" + "00000001" + "78" + "f8fff0b7"
	if got := fmt.Sprintf("%x", b); got != goldenEntry {
		t.Errorf("EncodeEntry(%v) = %s, want %s", e, got, goldenEntry)
	}

	node, err := segue.ParseNodeID("00010203-0405-4607-8809-0a0b0c0d0e0f")
	must(t, err)

	id := consensus.Identity{Node: node, Cluster: [16]byte{0xc1}, Generation: 3, Incarnation: 4, Retired: true}

	const goldenIdentity = "01" + "000102030405460788090a0b0c0d0e0f" + "c1000000000000000000000000000000" +
		"0000000000000003" + "0000000000000004" + "01" + "b5ed7669"
	if got := fmt.Sprintf("%x", consensus.EncodeIdentity(id)); got != goldenIdentity {
		t.Errorf("EncodeIdentity(%v) = %s, want %s", id, got, goldenIdentity)
	}

	if got, err := consensus.DecodeIdentity(consensus.EncodeIdentity(id)); got != id || err != nil {
		t.Errorf("DecodeIdentity = %v, %v, want %v", got, err, id)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	good, err := consensus.EncodeEntry(entries(3, 3)[0])
	if err != nil {
		f.Fatal(err)
	}

	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 4 {
			b = consensus.Reseal(b) // or hardly anything would get past the checksum
		}

		var l raft.Log
		if err := consensus.DecodeEntry(b, 3, &l); err != nil {
			return
		}

		again, err := consensus.EncodeEntry(&l)
		must(t, err)

		if !bytes.Equal(b, again) {
			t.Errorf("EncodeEntry(DecodeEntry(%x)) = %x", b, again)
		}
	})
}

func FuzzDecodeIdentity(f *testing.F) {
	f.Add(consensus.EncodeIdentity(consensus.MemoryStore().Identity()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 4 {
			return
		}

		b = consensus.Reseal(b)
		if id, err := consensus.DecodeIdentity(b); err == nil && id.Node.IsZero() {
			t.Errorf("DecodeIdentity(%x) = %v, want a node id", b, id)
		}
	})
}
