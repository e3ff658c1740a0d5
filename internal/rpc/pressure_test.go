package rpc_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/internal/rpc"
	"github.com/segue-cluster/segue/internal/wire"
)

// A peer is read only while few enough of its requests are being served.
func TestServingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3

		in := make(inbox, 10)
		e := start(t, rpc.Config{}, rpc.Config{Handler: in.handle, MaxServing: limit})

		var outcomes []chan outcome
		for range 2 * limit {
			outcomes = append(outcomes, do(t.Context(), e.client, ""))
			synctest.Wait()
		}

		for range limit {
			if len(in) != limit {
				t.Errorf("%d requests are being served, want %d", len(in), limit)
			}

			(<-in).reply(wire.Reply, nil)
			synctest.Wait()
		}

		for range limit {
			(<-in).reply(wire.Reply, nil)
		}

		for _, ch := range outcomes {
			wantReply(t, <-ch, wire.Reply, "")
		}
	})
}

// Requests wait for room in the queue, and leave it in order.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer, _ := bare(t, rpc.Config{MaxQueued: 1000}, nil)
		stuck := do(t.Context(), c, "stuck")
		synctest.Wait()

		large := strings.Repeat("x", 5000) // alone in the queue it may be larger than the limit
		fits := do(t.Context(), c, large)
		synctest.Wait()

		waiting, done := make(chan error, 1), make(chan error, 1)

		go func() { waiting <- c.Send(t.Context(), wire.Call, []byte("waits")) }()

		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		go func() { done <- c.Send(ctx, wire.Call, []byte("gives up")) }()

		wantError(t, <-done, segue.ErrRetry)

		select {
		case err := <-waiting:
			t.Errorf("Send() = %v while the queue is full, want it to wait", err)
		default:
		}

		for _, want := range []string{"stuck", large, "waits"} {
			_, id, body := peer.next(t)
			if body != want {
				t.Fatalf("received %d bytes, want %d", len(body), len(want))
			}

			if id != 0 {
				peer.send(t, wire.Reply, id, "ok")
			}
		}

		wantReply(t, <-stuck, wire.Reply, "ok")
		wantReply(t, <-fits, wire.Reply, "ok")

		if err := <-waiting; err != nil {
			t.Errorf("Send() = %v, want no error", err)
		}
	})
}

// While the peer does not read its replies, its requests are not read either;
// replies that pile up all the same end the connection.
func TestRepliesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 100)
		c, peer, stop := bare(t, rpc.Config{Handler: in.handle, MaxQueued: 1000, MaxReplies: 10_000}, rpc.ErrUnread)

		for id := range uint64(20) {
			peer.send(t, wire.Call, id+1, "")
		}

		synctest.Wait()

		body := make([]byte, 600)

		(<-in).reply(wire.Reply, body) // in the write
		synctest.Wait()
		(<-in).reply(wire.Reply, body)
		(<-in).reply(wire.Reply, body) // over MaxQueued

		held := make(chan struct{})

		go func() {
			defer close(held)

			for _, id := range []uint64{100, 101} { // one is read and waits, the other is not read
				if _, err := peer.nc.Write(frame(t, wire.Call, id, "")); err != nil && id == 100 {
					t.Errorf("Write() = %v, want no error", err)
				}
			}
		}()

		synctest.Wait()

		if n := len(in); n != 17 {
			t.Errorf("%d requests were handled with a full queue, want 17", n)
		}

		for range 16 {
			(<-in).reply(wire.Reply, body)
		}

		<-c.Done()
		(<-in).reply(wire.Reply, body) // to a connection that is gone

		wantError(t, c.Send(t.Context(), wire.Call, nil), segue.ErrRetry, rpc.ErrUnread)

		peer.nc.Close()
		<-held
		stop()
	})
}

// A peer that stops reading is given up after the write timeout.
func TestStalledPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		c, _, stop := bare(t, rpc.Config{WriteTimeout: 7 * time.Second}, os.ErrDeadlineExceeded)

		wantError(t, (<-do(t.Context(), c, "stuck")).err, segue.ErrOutcomeUnknown, os.ErrDeadlineExceeded)

		if got := time.Since(begin); got != 7*time.Second {
			t.Errorf("the connection ended after %v, want 7s", got)
		}

		stop()
	})
}

// Replies that were given before the end of Run still arrive.
func TestStopFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 100)
		c, peer, stop := bare(t, rpc.Config{Handler: in.handle}, nil)

		for id := range uint64(3) {
			peer.send(t, wire.Call, id+1, "")
		}

		synctest.Wait()

		(<-in).reply(wire.Reply, []byte("in the write"))
		synctest.Wait()
		(<-in).reply(wire.Reply, []byte("in the queue"))

		var wg sync.WaitGroup

		wg.Go(stop)
		synctest.Wait()

		wantError(t, c.Send(t.Context(), wire.Call, nil), segue.ErrRetry)

		for _, want := range []string{"in the write", "in the queue"} {
			if _, _, body := peer.next(t); body != want {
				t.Errorf("received %q, want %q", body, want)
			}
		}

		wg.Wait()

		(<-in).reply(wire.Reply, []byte("too late"))

		if _, _, err := peer.r.Next(); err == nil {
			t.Error("the connection is still open after Run")
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, stop := bare(t, rpc.Config{FlushTimeout: 3 * time.Second}, nil)

		stuck := do(t.Context(), c, "stuck")
		synctest.Wait()

		queued := do(t.Context(), c, "queued")
		synctest.Wait()

		begin := time.Now()

		stop()

		if got := time.Since(begin); got != 3*time.Second {
			t.Errorf("Run() ended after %v, want 3s", got)
		}

		wantError(t, (<-stuck).err, segue.ErrOutcomeUnknown)
		wantError(t, (<-queued).err, segue.ErrRetry)
	})
}

// Run also ends while the reader waits for its handlers.
func TestStopWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(inbox, 10)
		e := start(t, rpc.Config{}, rpc.Config{Handler: in.handle, MaxServing: 1})

		first, second := do(t.Context(), e.client, ""), do(t.Context(), e.client, "")
		synctest.Wait()
		e.stopServer()

		for _, ch := range []chan outcome{first, second} {
			if err := (<-ch).err; !errors.Is(err, segue.ErrOutcomeUnknown) {
				t.Errorf("Do() = %v, want %v", err, segue.ErrOutcomeUnknown)
			}
		}

		(<-in).reply(wire.Reply, nil)
	})
}
