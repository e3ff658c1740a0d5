package main

import (
	"github.com/segue-cluster/segue/examples/donation/ledger"
)

// open begins a campaign, or changes its texts. The currency can be chosen as
// long as nothing was donated; donations may be in others.
type open struct {
	Title    string `json:"title"`
	Story    string `json:"story"`
	Currency string `json:"currency"` // optional
}

// donate gives money. ID is counted up by those who collect, from 1 for each
// campaign.
type donate struct {
	ID       uint64 `json:"id"`
	Donor    string `json:"donor"`
	Cents    int64  `json:"cents"`
	Currency string `json:"currency"` // optional: that of the campaign
}

type receipt struct {
	ID       uint64 `json:"id"`
	Total    int64  `json:"total"` // of the campaign in that currency, in cents
	Currency string `json:"currency"`
}

// makeOffer makes an [offer] that expires by itself.
type makeOffer struct {
	ID      uint64 `json:"id"` // counted up, like those of donations
	Sponsor string `json:"sponsor"`
	Cents   int64  `json:"cents"`
	Millis  int64  `json:"millis"` // how long it stands
}

// expire is what a campaign sends to itself when an offer ends.
type expire struct {
	Offer uint64 `json:"offer"`
}

type total struct {
	Cents     int64            `json:"cents"`     // in the campaign's currency
	Donations uint64           `json:"donations"` // number of them
	Currency  string           `json:"currency"`
	Totals    map[string]int64 `json:"totals"` // cents by currency
}

// history is what somebody needs who wants to check that nothing was lost and
// nothing was done twice.
type history struct {
	Cents   int64         `json:"cents"` // in the campaign's currency
	Donated ledger.Ledger `json:"donated"`
	Offers  []uint64      `json:"offers"` // ids of those that stand
	Expired ledger.Ledger `json:"expired"`
}
