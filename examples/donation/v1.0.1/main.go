// Program v1.0.1 is release 1.0.1 of a service that collects donations. Each
// campaign is a process: its state lives in memory, and moves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/segue-cluster/segue/node"
)

func main() {
	if err := run(); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "donation 1.0.1:", err)
		os.Exit(1)
	}
}

func run() error {
	cfg, err := node.LoadConfig(os.Args[1:], os.Environ(), os.Stderr)
	if err != nil {
		return err
	}

	cfg.App, cfg.Release, cfg.Kinds = "donation", "1.0.1", []node.Kind{campaignKind()}

	ctx, stop := node.Signals(context.Background())
	defer stop()

	n, err := node.New(cfg)
	if err != nil {
		return err
	}

	return n.Run(ctx)
}
