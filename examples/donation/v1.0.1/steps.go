package main

import (
	"fmt"

	"github.com/segue-cluster/segue/handoff/schema"
)

// home is the currency of release 1.0.0, which knew no other and did not say.
const home = "USD"

// donationV1 is a donation as release 1.0.0 keeps it.
type donationV1 struct {
	ID    uint64
	Donor string
	Cents int64
}

// currencyStep leads from the state of release 1.0.0 to that of 1.0.1, and
// back. A campaign in another currency cannot go back: release 1.0.0 would take
// its cents for those of a dollar.
func currencyStep() schema.Part {
	return schema.Lens(1, "Campaigns and donations get a currency; so far all was in "+home+".",
		schema.Convert("Donations", each(withCurrency), each(withoutCurrency)),
		schema.Add("Currency", home),
		schema.Convert("Currency", same, onlyHome),
	)
}

func withCurrency(d donationV1) (donation, error) {
	return donation{ID: d.ID, Donor: d.Donor, Cents: d.Cents, Currency: home}, nil
}

func withoutCurrency(d donation) (donationV1, error) {
	_, err := onlyHome(d.Currency)

	return donationV1{ID: d.ID, Donor: d.Donor, Cents: d.Cents}, err
}

func same(currency string) (string, error) { return currency, nil }

// onlyHome refuses what release 1.0.0 cannot express.
func onlyHome(currency string) (string, error) {
	if currency != home && currency != "" {
		return "", fmt.Errorf("it is in %s, and release 1.0.0 knows only %s", currency, home)
	}

	return currency, nil
}

// messageStep leads from a message without a currency to one with it. An empty
// one is that of the campaign, which is what release 1.0.0 means too.
func messageStep() schema.Part {
	return schema.Lens(1, "The message gets a currency; empty is that of the campaign.",
		schema.Add("Currency", ""),
		schema.Convert("Currency", same, onlyHome),
	)
}

// replyStep is the same for replies: a release that does not know currencies
// is not told about them.
func replyStep() schema.Part {
	return schema.Lens(1, "The reply names the currency.", schema.Add("Currency", home))
}

// each makes a step for a list from one for its elements. No list stays no
// list.
func each[A, B any](step func(A) (B, error)) func([]A) ([]B, error) {
	return func(as []A) ([]B, error) {
		if as == nil {
			return nil, nil
		}

		bs := make([]B, len(as))

		for i, a := range as {
			b, err := step(a)
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}

			bs[i] = b
		}

		return bs, nil
	}
}
