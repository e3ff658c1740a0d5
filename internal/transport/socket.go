package transport

import (
	"net"
	"time"
)

// What a connection costs while nothing moves, and when it is given up.
const (
	keepAliveIdle     = 5 * time.Second
	keepAliveInterval = time.Second
	keepAliveCount    = 3
	userTimeout       = 2 * time.Second // for data that is not acknowledged, where the system can
)

// tune sets the options of a TCP connection.
func tune(c *net.TCPConn) error {
	if err := c.SetNoDelay(true); err != nil {
		return err //nolint:wrapcheck // names the connection
	}

	err := c.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
	})
	if err != nil {
		return err //nolint:wrapcheck // names the connection
	}

	return setUserTimeout(c, userTimeout)
}
