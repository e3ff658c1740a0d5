package main

import (
	"errors"

	"github.com/segue-cluster/segue/examples/donation/ledger"
	"github.com/segue-cluster/segue/handoff/schema"
)

// maxLatest is how many donations a campaign shows one by one.
const maxLatest = 12

// campaign is the state of one campaign, about a kilobyte.
type campaign struct {
	Title, Story string
	Currency     string        // of the campaign and all its donations
	Donations    []donation    // the latest
	Total        int64         // of all donations, in cents
	Donated      ledger.Ledger // ids of all donations
	Offers       []offer       // that stand
	Expired      ledger.Ledger // ids of the offers that stood
}

type donation struct {
	ID       uint64
	Donor    string
	Cents    int64
	Currency string
}

// offer is the word of a sponsor to match donations, until it expires.
type offer struct {
	ID      uint64
	Sponsor string
	Cents   int64
}

// campaignSchema describes the state of this release, and how it comes about
// from that of older ones.
func campaignSchema() *schema.Kind[campaign] {
	return schema.MustDefine[campaign]("campaign", 2,
		currencyStep(),
		schema.Validate(validate),
	)
}

// validate refuses a state that no turn can lead to.
func validate(c campaign) error {
	if len(c.Donations) > maxLatest || len(c.Offers) > maxOffers {
		return errors.New("more donations or offers than there can be")
	}

	if c.Currency == "" {
		return errors.New("a campaign has a currency")
	}

	return errors.Join(c.Donated.Validate(), c.Expired.Validate())
}
