package node

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/ownership"
	"github.com/segue-cluster/segue/handoff"
)

// metrics are what Prometheus reads. Labels are never processes or shards.
type metrics struct {
	registry *prometheus.Registry
	pause    prometheus.Histogram
	moved    prometheus.Counter
	bytes    prometheus.Counter
	sessions *prometheus.CounterVec
	calls    *prometheus.CounterVec
}

func newMetrics(n *Node) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		pause: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "segue_pause_seconds", Help: "Time from the freeze of a process to its activation at the target.",
			Buckets:                     []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		}),
		moved: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_stream_processes_total", Help: "Processes flipped from this node to others.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "segue_stream_bytes_total", Help: "Bytes of the records of processes flipped from this node to others.",
		}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_shard_handoffs_total", Help: "Sessions of shards that this node was the source of, by outcome.",
		}, []string{"result"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "segue_calls_total", Help: "Calls made through this node, by outcome: ok or the code of the error.",
		}, []string{"code"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.pause, m.moved, m.bytes, m.sessions, m.calls, &tableCollector{n: n},
	)

	return m
}

// called counts a call that has ended.
func (m *metrics) called(err error) {
	code := "ok"
	if err != nil {
		code = string(segue.CodeOf(err))
	}

	m.calls.WithLabelValues(code).Inc()
}

// handler serves the metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// trace counts the steps of handoffs, and passes them on.
func (m *metrics) trace(next handoff.Trace) handoff.Trace {
	return handoff.Trace{
		Role: next.Role,
		Flipped: func(d time.Duration, bytes int) {
			m.pause.Observe(d.Seconds())
			m.moved.Inc()
			m.bytes.Add(float64(bytes))

			if next.Flipped != nil {
				next.Flipped(d, bytes)
			}
		},
		Ended: func(shard segue.ShardID, s handoff.Session, outcome string) {
			m.sessions.WithLabelValues(outcome).Inc()

			if next.Ended != nil {
				next.Ended(shard, s, outcome)
			}
		},
	}
}

// tableCollector reads what the table and this node know at the moment of the
// scrape, so that nothing has to be kept up to date.
type tableCollector struct{ n *Node }

// Describe implements prometheus.Collector. It describes nothing beforehand:
// which metrics there are depends on what the table holds.
func (c *tableCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *tableCollector) Collect(ch chan<- prometheus.Metric) {
	n := c.n
	gauge := func(name, help string, v float64, labels ...string) {
		c.send(ch, prometheus.GaugeValue, name, help, v, labels...)
	}
	counter := func(name, help string, v float64) { c.send(ch, prometheus.CounterValue, name, help, v) }

	gauge("segue_build_info", "The build of this binary.", 1, "version", segue.Version, "goversion", runtime.Version())
	gauge("segue_node_info", "This node.", 1, "node", n.name.String(), "app", n.name.App, "release", n.name.Release)
	gauge("segue_draining", "1 while this node gives its shards away.", truth(n.draining.Load()))

	_, term, led := n.cluster.Leader()
	gauge("segue_raft_has_leader", "1 while this node sees a leader.", truth(led))
	gauge("segue_raft_term", "Election term.", float64(term))
	gauge("segue_leased", "1 while this node may serve what it owns.", truth(n.cluster.Leased()))

	status := map[[2]string]float64{}
	for _, m := range n.cluster.Members() {
		status[[2]string{m.Status, m.Release}]++
	}

	for k, v := range status {
		gauge("segue_members", "Nodes by status and release, as this one sees them.", v, "status", k[0], "release", k[1])
	}

	owned, processes := 0, uint64(0)

	for _, count := range n.counts() {
		owned++
		processes += count
	}

	gauge("segue_shards", "Shards that this node owns.", float64(owned))
	gauge("segue_processes", "Processes that this node owns.", float64(processes))

	var (
		index, lost uint64
		unowned     int
	)

	n.cluster.Table(func(t *ownership.Table) {
		index = t.Index

		for i := range t.Shards {
			if s := &t.Shards[i]; s.Owner.IsZero() || !t.Live(s.Owner, s.OwnerInc) {
				unowned++
			}
		}

		for _, l := range t.Losses {
			lost += l.Count
		}
	})
	gauge("segue_raft_applied_index", "Index of the last entry in this node's table.", float64(index))
	gauge("segue_shards_unowned", "Shards that nobody serves.", float64(unowned))
	counter("segue_lost_processes_total", "Processes lost with their nodes, in the cluster. Must stay 0.", float64(lost))
}

func (c *tableCollector) send(
	ch chan<- prometheus.Metric, t prometheus.ValueType, name, help string, v float64, labels ...string,
) {
	var keys, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		keys, values = append(keys, labels[i]), append(values, labels[i+1])
	}

	m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help, keys, nil), t, v, values...)
	if err != nil {
		c.n.log.Error("cannot report a metric", "metric", name, "err", err)

		return
	}
	ch <- m
}

func truth(b bool) float64 { //nolint:revive // it converts the flag
	if b {
		return 1
	}

	return 0
}
