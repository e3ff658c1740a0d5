package cluster

import "context"

// votersWork changes who votes, one step at a time.
type votersWork struct{}

func (v *votersWork) step(context.Context, *Cluster) {}
