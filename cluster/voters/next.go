package voters

import (
	"fmt"
	"slices"

	"github.com/segue-cluster/segue"
)

// Next returns the next change of the configuration. The leader calls it again
// after each change and each poll, and carries out one action at a time.
func (c Config) Next(v View) Action {
	if !v.Table.Formed() {
		return Action{}
	}

	k := c.filled().council(&v)

	switch {
	case k.leader.id != v.Leader || v.Leader.IsZero():
		return wait("the leader is not a voter")
	case v.Commit < v.ConfigIndex:
		return wait("the last change of the configuration is not committed")
	}

	if a := k.rescue(); a.Kind != None {
		return a
	}

	if a := k.unsettled(); a.Kind != None {
		return a
	}

	// A newcomer needs time to catch up, so it is added first; but between two
	// odd numbers of voters nothing comes between.
	vote := k.vote()
	if len(k.newcomer) > 0 && (len(k.voters)%2 == 1 || vote.Idle()) {
		return act(AddNonvoter, &k.newcomer[0], "it is a member")
	}

	if !vote.Idle() {
		return vote
	}

	for i := range k.others {
		if x := &k.others[i]; x.fate == gone || x.fate == leaves {
			return act(Remove, x, "it has gone or leaves, and does not vote")
		}
	}

	return vote
}

// rescue keeps the lead in an even configuration of which half is silent.
func (k *council) rescue() Action {
	silent := with(k.voters, func(x *seat) bool { return x.silent })
	if n := len(k.voters); n%2 == 1 || len(silent) != n/2 {
		return Action{}
	}

	for _, f := range []fate{gone, leaves, absent} {
		if i := slices.IndexFunc(silent, func(x seat) bool { return x.fate == f }); i >= 0 {
			return act(Remove, &silent[i], "half of the voters are silent, and it does not stay")
		}
	}

	return act(Remove, &silent[len(silent)-1], "half of the voters are silent")
}

// unsettled waits for voters that do not follow yet, or not any more.
func (k *council) unsettled() Action {
	if unsure := with(k.voters, func(x *seat) bool { return x.unsure && x.fate == stays }); len(unsure) > 0 {
		return wait(unsure[0].name() + " has not applied the configuration yet")
	}

	if n, live := k.count(); live < quorum(n) {
		return wait(fmt.Sprintf("only %d of %d voters follow", live, n))
	}

	return Action{}
}

// count returns the number of voters, and of those that follow.
func (k *council) count() (n, live int) {
	return len(k.voters), len(with(k.voters, func(x *seat) bool { return x.live }))
}

// vote returns what to do about the voters.
func (k *council) vote() Action {
	n, live := k.count()
	replace := k.replace(n, live)

	switch {
	case !replace.Idle():
		return replace
	case k.leader.fate != stays:
		return k.transfer()
	}

	if shrink := k.shrink(n, live); replace.Kind == None || !shrink.Idle() {
		return shrink
	}

	return replace
}

// replace removes voters that do not stay, and promotes others for them.
func (k *council) replace(n, live int) Action {
	removable := func(f fate) []seat {
		return with(k.voters, func(x *seat) bool { return x.fate == f && x.id != k.leader.id && may(x, n, live) })
	}

	spare := n > k.wanted || n%2 == 0 // an even number is worth no more than the odd one below it

	if dead := removable(gone); len(dead) > 0 {
		return act(Remove, &dead[0], "it does not come back")
	}

	if lost := removable(absent); spare && len(lost) > 0 {
		return act(Remove, &lost[0], "it is dead and was replaced")
	}

	leaving := removable(leaves)
	if n > k.wanted && len(leaving) > 0 {
		return act(Remove, &leaving[len(leaving)-1], "it leaves and was replaced")
	}

	if best := k.candidate(n, live); best != nil {
		return act(Promote, best, fmt.Sprintf("%d voters stay, %d are wanted", len(k.staying()), k.wanted))
	}

	return k.release(n, live, removable)
}

// release lets a voter go that leaves, without a replacement.
func (k *council) release(n, live int, removable func(fate) []seat) Action {
	leaving := with(k.voters, func(x *seat) bool { return x.fate == leaves && x.id != k.leader.id })
	if len(leaving) == 0 {
		return Action{}
	}

	x := &leaving[len(leaving)-1]
	if asked := k.view.Leaving[x.id]; k.view.Now.Sub(asked) < k.cfg.Patience && len(k.staying()) < k.wanted && len(k.coming()) > 0 {
		return wait(x.name() + " leaves once another node has caught up")
	}

	if may(x, n, live) {
		return act(Remove, x, "it leaves and nobody can replace it")
	}

	// It will go anyhow. Without the dead voter a quorum can do without it.
	if lost := removable(absent); len(lost) > 0 {
		return act(Remove, &lost[0], "it is dead, and "+x.name()+" leaves as well")
	}

	return wait(x.name() + " leaves, but a quorum needs it")
}

// candidate returns the nonvoter that should vote next, nil if none should.
func (k *council) candidate(n, live int) *seat {
	stay := len(k.staying())
	ready := with(k.others, func(x *seat) bool { return x.ready && x.fate == stays })
	reach := min(k.wanted, stay+len(ready))

	// With nobody to replace there is no haste: votes are given in pairs, and not
	// while a silent voter makes the cluster depend on all others.
	if stay == n {
		reach = odd(reach)

		if n%2 == 1 && n > 1 && live == quorum(n) {
			return nil
		}
	}

	if stay >= reach {
		return nil
	}

	return &ready[0]
}

// transfer hands leadership to a voter that stays.
func (k *council) transfer() Action {
	heirs := with(k.voters, func(x *seat) bool { return x.fate == stays && x.near && x.id != k.leader.id })
	if len(heirs) == 0 {
		return wait("the leader leaves, and no voter that stays has caught up")
	}

	return act(Transfer, &heirs[0], "the leader leaves")
}

// shrink removes a voter that is one too many.
func (k *council) shrink(n, live int) Action {
	stay := k.staying()
	reach := odd(min(k.wanted, len(stay)+len(k.coming())))

	if over := len(stay) > k.wanted; !over && (len(stay) < n || len(stay) <= reach) {
		return Action{}
	}

	surplus := with(stay, func(x *seat) bool { return x.id != k.leader.id && may(x, n, live) })
	if len(surplus) == 0 {
		return wait("there are more voters than wanted, but a quorum needs them")
	}

	reason := fmt.Sprintf("%d voters, %d are wanted", n, reach)
	if dead := with(surplus, func(x *seat) bool { return x.silent }); len(dead) > 0 {
		return act(Remove, &dead[len(dead)-1], reason)
	}

	return act(Remove, &surplus[len(surplus)-1], reason)
}

// staying returns the voters that stay.
func (k *council) staying() []seat {
	return with(k.voters, func(x *seat) bool { return x.fate == stays })
}

// coming returns the nodes that may vote one day.
func (k *council) coming() []seat {
	return append(with(k.others, func(x *seat) bool { return x.fate == stays && !x.silent }), k.newcomer...)
}

// may reports whether a quorum of the rest follows when x is removed.
func may(x *seat, n, live int) bool {
	if x.live {
		live--
	}

	return live >= quorum(n-1)
}

func with(seats []seat, accept func(*seat) bool) []seat {
	var found []seat

	for i := range seats {
		if accept(&seats[i]) {
			found = append(found, seats[i])
		}
	}

	return found
}

func act(kind Kind, x *seat, why string) Action {
	return Action{Kind: kind, Node: x.id, Reason: x.name() + ": " + why}
}

func wait(why string) Action { return Action{Kind: Wait, Node: segue.NodeID{}, Reason: why} }
