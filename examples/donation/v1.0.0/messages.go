package main

import (
	"github.com/segue-cluster/segue/examples/donation/ledger"
)

// open begins a campaign, or changes its texts.
type open struct {
	Title string `json:"title"`
	Story string `json:"story"`
}

// donate gives money. ID is counted up by those who collect, from 1 for each
// campaign.
type donate struct {
	ID    uint64 `json:"id"`
	Donor string `json:"donor"`
	Cents int64  `json:"cents"`
}

type receipt struct {
	ID    uint64 `json:"id"`
	Total int64  `json:"total"` // of the campaign, in cents
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
	Cents     int64  `json:"cents"`
	Donations uint64 `json:"donations"` // number of them
}

// history is what somebody needs who wants to check that nothing was lost and
// nothing was done twice.
type history struct {
	Cents   int64         `json:"cents"`
	Donated ledger.Ledger `json:"donated"`
	Offers  []uint64      `json:"offers"` // ids of those that stand
	Expired ledger.Ledger `json:"expired"`
}
