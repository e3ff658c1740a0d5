package gossip

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// namesakes returns the other live members with the name of r.
func (t *table) namesakes(r *record) []*record {
	var others []*record

	for _, o := range t.records {
		if o != r && o.Name == r.Name && o.Status.Live() {
			others = append(others, o)
		}
	}

	return others
}

// snapshot returns all members, by name and then by start token.
func (t *table) snapshot(now time.Time) []Member {
	t.mu.Lock()
	defer t.mu.Unlock()

	if !t.closed {
		t.prune(now)
	}

	members := make([]Member, 0, len(t.records))
	for _, name := range slices.Sorted(maps.Keys(t.records)) {
		members = append(members, t.records[name].Member)
	}

	return members
}

func (t *table) changes() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.changed
}

func (t *table) eventsSince(seq uint64) ([]Event, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.events.since(seq)
}

// takeForeign returns the last member of another cluster that was refused
// since the last call.
func (t *table) takeForeign() string {
	t.mu.Lock()
	defer t.mu.Unlock()

	name := t.foreign
	t.foreign = ""

	return name
}

// dataAddr is where the data port is reached.
func dataAddr(gossip netip.AddrPort, m Meta) string {
	if m.DataPort == 0 {
		return ""
	}

	host := m.DataHost
	if host == "" {
		host = gossip.Addr().String()
	}

	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(int(m.DataPort)))
}
