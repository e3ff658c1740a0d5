package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/segue-cluster/segue/node"
)

// Limits of what a campaign takes.
const (
	maxText     = 2000          // bytes
	maxName     = 80            // bytes
	maxCents    = 1_000_000_000 // of one donation or offer
	maxOffers   = 8             // that stand at the same time
	maxStanding = 24 * time.Hour
)

// campaignKind joins the state, the messages and their handlers. Handlers look
// at everything before they change anything: what a turn changed stands, also
// if it answers with an error.
func campaignKind() node.Kind {
	return node.NewKind(campaignSchema(),
		node.On("open", handleOpen),
		node.On("donate", handleDonate),
		node.On("offer", handleOffer),
		node.On("expire", handleExpire),
		node.Query("total", handleTotal),
		node.Query("history", handleHistory),
	)
}

func handleOpen(_ *node.Turn, c *campaign, m open) (struct{}, error) {
	if m.Title == "" || len(m.Title) > maxName || len(m.Story) > maxText {
		return struct{}{}, fmt.Errorf("want a title of 1 to %d bytes and a story of at most %d", maxName, maxText)
	}

	c.Title, c.Story = m.Title, m.Story

	return struct{}{}, nil
}

func handleDonate(_ *node.Turn, c *campaign, m donate) (receipt, error) {
	if err := checkGift(m.ID, m.Donor, m.Cents); err != nil {
		return receipt{}, err
	}

	if err := c.Donated.Add(m.ID); err != nil {
		return receipt{}, err
	}

	if c.Donations = append(c.Donations, donation(m)); len(c.Donations) > maxLatest {
		c.Donations = slices.Delete(c.Donations, 0, 1)
	}

	c.Total += m.Cents

	return receipt{ID: m.ID, Total: c.Total}, nil
}

// handleOffer starts the timer that ends the offer. The timer is part of the
// process: it moves with it, and fires once.
func handleOffer(t *node.Turn, c *campaign, m makeOffer) (struct{}, error) {
	if err := checkGift(m.ID, m.Sponsor, m.Cents); err != nil {
		return struct{}{}, err
	}

	stands := time.Duration(m.Millis) * time.Millisecond

	switch {
	case m.Millis <= 0 || m.Millis > maxStanding.Milliseconds():
		return struct{}{}, fmt.Errorf("an offer stands for 1 ms to %v", maxStanding)
	case len(c.Offers) >= maxOffers:
		return struct{}{}, fmt.Errorf("%d offers stand already", maxOffers)
	case c.Expired.Has(m.ID) || slices.ContainsFunc(c.Offers, func(o offer) bool { return o.ID == m.ID }):
		return struct{}{}, fmt.Errorf("offer %d was made before", m.ID)
	}

	if err := t.After(fmt.Sprintf("offer/%d", m.ID), stands, expire{m.ID}); err != nil {
		return struct{}{}, err
	}

	c.Offers = append(c.Offers, offer{m.ID, m.Sponsor, m.Cents})

	return struct{}{}, nil
}

func handleExpire(_ *node.Turn, c *campaign, m expire) (struct{}, error) {
	i := slices.IndexFunc(c.Offers, func(o offer) bool { return o.ID == m.Offer })
	if i < 0 && !c.Expired.Has(m.Offer) {
		return struct{}{}, fmt.Errorf("there is no offer %d", m.Offer)
	}

	if err := c.Expired.Add(m.Offer); err != nil { // also if it expired before: then it is noted as such
		return struct{}{}, err
	}

	if i >= 0 {
		c.Offers = slices.Delete(c.Offers, i, i+1)
	}

	return struct{}{}, nil
}

func handleTotal(_ *node.Turn, c *campaign, _ struct{}) (total, error) {
	return total{Cents: c.Total, Donations: c.Donated.Len()}, nil
}

func handleHistory(_ *node.Turn, c *campaign, _ struct{}) (history, error) {
	h := history{Cents: c.Total, Donated: c.Donated, Expired: c.Expired}
	for _, o := range c.Offers {
		h.Offers = append(h.Offers, o.ID)
	}

	return h, nil
}

// checkGift checks what donations and offers have in common.
func checkGift(id uint64, name string, cents int64) error {
	switch {
	case id == 0:
		return fmt.Errorf("an id is missing: count them up from 1")
	case name == "" || len(name) > maxName:
		return fmt.Errorf("want a name of 1 to %d bytes", maxName)
	case cents <= 0 || cents > maxCents:
		return fmt.Errorf("%d cents: want 1 to %d", cents, maxCents)
	}

	return nil
}
