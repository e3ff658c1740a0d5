package identity_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/cluster/identity"
)

func TestWriteCookieFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cookie")

	wrote, err := identity.WriteCookieFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode of the new file = %v, %v, want -rw-------", info.Mode(), err)
	}

	read, err := identity.ReadCookieFile(path, identity.RequireStrong)
	if err != nil || read != wrote {
		t.Errorf("ReadCookieFile = another cookie or %v, want the one that was written", err)
	}

	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := identity.WriteCookieFile(path); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "is kept") {
		t.Errorf("WriteCookieFile over a file = %v, want ErrExist and that it is kept", err)
	}

	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("WriteCookieFile changed the file that existed (%v)", err)
	}

	if _, err := identity.WriteCookieFile(filepath.Join(path, "under-a-file")); err == nil {
		t.Error("WriteCookieFile under a file succeeded, want an error")
	}
}

func TestReadCookieFile(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    fs.FileMode
		want    string // in the error; "" is success
	}{
		"plain":           {content: chosen, mode: 0o600},
		"newline":         {content: chosen + "\n", mode: 0o400},
		"CRLF":            {content: chosen + "\r\n", mode: 0o600},
		"two newlines":    {content: chosen + "\n\n", mode: 0o600, want: "cannot be printed"},
		"empty":           {content: "", mode: 0o600, want: "is empty"},
		"only a newline":  {content: "\n", mode: 0o600, want: "is empty"},
		"weak":            {content: "secretsecretsecret\n", mode: 0o600, want: "is weak"},
		"too long":        {content: strings.Repeat("x", 5000), mode: 0o600, want: "longer than 4096 bytes"},
		"group may read":  {content: chosen, mode: 0o640, want: "mode is 0640"},
		"world may read":  {content: chosen, mode: 0o644, want: "run: chmod 600 "},
		"world may write": {content: chosen, mode: 0o602, want: "mode is 0602"},
	} {
		path := filepath.Join(t.TempDir(), "cookie")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}

		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}

		_, err := identity.ReadCookieFile(path, identity.RequireStrong)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: ReadCookieFile = %v, want a cookie", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path)):
			t.Errorf("%s: ReadCookieFile = %v, want an error with %q and the path", name, err, c.want)
		case err != nil && c.content != "" && strings.Contains(err.Error(), strings.TrimSpace(c.content+"?")):
			t.Errorf("%s: ReadCookieFile = %v, want an error that does not quote the file", name, err)
		}
	}
}

func TestReadCookieFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")

	_, err := identity.ReadCookieFile(missing, identity.RequireStrong)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "segue cookie gen") {
		t.Errorf("ReadCookieFile of a missing file = %v, want ErrNotExist and the fix", err)
	}

	if _, err := identity.ReadCookieFile(dir, identity.RequireStrong); err == nil || !strings.Contains(err.Error(), "not a regular") {
		t.Errorf("ReadCookieFile of a directory = %v, want an error that says so", err)
	}
}
