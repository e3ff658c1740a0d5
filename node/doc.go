// Package node runs a stateful service: it hosts processes of the kinds that a
// program defines, brings calls to them wherever they are, and hands them over
// when another release, or another node of the same one, takes their place.
//
//	var Counter = node.NewKind(schema.MustDefine[counter]("counter", 1),
//		node.On("add", add),    // func(*node.Turn, *counter, Add) (Sum, error)
//		node.Query("get", get)) // reads only
//
//	n, err := node.New(node.Config{App: "shop", Release: "1.0.1", Kinds: []node.Kind{Counter}, ...})
//	err = n.Run(ctx)            // until ctx is done and everything was handed over
//
//	sum, err := node.Call[Sum](ctx, n, "counter/42", Add{By: 1})
//
// It composes package cluster, which agrees on ownership, and package handoff,
// which moves processes; neither knows the other.
//
// # Processes
//
// A process is one keyed instance of a kind. Its first message that is not a
// query makes it. Its handlers run one at a time, each as a turn; between
// turns a process is its state, its timers and its recent replies, and costs no
// goroutine. Handlers must not block on other processes, and what they write
// elsewhere should carry the [Turn.Token].
//
// # Guarantees
//
// A call takes effect at most once, however often it is tried. During a
// rollout, a rollback or an abort no acknowledged change is lost and no call
// fails, whichever nodes the shards move between. A timer fires once. A process
// whose state cannot be transformed stays where it is and is served there.
//
// # Not promised
//
// A node that is killed loses the processes that only it held; they are
// reported, and calls to them are refused until somebody decides otherwise. A
// handler that panics in the middle of a change poisons its process.
package node
