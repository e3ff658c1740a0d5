package node

import (
	"errors"
	"fmt"

	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/internal/httpapi"
)

// health answers the probes.
type health struct{ n *Node }

var _ httpapi.Health = health{}

var (
	errStarting = errors.New("the node has joined and reads the cluster's log")
	errDraining = errors.New("draining: send requests elsewhere")
	errNoShards = errors.New("the cluster has no shards placed yet")
	errKeeper   = errors.New("this node hosts no processes")
)

// Live implements [httpapi.Health]. It never depends on others.
func (h health) Live() []httpapi.Check { return []httpapi.Check{{Name: "process"}} }

// Started implements [httpapi.Health].
func (h health) Started() []httpapi.Check {
	return []httpapi.Check{{Name: "joined", Err: h.joined()}}
}

// Ready implements [httpapi.Health].
func (h health) Ready() []httpapi.Check {
	return []httpapi.Check{{Name: "joined", Err: h.joined()}, {Name: "placed", Err: h.placed()}, {Name: "staying", Err: h.staying()}}
}

// ReadyForHandoff implements [httpapi.Health].
func (h health) ReadyForHandoff() []httpapi.Check {
	var err error
	if len(h.n.kinds) == 0 {
		err = errKeeper
	}

	return []httpapi.Check{{Name: "joined", Err: h.joined()}, {Name: "hosting", Err: err}, {Name: "staying", Err: h.staying()}}
}

func (h health) joined() error {
	select {
	case <-h.n.started:
		return nil
	default:
		return h.n.waiting()
	}
}

// waiting returns why calls cannot be made yet.
func (n *Node) waiting() error {
	if why := n.cluster.Waiting(); why != nil {
		return fmt.Errorf("the node has not joined a cluster yet: %w", why)
	}

	return errStarting
}

func (h health) placed() error {
	err := errNoShards

	h.n.cluster.Table(func(t *ownership.Table) {
		for i := range t.Shards {
			if !t.Shards[i].Owner.IsZero() {
				err = nil

				return
			}
		}
	})

	return err
}

func (h health) staying() error {
	if h.n.draining.Load() {
		return errDraining
	}

	return nil
}
