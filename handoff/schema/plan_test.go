package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/segue-cluster/segue/handoff/schema"
	"github.com/segue-cluster/segue/internal/wire"
	"github.com/segue-cluster/segue/internal/wire/wiretest"
)

// says makes a manifest whose fingerprints are given one letter for each version.
func says(kind string, oldest schema.Version, prints string, exits ...schema.Exit) schema.Manifest {
	m := schema.Manifest{Kind: kind, Oldest: oldest, Head: oldest + schema.Version(len(prints)) - 1, Exits: exits}
	for _, p := range []byte(prints) {
		m.Fingerprints = append(m.Fingerprints, schema.Fingerprint{p})
	}

	return m
}

func exit(from schema.Version, v schema.Verdict) schema.Exit {
	return schema.Exit{From: from, Verdict: v, Reason: "because"}
}

func TestPlanFor(t *testing.T) {
	a := schema.Fingerprint{'a'}
	b := schema.Fingerprint{'b'}

	tests := []struct {
		name        string
		local, peer schema.Manifest
		want        schema.Plan
		up, down    string
		reason      string
	}{
		{
			"equal", says("k", 1, "ab"), says("k", 1, "ab"),
			schema.Plan{Verdict: schema.VerdictPassThrough, Wire: 2, WireFingerprint: b},
			"", "", "both are at version 2",
		},
		{
			"equal heads of another length", says("k", 1, "ab"), says("k", 2, "b"),
			schema.Plan{Verdict: schema.VerdictPassThrough, Wire: 2, WireFingerprint: b},
			"", "", "both are at version 2",
		},
		{
			"equal heads of another shape", says("k", 1, "ab"), says("k", 1, "ac"),
			schema.Plan{Verdict: schema.VerdictDiverged},
			"", "", "version 2 is 6200000000000000 for the side at 2 and 6300000000000000 for the side at 2: one number was given to two shapes",
		},
		{
			"the peer is older", says("k", 1, "abcd"), says("k", 1, "ab"),
			schema.Plan{Verdict: schema.VerdictConvert, Wire: 2, WireFingerprint: b, Converter: schema.Local},
			"2 -> 3 -> 4", "4 -> 3 -> 2", "2 -> 3 -> 4, and back by 4 -> 3 -> 2",
		},
		{
			"the peer is newer", says("k", 1, "a"), says("k", 1, "ab"),
			schema.Plan{Verdict: schema.VerdictConvert, Wire: 1, WireFingerprint: a, Converter: schema.Peer},
			"1 -> 2", "2 -> 1", "1 -> 2, and back by 2 -> 1",
		},
		{
			"another shape in the past that is not used", says("k", 1, "abc"), says("k", 1, "xb"),
			schema.Plan{Verdict: schema.VerdictConvert, Wire: 2, WireFingerprint: b, Converter: schema.Local},
			"2 -> 3", "3 -> 2", "",
		},
		{
			"another shape where they meet", says("k", 1, "abc"), says("k", 1, "ax"),
			schema.Plan{Verdict: schema.VerdictDiverged},
			"", "", "version 2 is",
		},
		{
			"too old", says("k", 3, "cde"), says("k", 1, "ab"),
			schema.Plan{Verdict: schema.VerdictTooOld},
			"", "",
			"one side has the versions 3 to 5, the other stops at 2: go through a release that knows version 2 and one of these",
		},
		{
			"we are too old", says("k", 1, "ab"), says("k", 3, "cde"),
			schema.Plan{Verdict: schema.VerdictTooOld},
			"", "", "one side has the versions 3 to 5, the other stops at 2",
		},
		{
			"one way", says("k", 1, "abcd", exit(2, schema.VerdictOneWay), exit(3, schema.VerdictOneWay)), says("k", 1, "ab"),
			schema.Plan{Verdict: schema.VerdictOneWay, Wire: 2, WireFingerprint: b, Converter: schema.Local},
			"2 -> 3 -> 4", "", "step 2 -> 3 has no way back: because",
		},
		{
			"one way in the past", says("k", 1, "abcd", exit(1, schema.VerdictOneWay)), says("k", 1, "ab"),
			schema.Plan{Verdict: schema.VerdictConvert, Wire: 2, WireFingerprint: b, Converter: schema.Local},
			"2 -> 3 -> 4", "4 -> 3 -> 2", "",
		},
		{
			"restart after one way", says("k", 1, "ab"), says("k", 1, "abcd", exit(2, schema.VerdictOneWay), exit(3, schema.VerdictRestart)),
			schema.Plan{Verdict: schema.VerdictRestart, Wire: 2, WireFingerprint: b, Converter: schema.Peer},
			"", "", "step 3 -> 4 does not carry the state over: because",
		},
		{
			"another kind", says("k", 1, "a"), says("other", 1, "a"),
			schema.Plan{Verdict: schema.VerdictDiverged},
			"", "", `the peer answered with the kind "other"`,
		},
		{
			"nonsense from the peer", says("k", 1, "a"),
			schema.Manifest{Kind: "k", Oldest: 2, Head: 1},
			schema.Plan{Verdict: schema.VerdictDiverged},
			"", "", "the manifest of the peer makes no sense: versions 2 to 1",
		},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := schema.PlanFor(tt.local, tt.peer)

			if got.Up.String() != tt.up || got.Down.String() != tt.down {
				t.Errorf("ways = %q and %q, want %q and %q", got.Up, got.Down, tt.up, tt.down)
			}

			if !strings.HasPrefix(got.Reason, tt.reason) || got.Reason == "" {
				t.Errorf("reason = %q, want %q", got.Reason, tt.reason)
			}

			tt.want.Kind, tt.want.LocalHead, tt.want.PeerHead = "k", tt.local.Head, tt.peer.Head
			tt.want.Up, tt.want.Down, tt.want.Reason = got.Up, got.Down, got.Reason

			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("PlanFor() differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanAcceptance(t *testing.T) {
	tests := map[schema.Verdict]struct{ refused, accept bool }{
		schema.VerdictPassThrough: {false, false},
		schema.VerdictConvert:     {false, false},
		schema.VerdictPark:        {false, false},
		schema.VerdictOneWay:      {false, true},
		schema.VerdictRestart:     {false, true},
		schema.VerdictDrop:        {false, true},
		schema.VerdictTooOld:      {true, false},
		schema.VerdictDiverged:    {true, false},
	}

	for v, want := range tests {
		p := schema.Plan{Verdict: v}
		if p.Refused() != want.refused || p.NeedsAcceptance() != want.accept {
			t.Errorf("%s: Refused() = %v, NeedsAcceptance() = %v, want %+v", v, p.Refused(), p.NeedsAcceptance(), want)
		}
	}
}

// Both sides come to the same plan, whoever asks.
func TestPlanIsSymmetric(t *testing.T) {
	manifest := rapid.Custom(func(t *rapid.T) schema.Manifest {
		m := says("k", schema.Version(rapid.IntRange(0, 4).Draw(t, "oldest")), rapid.StringMatching(`[ab]{0,5}`).Draw(t, "prints"))
		for _, from := range rapid.SliceOfN(rapid.IntRange(0, 9), 0, 2).Draw(t, "exits") {
			m.Exits = append(m.Exits, exit(schema.Version(from), rapid.SampledFrom([]schema.Verdict{schema.VerdictOneWay, schema.VerdictRestart}).Draw(t, "exit")))
		}

		return m
	})

	flip := map[schema.Side]schema.Side{schema.Nobody: schema.Nobody, schema.Local: schema.Peer, schema.Peer: schema.Local}

	rapid.Check(t, func(t *rapid.T) {
		x, y := manifest.Draw(t, "x"), manifest.Draw(t, "y")
		p, q := schema.PlanFor(x, y), schema.PlanFor(y, x)
		q.LocalHead, q.PeerHead, q.Converter = q.PeerHead, q.LocalHead, flip[q.Converter]

		if p.Verdict == schema.VerdictDiverged {
			p.Reason, q.Reason = "", "" // it names the sides
		}

		if diff := cmp.Diff(p, q); diff != "" {
			t.Errorf("PlanFor(x, y) and PlanFor(y, x) differ:\n%s", diff)
		}
	})
}

func TestKindPlanDescribesItsSteps(t *testing.T) {
	p := Campaign.Plan(schema.MustDefine[campaignV1]("campaign", 1).Manifest())

	want := schema.Path{
		{From: 1, To: 2, Note: "Amounts get a currency; so far everything was in USD.", Ops: []schema.OpDoc{
			{Text: "convert Donations from []schema_test.donationV1 to []schema_test.donation", Loss: schema.LossUp | schema.LossDown},
			{Text: "add Currency", Loss: schema.LossDown},
		}},
		{From: 2, To: 3, Note: "The total becomes one total for each currency.", Ops: []schema.OpDoc{
			{Text: "turn schema_test.campaignV2 into schema_test.campaign", Loss: schema.LossUp | schema.LossDown},
		}},
	}
	if diff := cmp.Diff(want, p.Up); diff != "" {
		t.Errorf("Up differs (-want +got):\n%s", diff)
	}

	slices.Reverse(want)

	for i := range want {
		want[i].From, want[i].To = want[i].To, want[i].From
	}

	if diff := cmp.Diff(want, p.Down); diff != "" {
		t.Errorf("Down differs (-want +got):\n%s", diff)
	}

	if !p.Up.Loss() || !p.Down.Loss() {
		t.Errorf("Loss() = %v up, %v down, want both", p.Up.Loss(), p.Down.Loss())
	}

	adds := schema.MustDefine[struct{ A, B int }]("k", 2, schema.Lens(1, "B is new.", schema.Add("B", 0)))

	p = adds.Plan(schema.MustDefine[struct{ A int }]("k", 1).Manifest())
	if p.Up.Loss() || !p.Down.Loss() {
		t.Errorf("Loss() = %v up, %v down, want it down only", p.Up.Loss(), p.Down.Loss())
	}
}

func TestCompare(t *testing.T) {
	drop, restart, odd := says("drop", 1, "a"), says("restart", 1, "a"), says("odd", 1, "a")
	drop.Unknown, restart.Unknown, odd.Unknown = schema.VerdictDrop, schema.VerdictRestart, "explode"

	local := []schema.Manifest{says("zebra", 1, "a"), says("both", 1, "ab"), drop, says("twice", 1, "a"), odd}
	peer := []schema.Manifest{says("both", 1, "a"), restart, says("new.msg", 1, "a"), says("twice", 1, "a"), says("twice", 1, "b")}

	var got []string
	for _, p := range schema.Compare(local, peer) {
		got = append(got, p.String())
	}

	want := []string{
		"both: convert: 1 -> 2, and back by 2 -> 1",
		"drop: drop: the peer does not know the kind: what goes there is thrown away",
		"new.msg: park: this release does not know the kind: it holds what goes there unread and gives it back",
		`odd: diverged: its manifest makes no sense: "explode" is not a verdict on an unknown kind`,
		"restart: restart: this release does not know the kind: what goes there starts anew when it comes back",
		"twice: diverged: a manifest lists the kind twice",
		"zebra: park: the peer does not know the kind: it holds what goes there unread and gives it back",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Compare() differs (-want +got):\n%s", diff)
	}
}

func TestManifestValidate(t *testing.T) {
	long := exit(1, schema.VerdictOneWay)
	long.Reason = strings.Repeat("x", schema.MaxReason+1)

	ext := says("k", 1, "a")
	ext.Ext = map[string][]byte{"later": {1}}

	tests := []struct {
		name string
		m    schema.Manifest
		want string // "" if valid
	}{
		{"good", says("kind.message.reply", 3, "abc", exit(3, schema.VerdictOneWay), exit(4, schema.VerdictRestart)), ""},
		{"unknown entry", ext, ""},
		{"longest", says("k", 1, strings.Repeat("a", schema.MaxVersions)), ""},
		{"too long", says("k", 1, strings.Repeat("a", schema.MaxVersions+1)), "versions 1 to 1025"},
		{"name", says("K", 1, "a"), `"K" does not match`},
		{"version 0", says("k", 0, "ab"), "versions 0 to 1"},
		{"huge", schema.Manifest{Kind: "k", Oldest: 1, Head: 1<<32 - 1}, "versions 1 to 4294967295"},
		{"fingerprints", schema.Manifest{Kind: "k", Oldest: 1, Head: 2, Fingerprints: make([]schema.Fingerprint, 3)}, "3 fingerprints for 2 versions"},
		{"zero fingerprint", says("k", 1, "a\x00"), "a fingerprint is zero"},
		{"exit at the head", says("k", 1, "ab", exit(2, schema.VerdictOneWay)), "exit 0 leaves version 2"},
		{"exits out of order", says("k", 1, "abc", exit(2, schema.VerdictOneWay), exit(1, schema.VerdictOneWay)), "exit 1 leaves version 1"},
		{"exit to nowhere", says("k", 1, "ab", exit(1, schema.VerdictPark)), `exit 0: "park" is not a verdict on a step`},
		{"reason", says("k", 1, "ab", long), "a reason of 1025 bytes"},
	}

	for _, tt := range tests {
		err := tt.m.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Validate() = %v, want %q", tt.name, err, tt.want)
		}
	}

	if f, ok := says("k", 3, "abc").Fingerprint(4); !ok || f != (schema.Fingerprint{'b'}) {
		t.Errorf("Fingerprint(4) = %v, %v", f, ok)
	}

	for _, v := range []schema.Version{0, 2, 6} {
		if _, ok := says("k", 3, "abc").Fingerprint(v); ok {
			t.Errorf("Fingerprint(%d) of versions 3 to 5 = true", v)
		}
	}
}

// The manifest is wire: what a release wrote, every later one reads.
func TestManifestGolden(t *testing.T) {
	full := says("session.ask", 2, "bcd", exit(3, schema.VerdictOneWay))
	full.Unknown = schema.VerdictRestart
	full.Ext = map[string][]byte{"later": {1, 2, 3}}

	for name, m := range map[string]schema.Manifest{"manifest": Session.Manifest(), "manifest_full": full} {
		b, err := wire.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}

		wiretest.Golden(t, name, b)

		var got schema.Manifest
		if err := wire.Unmarshal(b, &got, wire.ControlLimits()); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(m, got); diff != "" {
			t.Errorf("%s: what is read differs (-want +got):\n%s", name, diff)
		}

		if err := got.Validate(); err != nil {
			t.Errorf("%s: Validate() = %v", name, err)
		}
	}
}

func TestRegistry(t *testing.T) {
	donate := schema.MustDefine[donation]("campaign.donate", 1)
	receipt := schema.MustDefine[int64]("campaign.donate.reply", 1)

	r, err := schema.NewRegistry(donate, Campaign, receipt, donate)
	if err != nil {
		t.Fatal(err)
	}

	names := []string{"campaign", "campaign.donate", "campaign.donate.reply"}
	if diff := cmp.Diff(names, r.Names()); diff != "" {
		t.Errorf("Names() differs (-want +got):\n%s", diff)
	}

	if s, ok := r.Get("campaign"); !ok || s != schema.Schema(Campaign) {
		t.Errorf("Get(campaign) = %v, %v", s, ok)
	}

	if _, ok := r.Get("nobody"); ok {
		t.Error("Get(nobody) = true")
	}

	ms := r.Manifests()
	if len(ms) != 3 || ms[0].Kind != "campaign" || ms[0].Head != 3 || ms[0].Oldest != 1 {
		t.Errorf("Manifests() = %+v", ms)
	}

	plans := r.Compare([]schema.Manifest{schema.MustDefine[campaignV1]("campaign", 1).Manifest(), says("visitors", 1, "a")})

	var got []string
	for _, p := range plans {
		got = append(got, p.Kind+" "+string(p.Verdict))
	}

	want := []string{"campaign convert", "campaign.donate park", "campaign.donate.reply park", "visitors park"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Compare() differs (-want +got):\n%s", diff)
	}

	if plans[0].Up[0].Note == "" {
		t.Error("Compare() does not describe the steps of this side")
	}

	_, err = schema.NewRegistry(donate, nil, schema.MustDefine[int]("campaign.donate", 1), schema.MustDefine[string]("campaign.donate", 1))
	if err == nil || strings.Count(err.Error(), `two schemas are called "campaign.donate"`) != 2 || !strings.Contains(err.Error(), "schema 2 is nil") {
		t.Errorf("NewRegistry() = %v, want it to report every problem", err)
	}
}
