package schema_test

import (
	"fmt"

	"github.com/segue-cluster/segue/handoff/schema"
)

// Release 1.0.0: cents, and nobody thought of currencies.
type (
	campaignV1 struct {
		Donations []donationV1
		Total     int64
	}
	donationV1 struct {
		Donor string
		Cents int64
	}
)

// Release 1.0.1: everything has a currency, and it is the same everywhere.
type (
	campaignV2 struct {
		Donations []donation
		Total     int64
		Currency  string
	}
	donation struct {
		Donor    string
		Cents    int64
		Currency string
	}
)

// Release 1.0.2: a campaign takes every currency.
type campaign struct {
	Donations []donation
	Totals    map[string]int64
	Currency  string // of the campaign's home
}

// Campaign is the definition of the state of a campaign in release 1.0.2.
var Campaign = schema.MustDefine[campaign]("campaign", 3,
	schema.Lens(1, "Amounts get a currency; so far everything was in USD.",
		schema.Convert("Donations", each(withCurrency), each(withoutCurrency)),
		schema.Add("Currency", "USD")),
	schema.Typed(2, "The total becomes one total for each currency.", splitTotal, homeTotal),
	schema.Was[campaignV1](1),
	schema.Validate(func(c campaign) error {
		sums := make(map[string]int64)
		for _, d := range c.Donations {
			sums[d.Currency] += d.Cents
		}

		for currency, total := range c.Totals {
			if sums[currency] != total {
				return fmt.Errorf("the total in %s is not the sum of its donations", currency)
			}
		}

		return nil
	}),
)

func withCurrency(d donationV1) (donation, error) {
	return donation{Donor: d.Donor, Cents: d.Cents, Currency: "USD"}, nil
}

func withoutCurrency(d donation) (donationV1, error) {
	if d.Currency != "USD" {
		return donationV1{}, fmt.Errorf("a donation is not in USD")
	}

	return donationV1{Donor: d.Donor, Cents: d.Cents}, nil
}

// each lifts a function on elements to lists. No list stays no list.
func each[A, B any](fn func(A) (B, error)) func([]A) ([]B, error) {
	return func(as []A) ([]B, error) {
		if as == nil {
			return nil, nil
		}

		bs := make([]B, len(as))

		for i, a := range as {
			b, err := fn(a)
			if err != nil {
				return nil, err
			}

			bs[i] = b
		}

		return bs, nil
	}
}

func splitTotal(_ *schema.Ctx, c campaignV2) (campaign, error) {
	return campaign{Donations: c.Donations, Totals: map[string]int64{c.Currency: c.Total}, Currency: c.Currency}, nil
}

func homeTotal(_ *schema.Ctx, c campaign) (campaignV2, error) {
	if len(c.Totals) > 1 {
		return campaignV2{}, fmt.Errorf("the campaign has donations in %d currencies", len(c.Totals))
	}

	return campaignV2{Donations: c.Donations, Total: c.Totals[c.Currency], Currency: c.Currency}, nil
}

// A state of release 1.0.0 becomes one of 1.0.2, serves, and goes back.
func Example() {
	// What the running release 1.0.0 sends.
	old := schema.MustDefine[campaignV1]("campaign", 1)

	sent, err := old.Save(&campaignV1{Donations: []donationV1{{"Ada", 500}, {"Grace", 700}}, Total: 1200}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}

	plan := Campaign.Plan(old.Manifest())
	fmt.Println(plan)

	c, err := Campaign.Load(sent, plan.Wire)
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(c.Totals, c.Donations[1])

	c.Donations = append(c.Donations, donation{"Edsger", 300, "USD"})
	c.Totals["USD"] += 300

	back, err := Campaign.Save(c, plan.Wire)
	if err != nil {
		fmt.Println(err)
		return
	}

	served, err := old.Load(back, 1)
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(served.Total, len(served.Donations))

	// What release 1.0.0 cannot say stays where it is.
	c.Donations = append(c.Donations, donation{"Tony", 100, "EUR"})
	c.Totals["EUR"] = 100
	_, err = Campaign.EncodeAs(&schema.Ctx{Process: "clean-water"}, c, 1)
	fmt.Println(err)

	// Output:
	// campaign: convert: 1 -> 2 -> 3, and back by 3 -> 2 -> 1
	// map[USD:1200] {Grace 700 USD}
	// 1500 3
	// campaign/clean-water schema 3 -> 1, step 3 -> 2 down: transform: the campaign has donations in 2 currencies
}

// A message is a kind like a state. Most have one version and one line.
func ExampleDefine_message() {
	type donate struct {
		Donor string `json:"donor" msgpack:"donor"`
		Cents int64  `json:"cents" msgpack:"cents"`
	}

	k, err := schema.Define[donate]("campaign.donate", 1)
	if err != nil {
		fmt.Println(err)
		return
	}

	v, err := k.DecodeJSON([]byte(`{"donor": "Ada", "cents": 500}`))
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Printf("%+v\n", v)

	_, err = k.DecodeJSON([]byte(`{"donor": "Ada", "amount": 500}`))
	fmt.Println(err)

	// Output:
	// &{Donor:Ada Cents:500}
	// campaign.donate schema 1: decode: unknown field "amount"
}

// A new field that no step names is found before the program serves anything.
func ExampleDefine_undeclared() {
	type session struct {
		Title   string
		Retries int32
	}

	type sessionV1 struct{ Name string }

	_, err := schema.Define[session]("session", 2,
		schema.Lens(1, "Sessions are retried."),
		schema.Was[sessionV1](1))
	fmt.Println(err)

	// Output:
	// kind "session": step 1 -> 2: nothing explains that the field Name (string) is gone: if it has a new name add schema.Rename("Name", "Title"), else schema.Drop("Name", "")
	// kind "session": step 1 -> 2: nothing explains that the field Retries (int32) is new: add schema.Add("Retries", int32(0)), or schema.Rename if it had another name
	// kind "session": step 1 -> 2: nothing explains that the field Title (string) is new: add schema.Add("Title", ""), or schema.Rename if it had another name
}

// The verdicts on two releases need no code of either.
func ExampleCompare() {
	v1, err := schema.NewRegistry(schema.MustDefine[campaignV1]("campaign", 1))
	if err != nil {
		fmt.Println(err)
		return
	}

	v3, err := schema.NewRegistry(Campaign, schema.MustDefine[int64]("visitors", 1))
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, p := range schema.Compare(v1.Manifests(), v3.Manifests()) {
		fmt.Println(p)
	}

	// Output:
	// campaign: convert: 1 -> 2 -> 3, and back by 3 -> 2 -> 1
	// visitors: park: this release does not know the kind: it holds what goes there unread and gives it back
}
