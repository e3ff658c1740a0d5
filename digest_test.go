package segue_test

import (
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/segue-cluster/segue"
)

func TestDigestAddIsModulo256Bits(t *testing.T) {
	mod := new(big.Int).Lsh(big.NewInt(1), 256)

	var sum segue.Digest

	want := new(big.Int)
	for i := range 64 {
		h := sha256.Sum256([]byte{byte(i)})
		sum = sum.Add(h)

		want.Add(want, new(big.Int).SetBytes(h[:])).Mod(want, mod)

		if got := new(big.Int).SetBytes(sum[:]); got.Cmp(want) != 0 {
			t.Fatalf("sum of %d hashes = %v, want %v", i+1, got, want)
		}
	}
}
