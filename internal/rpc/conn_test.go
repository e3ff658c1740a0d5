package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRepliesInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 10)
		e := start(t, rpc.Config{}, rpc.Config{Handler: in.handle})

		first := do(t.Context(), e.client, "one")
		a := <-in
		second := do(t.Context(), e.client, "two")
		b := <-in

		if a.typ != wire.Call || a.body != "one" || b.body != "two" {
			t.Errorf("requests were %v, %q, %q, want CALL, one, two", a.typ, a.body, b.body)
		}

		b.reply(wire.Redirect, []byte("elsewhere"))
		wantReply(t, <-second, wire.Redirect, "elsewhere")
		a.reply(wire.Reply, []byte("done"))
		a.reply(wire.Reply, []byte("again")) // has no effect
		wantReply(t, <-first, wire.Reply, "done")

		third := do(t.Context(), e.client, "three")
		(<-in).reply(wire.Answer, nil)
		wantReply(t, <-third, wire.Answer, "")

		if err := e.client.Send(t.Context(), wire.Request, []byte("no reply")); err != nil {
			t.Errorf("Send() = %v, want no error", err)
		}

		oneWay := <-in
		if oneWay.typ != wire.Request || oneWay.body != "no reply" {
			t.Errorf("Send() arrived as %v, %q", oneWay.typ, oneWay.body)
		}

		oneWay.reply(wire.Answer, []byte("ignored"))
	})
}

func TestBothEndsAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t, rpc.Config{Handler: echo}, rpc.Config{Handler: echo})

		var wg sync.WaitGroup

		for i, c := range []*rpc.Conn{e.client, e.server} {
			for j := range 50 {
				wg.Go(func() {
					body := fmt.Sprintf("%d/%d", i, j)
					wantReply(t, <-do(t.Context(), c, body), wire.Reply, body)
				})
			}
		}

		wg.Wait()
	})
}

func TestBodiesOfEverySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t, rpc.Config{}, rpc.Config{Handler: echo})
		limit := wire.MaxPayload - 8

		var wg sync.WaitGroup

		for _, n := range []int{0, 1, 1 << 10, 1<<20 - 8, 1 << 20, 3<<20 + 1, limit} {
			wg.Go(func() {
				body := strings.Repeat("b", n)
				wantReply(t, <-do(t.Context(), e.client, body), wire.Reply, body)
			})
		}

		wg.Wait()

		_, _, err := e.client.Do(t.Context(), wire.Call, make([]byte, limit+1))
		wantError(t, err, segue.ErrTooLarge)
		_, _, err = e.client.Do(t.Context(), wire.Reply, nil)
		wantError(t, err, segue.ErrBadRequest)
		wantError(t, e.client.Send(t.Context(), wire.Ping, nil), segue.ErrBadRequest)
	})
}

// Whatever a handler does with reply, the caller gets an outcome.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := make([]byte, wire.MaxControl)
		handler := func(_ context.Context, _ wire.FrameType, body []byte, reply func(wire.FrameType, []byte)) {
			switch string(body) {
			case "type":
				reply(wire.Ping, nil)
			case "size":
				reply(wire.Redirect, large)
			}
		}
		e := start(t, rpc.Config{}, rpc.Config{Handler: handler})

		wantError(t, (<-do(t.Context(), e.client, "type")).err, segue.ErrInternal)
		wantError(t, (<-do(t.Context(), e.client, "size")).err, segue.ErrTooLarge)
		wantError(t, (<-do(t.Context(), e.server, "client serves nothing")).err, segue.ErrUnsupported)

		if err := e.server.Send(t.Context(), wire.Call, nil); err != nil {
			t.Errorf("Send() = %v, want no error", err)
		}
	})
}

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 10)
		e := start(t, rpc.Config{}, rpc.Config{Handler: in.handle})
		cause := errors.New("enough")

		ctx, cancel := context.WithCancelCause(t.Context())
		sent := do(ctx, e.client, "sent")
		late := <-in

		cancel(cause)
		wantError(t, (<-sent).err, segue.ErrOutcomeUnknown, cause)
		late.reply(wire.Reply, []byte("late"))

		_, _, err := e.client.Do(ctx, wire.Call, nil)
		wantError(t, err, segue.ErrRetry, cause)

		ctx, cancelTimeout := context.WithTimeout(t.Context(), time.Second)
		defer cancelTimeout()

		wantError(t, (<-do(ctx, e.client, "slow")).err, segue.ErrOutcomeUnknown, context.DeadlineExceeded)

		// The late reply must not reach the request that came after it.
		<-in
		next := do(t.Context(), e.client, "next")
		(<-in).reply(wire.Reply, []byte("right"))
		wantReply(t, <-next, wire.Reply, "right")
	})
}

// A request that is given up before it was written is never written.
func TestGivenUpInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer, _ := bare(t, rpc.Config{}, nil)

		stuck := do(t.Context(), c, "stuck") // in the write that the peer does not read
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		before := do(t.Context(), c, "before")
		synctest.Wait()

		dropped := do(ctx, c, "dropped")
		synctest.Wait()

		after := do(t.Context(), c, "after")
		synctest.Wait()
		cancel()
		wantError(t, (<-dropped).err, segue.ErrRetry, context.Canceled)

		replies := map[string]chan outcome{"stuck": stuck, "before": before, "after": after}
		for _, want := range []string{"stuck", "before", "after"} {
			typ, id, body := peer.next(t)
			if typ != wire.Call || body != want {
				t.Fatalf("received %v, %q, want %q", typ, body, want)
			}

			peer.send(t, wire.Reply, id, "re "+want)
			wantReply(t, <-replies[want], wire.Reply, "re "+want)
		}
	})
}

func TestConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer, _ := bare(t, rpc.Config{}, errAny)

		sent := do(t.Context(), c, "sent")
		peer.next(t)

		written := do(t.Context(), c, "in the write")
		synctest.Wait()

		queued := do(t.Context(), c, "queued")
		synctest.Wait()
		peer.nc.Close()

		wantError(t, (<-sent).err, segue.ErrOutcomeUnknown)
		wantError(t, (<-written).err, segue.ErrOutcomeUnknown)
		wantError(t, (<-queued).err, segue.ErrRetry)
		<-c.Done()
		wantError(t, (<-do(t.Context(), c, "later")).err, segue.ErrRetry)
		wantError(t, c.Send(t.Context(), wire.Call, nil), segue.ErrRetry)
	})
}

// Replies to what was never sent, or was already answered, reach nobody.
func TestStrayReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer, _ := bare(t, rpc.Config{}, nil)

		first := do(t.Context(), c, "first")
		_, id, _ := peer.next(t)
		synctest.Wait()

		stuck := do(t.Context(), c, "stuck")
		synctest.Wait()

		queued := do(t.Context(), c, "queued")
		synctest.Wait()

		peer.send(t, wire.Reply, 77, "to nobody")
		peer.send(t, wire.Reply, 0, "to nobody")
		peer.send(t, wire.Reply, id+2, "too early")
		peer.send(t, wire.Reply, id, "right")
		peer.send(t, wire.Reply, id, "twice")
		wantReply(t, <-first, wire.Reply, "right")

		for _, ch := range []chan outcome{stuck, queued} {
			_, id, body := peer.next(t)
			peer.send(t, wire.Reply, id, body)
			wantReply(t, <-ch, wire.Reply, body)
		}
	})
}

func TestProtocolErrors(t *testing.T) {
	short, err := wire.AppendFrame(nil, wire.Call, []byte("1234567"))
	if err != nil {
		t.Fatal(err)
	}

	for name, stream := range map[string]string{
		"garbage":       "GET / HTTP/1.1\r\n\r\n",
		"no id":         string(short),
		"handoff frame": string(frame(t, wire.Flip, 1, "")),
		"damaged":       string(frame(t, wire.Call, 1, "")[:20]) + "xxxx",
		"cut off":       string(frame(t, wire.Call, 1, "")[:20]),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := net.Pipe()
			c := newConn(t, a, rpc.Config{})
			ended := make(chan error, 1)

			go func() { ended <- c.Run(t.Context()) }()

			waiting := do(t.Context(), c, "waiting") // its request stays in the pipe

			if _, err := b.Write([]byte(stream)); err != nil {
				t.Errorf("Write() = %v, want no error", err)
			}

			b.Close()

			if err := <-ended; err == nil {
				t.Error("Run() = nil, want an error")
			}

			<-c.Done()

			if err := (<-waiting).err; !errors.Is(err, segue.ErrOutcomeUnknown) && !errors.Is(err, segue.ErrRetry) {
				t.Errorf("Do() = %v, want one of the two outcomes", err)
			}
		})
	}
}

func TestConfigValidate(t *testing.T) {
	bad := rpc.Config{MaxServing: -1, MaxQueued: -1, MaxReplies: -1, WriteTimeout: -1, FlushTimeout: -1}

	_, err := rpc.NewConn(nil, bad)
	for _, want := range []string{"max serving", "max queued", "max replies", "write timeout", "flush timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewConn() = %v, want %q in it", err, want)
		}
	}

	_, err = rpc.NewPool(rpc.PoolConfig{
		DialTimeout: -1, MinBackoff: time.Hour, MaxBackoff: time.Minute, IdleTimeout: -1, Conn: bad,
	})
	for _, want := range []string{"dial is required", "dial timeout", "longer than max backoff", "idle timeout", "max queued"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewPool() = %v, want %q in it", err, want)
		}
	}
}

// Everything at once over a real connection, for the race detector.
func TestOverTLS(t *testing.T) {
	clientEnd, serverEnd := tlsPair(t)
	client, server := newConn(t, clientEnd, rpc.Config{}), newConn(t, serverEnd, rpc.Config{
		Handler: func(_ context.Context, _ wire.FrameType, body []byte, reply func(wire.FrameType, []byte)) {
			body = bytes.Clone(body)

			go reply(wire.Reply, body)
		},
	})

	run(t, client, nil)
	run(t, server, nil)

	var wg sync.WaitGroup

	for i := range 32 {
		wg.Go(func() {
			for j := range 50 {
				ctx, cancel := t.Context(), func() {}
				if j%10 == 9 {
					ctx, cancel = context.WithTimeout(ctx, 50*time.Microsecond)
				}

				body := strings.Repeat(fmt.Sprintf("%d/%d ", i, j), 1+j*j)

				got := <-do(ctx, client, body)
				if got.err == nil {
					wantReply(t, got, wire.Reply, body)
				} else if ctx.Err() == nil {
					t.Errorf("Do() = %v, want no error", got.err)
				}

				cancel()
			}
		})
	}

	wg.Wait()
}
