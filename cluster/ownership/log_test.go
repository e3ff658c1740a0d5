package ownership_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/wire/wiretest"
)

// The epoch of a shard only grows, for any sequence of commands, and equal logs
// give equal tables and snapshots.
func TestRandomLogs(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		f, twin := formed(t, 2), formed(t, 2)

		for range 300 {
			cmd := randomCommand(rng, f)
			before := f.table.Clone()

			f.apply(cmd)

			data, err := ownership.Encode(cmd, 1, 2)
			if err != nil {
				t.Fatal(err)
			}

			_, decoded, err := ownership.Decode(data)
			if err != nil {
				t.Fatal(err)
			}

			twin.apply(decoded)

			for i, s := range f.table.Shards {
				if s.Epoch < before.Shards[i].Epoch || s.LastSession < before.Shards[i].LastSession {
					t.Fatalf("seed %d: %s took shard %d from %+v to %+v", seed, cmd.Type(), i, before.Shards[i], s)
				}

				if s.Owner != before.Shards[i].Owner && s.Epoch == before.Shards[i].Epoch {
					t.Fatalf("seed %d: %s gave shard %d another owner at the same epoch", seed, cmd.Type(), i)
				}
			}
		}

		var one, two bytes.Buffer
		if _, err := f.table.WriteTo(&one); err != nil {
			t.Fatal(err)
		}

		if _, err := twin.table.WriteTo(&two); err != nil {
			t.Fatal(err)
		}

		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Fatalf("seed %d: equal logs gave different snapshots", seed)
		}

		back, err := ownership.Read(&one)
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(f.table, back); diff != "" {
			t.Fatalf("seed %d: table after a snapshot (-want +got):\n%s", seed, diff)
		}
	}
}

func randomCommand(rng *rand.Rand, f *fixture) ownership.Command {
	nodes := []segue.NodeID{a, b, c}
	n, m := nodes[rng.IntN(3)], nodes[rng.IntN(3)]
	s := segue.ShardID(rng.IntN(2))
	row := f.table.Shards[s]
	at := ownership.ShardEpoch{Shard: s, Epoch: row.Epoch}

	switch rng.IntN(12) {
	case 0:
		return ownership.Place{Shards: []segue.ShardID{s}, Node: n, Inc: f.inc(n)}
	case 1:
		return ownership.Assign{Moves: []ownership.Move{{Shard: s, To: n}}}
	case 2, 3:
		return ownership.Open{
			Session: row.LastSession + segue.SessionID(rng.IntN(2)), From: row.Owner, FromInc: row.OwnerInc, To: m, ToInc: f.inc(m),
			Bake: rng.IntN(2) == 0, Shards: []ownership.ShardEpoch{at},
		}
	case 4, 5:
		return ownership.Commit{Session: row.LastSession, Shards: []ownership.Tally{{Shard: s, Processes: 1}}}
	case 6:
		return ownership.Abort{Session: row.LastSession, Shards: []segue.ShardID{s}}
	case 7:
		return ownership.OutOfSync{Session: row.LastSession, Shards: []segue.ShardID{s}}
	case 8:
		return ownership.Fence{Node: n, Inc: f.inc(n)}
	case 9:
		return ownership.Recover{Shard: at, To: m, ToInc: f.inc(m)}
	case 10:
		return ownership.Reassign{Shard: at, To: m, ToInc: f.inc(m), Lost: uint64(rng.IntN(3))}
	default:
		return ownership.Join{Node: n, Start: rng.Uint64() | 1, Name: n.String(), Release: "1", MaxLevel: 1, Hosting: true}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good, err := ownership.Encode(ownership.SetLevel{Level: 1}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}

	for name, data := range map[string][]byte{
		"nothing":   nil,
		"garbage":   []byte("not an entry"),
		"truncated": good[:len(good)-1],
		"trailing":  append(bytes.Clone(good), 0),
	} {
		if _, _, err := ownership.Decode(data); err == nil {
			t.Errorf("Decode of %s succeeded", name)
		}
	}
}

// Golden files: entries that were written once must decode for ever.
func TestGoldenEntries(t *testing.T) {
	for _, cmd := range []ownership.Command{
		ownership.Genesis{Cluster: "donation", ID: ownership.ClusterID{1, 2}, Generation: 1, Shards: 256, Hash: 1, Expect: 3},
		ownership.Join{Node: a, Start: 5, Name: "x_1@h", Release: "1", Addrs: ownership.Addrs{Gossip: "h:1", Data: "h:2"}, MaxLevel: 1, Host: "boot", Hosting: true},
		ownership.Leave{Node: a, Inc: 2},
		ownership.Place{Shards: []segue.ShardID{0, 1}, Node: a, Inc: 2},
		ownership.Assign{Moves: []ownership.Move{{Shard: 1, To: b}}, Cause: ownership.CauseRollout, Rollout: 1},
		ownership.HoldShards{Shards: []segue.ShardID{1}, Reason: "transform", Process: "campaign/x"},
		ownership.Unhold{Shards: []segue.ShardID{1}},
		ownership.Drain{Node: a, Inc: 2, On: true},
		ownership.Open{Session: 9, From: a, FromInc: 2, To: b, ToInc: 3, Shards: []ownership.ShardEpoch{{Shard: 1, Epoch: 4}}},
		commit(9),
		abort(9),
		ownership.OutOfSync{Session: 9, Shards: []segue.ShardID{1}},
		ownership.Fence{Node: a, Inc: 2, Reason: "lease"},
		ownership.Recover{Shard: ownership.ShardEpoch{Shard: 1, Epoch: 4}, To: b, ToInc: 3},
		ownership.Reassign{Shard: ownership.ShardEpoch{Shard: 1, Epoch: 4}, To: b, ToInc: 3, Lost: 2},
		ownership.ReportLoss{Shard: ownership.ShardEpoch{Shard: 1, Epoch: 4}, Node: a, Inc: 2, Count: 1, Names: []string{"campaign/x"}},
		ownership.RolloutStart{Request: "r", From: "1.0.0", To: "1.0.1", Stages: []uint8{5, 50, 100}, Actor: "me", Reason: "why", At: 7},
		ownership.RolloutAdvance{Revision: 1, FromPhase: ownership.Progressing, Phase: ownership.Completed, Stage: 2, Message: "m", At: 8},
		ownership.SetLevel{Level: 1},
	} {
		data, err := ownership.Encode(cmd, 3, 4)
		if err != nil {
			t.Fatal(err)
		}

		wiretest.Golden(t, cmd.Type().String(), data)

		_, back, err := ownership.Decode(data)
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(cmd, back); diff != "" {
			t.Errorf("%s after a round trip (-want +got):\n%s", cmd.Type(), diff)
		}
	}
}
