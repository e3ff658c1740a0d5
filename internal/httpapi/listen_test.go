package httpapi_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/segue-cluster/segue/internal/httpapi"
)

func TestListenUnix(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "admin.sock")
	addr := "unix://" + path

	// A socket that nobody listens on, as a crash leaves it.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}

	stale.SetUnlinkOnClose(false)
	_ = stale.Close()

	ln, err := httpapi.Listen(t.Context(), addr)
	if err != nil {
		t.Fatalf("Listen(%s) over a stale socket: %v", addr, err)
	}

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket has mode %v, %v, want 0660", info.Mode(), err)
	}

	if _, err := httpapi.Listen(t.Context(), addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen(%s) while another listens = %v, want EADDRINUSE", addr, err)
	}

	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}

	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is there after Close")
	}

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := httpapi.Listen(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("Listen(%s) over a file = %v, want an error", addr, err)
	}

	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()

	for addr, want := range map[string]string{
		"7950":                   "neither host:port nor unix:///path",
		"http://127.0.0.1:7950":  "neither host:port nor unix:///path",
		"unix://run/admin.sock":  "is absolute",
		"unix:///nowhere/a.sock": "no such file",
		"127.0.0.1:99999":        "invalid port",
	} {
		if ln, err := httpapi.Listen(t.Context(), addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q) = %v, %v, want %q", addr, ln, err, want)
		}
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()

	for addr, want := range map[string]bool{
		"127.0.0.1:7950": true, "127.8.9.1:1": true, "[::1]:7950": true, "localhost:7950": true, "unix:///run/a.sock": true,
		"0.0.0.0:7950": false, ":7950": false, "10.0.0.1:7950": false, "[::]:1": false, "example.com:1": false, "127.0.0.1": false,
	} {
		if got := httpapi.Private(addr); got != want {
			t.Errorf("Private(%q) = %t, want %t", addr, got, want)
		}
	}
}
