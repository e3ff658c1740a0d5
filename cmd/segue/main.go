// Command segue is the operator's tool: it shows a cluster, moves state from
// one release to another, and waits for either.
//
// It talks to the admin address of any node. Data goes to stdout, progress and
// hints to stderr. The exit code says how it went; exit.go has the list.
//
// A change that it asks for is carried out by the cluster: the end of this
// program, of its terminal or of its patience changes nothing about it. What
// it shows is what the node that it asked knows.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	context.AfterFunc(ctx, stop) // a second signal ends the program at once

	return newApp().run(ctx, args)
}
