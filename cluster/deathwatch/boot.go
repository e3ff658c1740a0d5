package deathwatch

import "crypto/sha256"

// BootHash returns the first 8 bytes of the SHA-256 of a boot id, to tell peers
// apart that run on other machines; zero for the empty id.
func BootHash(bootID string) (hash [8]byte) {
	if bootID != "" {
		sum := sha256.Sum256([]byte(bootID))
		copy(hash[:], sum[:])
	}

	return hash
}
