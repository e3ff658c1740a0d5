//go:build !linux

package transport

import (
	"net"
	"time"
)

// setUserTimeout does nothing: other systems have no such option, and give up
// by keep-alives and retransmissions alone.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }
