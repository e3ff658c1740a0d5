package consensus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/consensus"
)

// A counter is a machine that counts its entries.
type counter struct{ n int }

func (c *counter) Apply(_ uint64, data []byte) any {
	c.n++

	return fmt.Sprintf("%s is number %d", data, c.n)
}

func (c *counter) Snapshot() (io.WriterTo, error) {
	return strings.NewReader(fmt.Sprint(c.n)), nil
}

func (c *counter) Restore(r io.Reader) error {
	_, err := fmt.Fscan(r, &c.n)

	return err
}

// A cluster of one node in memory.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	var lc net.ListenConfig

	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)

		return
	}

	node, err := consensus.New(consensus.Config{
		Store:   consensus.MemoryStore(),
		Machine: &counter{},
		Dial: func(context.Context, segue.NodeID) (net.Conn, error) {
			return nil, errors.New("there are no other nodes")
		},
		Listener: listener,
		OnFatal:  func(err error) { fmt.Println(err) }, // a program exits here
		Timing:   consensus.Timing{Heartbeat: 20 * time.Millisecond},
	})
	if err != nil {
		fmt.Println(err)

		return
	}

	ended := make(chan error)

	if err := node.Bootstrap(ctx, []segue.NodeID{node.ID()}); err != nil {
		fmt.Println(err)
	}

	go func() { ended <- node.Run(ctx) }()

	for changed := node.LeaderChanged(); !node.IsLeader(); changed = node.LeaderChanged() {
		<-changed
	}

	_, result, err := node.Propose(ctx, []byte("this entry"))
	fmt.Println(result, err)

	cancel()
	fmt.Println(<-ended)
	// Output:
	// this entry is number 1 <nil>
	// <nil>
}
