//go:build linux

package transport

import (
	"net"
	"syscall"
	"testing"
)

func TestTune(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	c, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	if err := tune(c); err != nil {
		t.Fatal(err)
	}

	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}

	for _, o := range []struct {
		name          string
		level, option int
		want          int
	}{
		{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE, s", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 5},
		{"TCP_KEEPINTVL, s", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 1},
		{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3},
		{"TCP_USER_TIMEOUT, ms", syscall.IPPROTO_TCP, tcpUserTimeout, 2000},
	} {
		var (
			got int
			err error
		)

		if e := raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), o.level, o.option) }); e != nil {
			t.Fatal(e)
		}

		if err != nil || got != o.want {
			t.Errorf("%s = %d, %v, want %d", o.name, got, err, o.want)
		}
	}

	_ = c.Close()

	if err := tune(c); err == nil {
		t.Error("tune of a closed connection succeeded, want an error")
	}
}
