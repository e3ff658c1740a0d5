package httpapi

import (
	"net/url"
	"strings"

	"github.com/segue-cluster/segue"
)

// callPrefix begins the path of every call.
const callPrefix = "/v1/call/"

// CallPath returns the path of a call, percent-encoded as [Gateway] takes it.
func CallPath(to segue.Address, message string) string {
	key := url.PathEscape(to.Key)
	if key == "." || key == ".." { // proxies would take these as directories
		key = strings.ReplaceAll(key, ".", "%2E")
	}

	return callPrefix + to.Kind + "/" + key + "/" + url.PathEscape(message)
}

// ParseCallPath reads the path of a call as it was sent, percent-encoded (see
// [url.URL.EscapedPath]). The path has exactly three parts after /v1/call/: a
// slash of the key that is not encoded is refused, because a proxy that decodes
// slashes may also have merged them, and the key would be another.
func ParseCallPath(escaped string) (to segue.Address, message string, err error) {
	rest, found := strings.CutPrefix(escaped, callPrefix)
	if !found {
		return segue.Address{}, "", problem(codeNoPath, "there is no %s; calls go to %s{kind}/{key}/{message}", escaped, callPrefix)
	}

	parts := strings.Split(rest, "/")
	if len(parts) != 3 {
		return segue.Address{}, "", badRequest("the path has %d parts after %s, want kind, key and message; "+
			"a slash in the key is written %%2F", len(parts), callPrefix)
	}

	for i, what := range [...]string{"kind", "key", "message"} {
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return segue.Address{}, "", badRequest("the %s in the path is not percent-encoded well: %v", what, err)
		}
	}

	to = segue.Address{Kind: parts[0], Key: parts[1]}
	if err := to.Validate(); err != nil {
		return segue.Address{}, "", badRequest("%v", err)
	}

	if segue.ValidateKind(parts[2]) != nil {
		return segue.Address{}, "", badRequest("message %q is not a name: want [a-z][a-z0-9_-]*, at most %d bytes",
			parts[2], segue.MaxKindLen)
	}

	return to, parts[2], nil
}
