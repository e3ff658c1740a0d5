package gossip

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/segue-cluster/segue"
)

// gossipName is the name of one start of a node in gossip: "name#token", the
// token being 16 hexadecimal digits. A name that is unique per start is never
// in conflict with the entry that a crash left behind. Wire.
func gossipName(name segue.NodeName, start uint64) string {
	return fmt.Sprintf("%s#%016x", name, start)
}

// parseGossipName reads what gossipName wrote.
func parseGossipName(s string) (segue.NodeName, uint64, error) {
	i := strings.LastIndexByte(s, '#')
	if i < 0 {
		return segue.NodeName{}, 0, fmt.Errorf("gossip name %q has no start token", s)
	}

	start, err := strconv.ParseUint(s[i+1:], 16, 64)
	if err != nil || start == 0 || len(s)-i-1 != 16 {
		return segue.NodeName{}, 0, fmt.Errorf("gossip name %q does not end in a start token of 16 hexadecimal digits", s)
	}

	name, err := segue.ParseNodeName(s[:i])
	if err != nil {
		return segue.NodeName{}, 0, err
	}

	return name, start, nil
}
