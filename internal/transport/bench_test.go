package transport_test

import (
	"testing"

	"github.com/segue-cluster/segue/internal/transport"
)

// BenchmarkDial is one connection, both sides: TCP, TLS, introduction, end.
func BenchmarkDial(b *testing.B) {
	keys := cluster(b)
	server := start(b, keys, nodeA, func(c *transport.Config) { c.Trace = transport.Trace{} }) // nobody reads it
	client := dialer(b, keys, nodeB, server.Addr())

	b.ReportAllocs()

	for b.Loop() {
		c, err := client.Dial(b.Context(), nodeA, transport.RPC)
		if err != nil {
			b.Fatal(err)
		}

		_ = c.Close()
	}
}
