package wire_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/internal/wire"
)

func TestRoundTrip(t *testing.T) {
	want := newCampaign()

	b, err := wire.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}

	var got campaign
	if err := wire.Unmarshal(b, &got, wire.Limits{}); err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("Unmarshal(Marshal(v)) differs (-want +got):\n%s", diff)
	}
}
