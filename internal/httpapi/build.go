package httpapi

import (
	"runtime"
	"runtime/debug"
)

// SegueVersion is the version of this module.
const SegueVersion = "0.1.0"

// shortCommit is the number of digits of a commit that are shown.
const shortCommit = 12

// BuildVersion returns what is known of this binary. App, Release and Node are
// for a node to fill.
func BuildVersion() Version {
	v := Version{Segue: SegueVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}

	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}

	dirty := ""

	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value[:min(len(s.Value), shortCommit)]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+dirty"
			}
		}
	}

	if v.Commit != "" {
		v.Commit += dirty
	}

	return v
}
