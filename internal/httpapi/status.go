package httpapi

import "github.com/segue-cluster/segue"

// A HealthWord sums a cluster up. It is about serving, not about rollouts: a
// rollout that went back cleanly leaves a healthy cluster. Wire.
type HealthWord string

// The words for a cluster. Reasons beside them say why.
const (
	Healthy     HealthWord = "healthy"
	Degraded    HealthWord = "degraded"    // serves, but less than it should or without spare
	Unavailable HealthWord = "unavailable" // no leader, or shards that nobody serves
	Forming     HealthWord = "forming"     // not formed yet
)

// A Status sums a cluster up on one screen.
type Status struct {
	Cluster    string `json:"cluster"`    // name
	ID         string `json:"id"`         // UUID minted at the formation, "" before
	Generation uint64 `json:"generation"` // first field of every fencing token
	Node       string `json:"node"`       // name of the node that answers

	Health  HealthWord `json:"health"`
	Reasons []string   `json:"reasons"` // why it is not healthy

	Leader string `json:"leader"` // name, "" if there is none
	Term   uint64 `json:"term"`
	Index  uint64 `json:"index"` // of the last entry that the answering node applied
	Stale  bool   `json:"stale"` // the answering node sees no leader; follows from Leader

	Voters        int `json:"voters"`
	VotersHealthy int `json:"voters_healthy"`
	Tolerates     int `json:"tolerates"` // voters that may fail now without loss of the leader

	Shards   ShardCounts     `json:"shards"`
	Releases []Release       `json:"releases"` // rising
	Rollout  *RolloutSummary `json:"rollout"`  // the newest one, null if there was none
	Losses   LossCounts      `json:"losses"`
}

// ShardCounts counts shards by what [Owner].State says.
type ShardCounts struct {
	Total   int `json:"total"`
	Owned   int `json:"owned"`
	Moving  int `json:"moving"` // opening or moving
	Held    int `json:"held"`
	Unowned int `json:"unowned"`
	Lost    int `json:"lost"`
}

// A Release is one release and what its nodes own.
type Release struct {
	Release string  `json:"release"`
	Nodes   int     `json:"nodes"` // that can take shards
	Shards  int     `json:"shards"`
	Share   float64 `json:"share"` // of all shards, 0 to 1
}

// LossCounts counts what is listed by [Loss].
type LossCounts struct {
	Losses    int    `json:"losses"`
	Processes uint64 `json:"processes"`
}

// A Loss is what the death of the only holder of a shard cost.
type Loss struct {
	Index       uint64            `json:"index"` // raft index of the entry that recorded it
	Shard       segue.ShardID     `json:"shard"`
	Node        string            `json:"node"` // name of the node that died, its id if the name is forgotten
	Incarnation segue.Incarnation `json:"incarnation"`
	Count       uint64            `json:"count"`             // processes
	Processes   []string          `json:"processes"`         // addresses of those that are known
	Rollout     segue.Revision    `json:"rollout,omitempty"` // 0 if none was running
}

// A Version says what a node runs.
type Version struct {
	Segue    string `json:"segue"`    // version of this module
	Commit   string `json:"commit"`   // of the build, "" if unknown
	Go       string `json:"go"`       // toolchain
	Platform string `json:"platform"` // os/arch
	App      string `json:"app,omitempty"`
	Release  string `json:"release,omitempty"`
	Node     string `json:"node,omitempty"` // name
}
