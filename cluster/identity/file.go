package identity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// ReadCookieFile reads the cookie in the file at path: its whole content, without
// one line ending if it ends with one, as [ParseCookie] takes it. On Unix the
// file must be closed to everybody but its owner (mode 0600 or 0400), or belong
// to root and be open for reading to the group of a caller who is not root:
// that is how Kubernetes mounts a secret for a pod with fsGroup.
//
// Errors name the file and the fix; fs.ErrNotExist and [ErrWeakCookie] can be
// told apart.
func ReadCookieFile(path string, policy Policy) (Cookie, error) {
	text, err := readSecret(path)
	if err != nil {
		return Cookie{}, err
	}

	line := strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")

	cookie, err := ParseCookie(line, policy)
	if err != nil {
		return Cookie{}, fmt.Errorf("cookie file %s: %w", path, err)
	}

	return cookie, nil
}

// WriteCookieFile makes a new cookie and writes it to a new file at path, with
// mode 0600. It never overwrites: if there is a file, the error matches
// fs.ErrExist and nothing was changed. After any other error there is no file.
func WriteCookieFile(path string) (Cookie, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the operator names it
	if errors.Is(err, fs.ErrExist) {
		return Cookie{}, fmt.Errorf("cookie file %s exists and is kept; choose another path or remove it first: %w",
			path, fs.ErrExist)
	}

	if err != nil {
		return Cookie{}, fmt.Errorf("cookie file: %w", err)
	}

	text := GenerateCookie()

	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}

	if err = errors.Join(err, f.Close()); err != nil {
		return Cookie{}, fmt.Errorf("cookie file: %w", errors.Join(err, os.Remove(path)))
	}

	return ParseCookie(text, RequireStrong)
}

func readSecret(path string) (string, error) {
	// Before it is opened: opening a pipe would wait for its writer.
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cookie file %s does not exist; make one with \"segue cookie gen\" "+
			"and give every node the same: %w", path, fs.ErrNotExist)
	}

	if err != nil {
		return "", fmt.Errorf("cookie file: %w", err)
	}

	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("cookie file %s is not a regular file (it is %s)", path, info.Mode().Type())
	}

	f, err := os.Open(path) // #nosec G304 -- the operator names it
	if err != nil {
		return "", fmt.Errorf("cookie file: %w", err)
	}

	defer f.Close() //nolint:errcheck // nothing was written

	if info, err = f.Stat(); err != nil { // of what was opened, whatever the path names by now
		return "", fmt.Errorf("cookie file: %w", err)
	}

	if err := checkMode(info); err != nil {
		return "", fmt.Errorf("cookie file %s: %w; run: chmod 600 %s", path, err, path)
	}

	content, err := io.ReadAll(io.LimitReader(f, MaxCookieBytes+1))
	if err != nil {
		return "", fmt.Errorf("cookie file: %w", err)
	}

	if len(content) > MaxCookieBytes {
		return "", fmt.Errorf("cookie file %s is longer than %d bytes: it is not a cookie file", path, MaxCookieBytes)
	}

	return string(content), nil
}
