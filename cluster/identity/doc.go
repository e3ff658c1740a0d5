// Package identity turns the secret that the nodes of a cluster share, the
// cookie, into everything that keeps strangers out: the key of the gossip
// traffic and the TLS identities of the nodes.
//
// # Cookies
//
// [GenerateCookie] makes a cookie of 256 random bits with a checksum, and
// [WriteCookieFile] puts a new one into a file that only its owner can read.
// People may also choose a cookie themselves. [ParseCookie] then estimates what
// it costs to guess and refuses a cheap one; see [MinCookieBits]. A cookie is
// never printed: a [Cookie] and [Keys] format as a placeholder, and no error of
// this package quotes one.
//
// # Keys
//
// [Derive] computes all keys from a cookie and the name of the cluster. The
// derivation is wire: nodes of different releases must arrive at the same
// bytes.
//
//	root   = the 32 random bytes of a generated cookie, or
//	         argon2id(chosen cookie, salt, t=3, m=64 MiB, p=4, 32 bytes)
//	salt   = SHA-256("segue/cookie/v1" 0x00 cluster name)
//	prk    = HKDF-Extract(SHA-256, root, salt)
//	gossip = HKDF-Expand(prk, "segue/v1/gossip-aes256", 32)
//	seed   = HKDF-Expand(prk, "segue/v1/ca-ed25519-seed", 32)
//	id     = HKDF-Expand(prk, "segue/v1/key-id", 6)
//
// The seed is the key of a certificate authority whose certificate is
// byte-identical on every node. The key id is public: it tells people which
// cookie a node holds.
//
// # Identities
//
// [Keys.NewIdentity] signs a fresh key, which never leaves memory, for one start
// of a node. The certificate has one name, the URI
// segue://<cluster>/node/<node id>. [Identity.Server] and [Identity.Client] make
// TLS configurations that speak TLS 1.3 only, require a certificate from both
// sides and a protocol by ALPN, never resume a session, and check the
// certificate at every handshake. Certificates are checked at a fixed time:
// every node can make new ones, so their expiry would protect nobody, and a
// clock that jumps must not stop a cluster.
//
// # Guarantees
//
//   - A handshake succeeds only between two holders of an accepted cookie with
//     the same cluster name, and only with the node that was dialled.
//   - The error of the side that refuses says why in the words of an operator.
//     [ErrCookieMismatch], [ErrWrongNode] and segue.ErrWrongCluster can be told
//     apart with errors.Is.
//   - A recorded conversation stays closed when the cookie leaks later.
//
// # Not guaranteed
//
//   - Who holds the cookie is trusted fully: it can make a certificate for any
//     node id. There is no revocation but a new cookie.
//   - Anybody who can reach the port gets a certificate of this cluster before
//     it has to show its own, and can test guesses of the cookie against it
//     without asking again. That is why cheap cookies are refused.
//   - Secrets are not wiped from memory: the garbage collector may have copied
//     them.
package identity
