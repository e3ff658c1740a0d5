package rpc_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/wire"
)

// tlsPair returns two ends of a TLS connection over loopback.
func tlsPair(tb testing.TB) (client, server net.Conn) {
	tb.Helper()

	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}

	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"peer"}}

	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		tb.Fatal(err)
	}

	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}

	roots := x509.NewCertPool()
	roots.AddCert(cert)

	client, server = tcpPair(tb)
	client = tls.Client(client, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: "peer"})
	server = tls.Server(server, &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
	})

	return client, server
}

func tcpPair(tb testing.TB) (client, server net.Conn) {
	tb.Helper()

	var lc net.ListenConfig

	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()

	var d net.Dialer

	client, err = d.DialContext(tb.Context(), "tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}

	server, err = l.Accept()
	if err != nil {
		tb.Fatal(err)
	}

	return client, server
}

func echo(_ context.Context, _ wire.FrameType, body []byte, reply func(wire.FrameType, []byte)) {
	reply(wire.Reply, body)
}

// BenchmarkRoundTrips counts round trips of 64 bytes over one TLS connection on
// loopback, both ends in this process.
func BenchmarkRoundTrips(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			client, server := tlsPair(b)
			c := newConn(b, client, rpc.Config{})
			stop := serve(b, newConn(b, server, rpc.Config{Handler: echo}), c)

			roundTrips(b, callers, func(body []byte) error {
				_, _, err := c.Do(b.Context(), wire.Call, body)

				return err
			})
			stop()
		})
	}
}

// BenchmarkPool is the same by way of a Pool.
func BenchmarkPool(b *testing.B) {
	client, server := tlsPair(b)

	p, err := rpc.NewPool(rpc.PoolConfig{Dial: func(context.Context, segue.NodeID) (net.Conn, error) { return client, nil }})
	if err != nil {
		b.Fatal(err)
	}

	stop := serve(b, newConn(b, server, rpc.Config{Handler: echo}), p)

	roundTrips(b, 64, func(body []byte) error {
		_, _, err := p.Do(b.Context(), nodeA, wire.Call, body)

		return err
	})
	stop()
}

type runner interface {
	Run(ctx context.Context) error
}

// serve runs parts until stop is called.
func serve(b *testing.B, parts ...runner) (stop func()) {
	b.Helper()

	ctx, cancel := context.WithCancel(b.Context())

	var wg sync.WaitGroup

	for _, part := range parts {
		wg.Go(func() {
			if err := part.Run(ctx); err != nil {
				b.Errorf("Run() = %v, want nil", err)
			}
		})
	}

	return func() {
		cancel()
		wg.Wait()
	}
}

// roundTrips shares b.N calls among callers.
func roundTrips(b *testing.B, callers int, do func(body []byte) error) {
	b.Helper()

	var (
		wg   sync.WaitGroup
		left atomic.Int64
	)

	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()

	for range callers {
		wg.Go(func() {
			body := bytes.Repeat([]byte{7}, 64)

			for left.Add(-1) >= 0 {
				if err := do(body); err != nil {
					b.Errorf("Do() = %v, want no error", err)

					return
				}
			}
		})
	}

	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "trips/s")
}

func newConn(tb testing.TB, nc net.Conn, cfg rpc.Config) *rpc.Conn {
	tb.Helper()

	c, err := rpc.NewConn(nc, cfg)
	if err != nil {
		tb.Fatalf("NewConn() = %v, want no error", err)
	}

	return c
}
