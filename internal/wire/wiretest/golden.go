// Package wiretest has what tests of wire formats share.
//
// It guarantees that a golden file, once it exists, is never written again. It
// does not promise that every format has one.
package wiretest

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TB is the part of [testing.TB] that this package needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// lineBytes is the number of bytes on a line of a golden file.
const lineBytes = 32

// Golden compares got with testdata/golden/<name>.hex of the package under
// test, which holds hexadecimal digits and white space. A difference is a
// break of the wire format: it is an error that shows both.
//
// A file that does not exist is an error too, unless the environment has
// UPDATE_GOLDEN=1: then it is written. A file that exists is never changed: a
// new version of a message gets a new name.
func Golden(t TB, name string, got []byte) {
	t.Helper()

	path := filepath.Join("testdata", "golden", name+".hex")

	text, err := os.ReadFile(path) //nolint:gosec // the path comes from a test
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("UPDATE_GOLDEN") == "1" {
		create(t, path, got)

		return
	}

	if err != nil {
		t.Fatalf("Golden(%s): %v; UPDATE_GOLDEN=1 writes files that do not exist", name, err)

		return
	}

	want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatalf("Golden(%s): %s: %v", name, path, err)

		return
	}

	if string(got) != string(want) {
		t.Errorf("Golden(%s): the bytes differ from %s, which released versions read and write\ngot:\n%s\nwant:\n%s",
			name, path, lines(got), lines(want))
	}
}

func create(t TB, path string, got []byte) {
	t.Helper()

	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatalf("Golden: %v", err)

		return
	}

	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatalf("Golden: %v", err)

		return
	}

	_, err = f.WriteString(lines(got))
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatalf("Golden: %v", err)
	}
}

// lines formats b as hexadecimal lines.
func lines(b []byte) string {
	var s strings.Builder

	for len(b) > 0 {
		n := min(len(b), lineBytes)
		s.WriteString(hex.EncodeToString(b[:n]))
		s.WriteByte('\n')
		b = b[n:]
	}

	return s.String()
}
