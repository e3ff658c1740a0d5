package gossip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue"
)

var someAddr = netip.MustParseAddrPort("10.0.0.1:7946")

func testPeer(t *testing.T, i int, flags Flags) peer {
	t.Helper()

	id := segue.NodeID{1, 14: byte(i >> 8), 15: byte(i)}

	meta, err := Meta{Node: id, Release: "1.0.0", Flags: flags}.Encode()
	if err != nil {
		t.Fatal(err)
	}

	name := segue.NodeName{App: "shop", Release: "1.0.0", Host: fmt.Sprintf("h%d", i)}

	return peer{name: gossipName(name, uint64(i+1)), addr: someAddr, meta: meta}
}

func kinds(tb *table) (got []EventKind) {
	events, _ := tb.eventsSince(0)
	for _, e := range events {
		got = append(got, e.Kind)
	}

	return got
}

// memberlist ignores an announcement that a leave has overtaken, but it asks
// whether to believe it.
func TestLeaveThatOvertakesItsAnnouncement(t *testing.T) {
	tb := newTable("self", [8]byte{})
	now := time.Now()

	tb.seen(testPeer(t, 1, 0), now)
	tb.lost(testPeer(t, 1, 0).name, now)

	if got := tb.snapshot(now)[0].Status; got != StatusFailed {
		t.Errorf("status = %v, want failed", got)
	}

	if err := tb.admit(testPeer(t, 1, FlagLeaving)); err != nil {
		t.Fatal(err)
	}

	if got := tb.snapshot(now)[0].Status; got != StatusLeft {
		t.Errorf("status = %v, want left", got)
	}

	if diff := cmp.Diff([]EventKind{EventJoined, EventFailed, EventLeft}, kinds(tb)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestStatusOf(t *testing.T) {
	for _, tt := range []struct {
		gone, announced, suspect bool
		flags                    Flags
		want                     Status
	}{
		{want: StatusAlive},
		{suspect: true, want: StatusSuspect},
		{flags: FlagStopping, want: StatusLeaving},
		{flags: FlagStopping, suspect: true, want: StatusLeaving},
		{announced: true, want: StatusLeaving},
		{gone: true, want: StatusFailed},
		{gone: true, flags: FlagStopping, want: StatusFailed},
		{gone: true, announced: true, want: StatusLeft},
	} {
		if got := statusOf(tt.gone, tt.announced, tt.suspect, tt.flags); got != tt.want {
			t.Errorf("statusOf(%+v) = %v, want %v", tt, got, tt.want)
		}
	}
}

func TestSuspicionComesAndGoes(t *testing.T) {
	tb := newTable("self", [8]byte{})
	now := time.Now()
	p := testPeer(t, 1, 0)

	tb.suspected("unknown", now)
	tb.seen(p, now)
	tb.suspected(p.name, now)
	tb.suspected(p.name, now)
	tb.answered(p.name, now)
	tb.conflict(p.name, someAddr, now)

	want := []EventKind{EventJoined, EventSuspect, EventRecovered, EventConflict}
	if diff := cmp.Diff(want, kinds(tb)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestGoneMembersAreBounded(t *testing.T) {
	tb := newTable("self", [8]byte{})
	start := time.Now()

	for i := range MaxGone + 10 {
		p := testPeer(t, i, 0)
		at := start.Add(time.Duration(i) * time.Second)
		tb.seen(p, at)
		tb.lost(p.name, at)
	}

	at := start.Add((MaxGone + 10) * time.Second)

	members := tb.snapshot(at)
	if len(members) != MaxGone {
		t.Errorf("%d gone members are kept, want %d", len(members), MaxGone)
	}

	for _, m := range members {
		if m.Start <= 10 {
			t.Errorf("member %d, one of the oldest, was kept", m.Start)
		}
	}

	if got := len(tb.snapshot(start.Add(GoneRetention + 10*time.Second))); got != MaxGone-1 {
		t.Errorf("%d gone members a day after the oldest, want %d", got, MaxGone-1)
	}

	if got := len(tb.snapshot(at.Add(GoneRetention))); got != 0 {
		t.Errorf("%d gone members after a day, want 0", got)
	}
}

func TestLiveMembersAreBounded(t *testing.T) {
	tb := newTable("self", [8]byte{})
	now := time.Now()

	for i := range MaxMembers {
		p := testPeer(t, i, 0)
		if err := tb.admit(p); err != nil {
			t.Fatalf("admit(member %d) = %v", i, err)
		}

		tb.seen(p, now)
	}

	if err := tb.admit(testPeer(t, MaxMembers, 0)); err == nil {
		t.Error("admit(one too many) succeeded")
	}

	if err := tb.admit(testPeer(t, 0, 0)); err != nil {
		t.Errorf("admit(known member) = %v, want nil", err)
	}

	tb.lost(testPeer(t, 0, 0).name, now)

	if err := tb.admit(testPeer(t, MaxMembers, 0)); err != nil {
		t.Errorf("admit(into a free place) = %v, want nil", err)
	}
}

func TestAdmitRefusesNonsense(t *testing.T) {
	tb := newTable("self", [8]byte{})
	good := testPeer(t, 1, 0)

	for _, bad := range []peer{
		{name: "no token", meta: good.meta},
		{name: "a_1@h#0000000000000000", meta: good.meta},
		{name: "a_1@h#1", meta: good.meta},
		{name: "nobody#0000000000000001", meta: good.meta},
		{name: good.name, meta: good.meta[1:]},
	} {
		if err := tb.admit(bad); err == nil {
			t.Errorf("admit(%q, %x) succeeded, want an error", bad.name, bad.meta)
		}

		tb.seen(bad, time.Now())
	}

	if members := tb.snapshot(time.Now()); len(members) != 0 {
		t.Errorf("members = %v, want none", members)
	}
}

func TestClosedTableIsFrozen(t *testing.T) {
	tb := newTable("self", [8]byte{})
	now := time.Now()
	p := testPeer(t, 1, 0)

	tb.seen(p, now)
	tb.close()

	before, events := tb.snapshot(now), kinds(tb)

	tb.seen(testPeer(t, 1, FlagVoter), now)
	tb.seen(testPeer(t, 2, 0), now)
	tb.suspected(p.name, now)
	tb.lost(p.name, now)
	tb.conflict(p.name, someAddr, now)
	tb.setCluster([8]byte{1})

	if diff := cmp.Diff(before, tb.snapshot(now.Add(2*GoneRetention)), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("members changed (-before +after):\n%s", diff)
	}

	if diff := cmp.Diff(events, kinds(tb)); diff != "" {
		t.Errorf("events (-before +after):\n%s", diff)
	}
}

func TestRingDropsTheOldest(t *testing.T) {
	var r ring

	for _, tt := range []struct {
		last, since    uint64
		first, dropped uint64
		n              int
	}{
		{0, 0, 0, 0, 0},
		{3, 0, 1, 0, 3},
		{3, 2, 3, 0, 1},
		{3, 3, 0, 0, 0},
		{3, 99, 0, 0, 0},
		{MaxEvents + 5, 0, 6, 5, MaxEvents},
		{MaxEvents + 5, 3, 6, 2, MaxEvents},
		{MaxEvents + 5, 5, 6, 0, MaxEvents},
		{MaxEvents + 5, MaxEvents, MaxEvents + 1, 0, 5},
	} {
		for r.last < tt.last {
			r.add(Event{})
		}

		events, dropped := r.since(tt.since)
		if len(events) != tt.n || dropped != tt.dropped || tt.n > 0 && events[0].Seq != tt.first {
			t.Errorf("since(%d) of %d = %d events, %d dropped, want %d from %d, %d dropped",
				tt.since, tt.last, len(events), dropped, tt.n, tt.first, tt.dropped)
		}

		for i := 1; i < len(events); i++ {
			if events[i].Seq != events[i-1].Seq+1 {
				t.Errorf("event %d follows %d", events[i].Seq, events[i-1].Seq)
			}
		}
	}
}
