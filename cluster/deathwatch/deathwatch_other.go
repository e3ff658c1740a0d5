//go:build !linux && !darwin

package deathwatch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/segue-cluster/segue"
)

// StaleAfter has no meaning on this system.
const StaleAfter = time.Hour

// A Lock does not exist on this system.
type Lock struct{}

// Hold returns an error that matches [errors.ErrUnsupported].
func Hold(string, segue.NodeID, uint64) (*Lock, error) {
	return nil, fmt.Errorf("deathwatch: %w", errors.ErrUnsupported)
}

// Close does nothing.
func (*Lock) Close() error { return nil }

// Certify is never certain.
func Certify(string, segue.NodeID, uint64) (dead bool, err error) { return false, nil }

// DefaultDir returns a directory that is never used.
func DefaultDir(string, string) string { return filepath.Join(os.TempDir(), "segue") }
