package consensus

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// Keys of raft. It writes its vote as two keys, first the term and then the
// candidate. If a crash came between them, the node would remember a vote in
// the new term for the old candidate, and grant it again without a look at the
// candidate's log.
const (
	keyCurrentTerm = "CurrentTerm"
	keyVoteTerm    = "LastVoteTerm"
	keyVoteFor     = "LastVoteCand"
)

var _ raft.StableStore = (*disk)(nil)

// pair is a key of raft with its value.
type pair struct {
	key   string
	value []byte
}

// Set writes a value. The candidate of a vote is written together with the term
// that was held back.
func (d *disk) Set(key, value []byte) error {
	pairs := []pair{{string(key), value}}

	if string(key) == keyVoteFor {
		d.voteMu.Lock()
		if d.voteTerm != nil {
			pairs = append(pairs, pair{keyVoteTerm, d.voteTerm})
		}
		d.voteTerm = nil
		d.voteMu.Unlock()
	}

	return d.save(pairs...)
}

// Get returns a copy of a value, or an error with the text "not found".
func (d *disk) Get(key []byte) ([]byte, error) {
	var value []byte

	err := d.read("reading "+string(key), func(tx *bbolt.Tx) error {
		var err error
		value, err = stableValue(tx, d.path, string(key))

		return err
	})

	return value, err
}

// SetUint64 writes a number. The term of a vote is held back until its
// candidate is set, and is not visible before. That is safe because raft sends
// no vote before it has set both.
func (d *disk) SetUint64(key []byte, n uint64) error {
	value := binary.BigEndian.AppendUint64(nil, n)
	if string(key) != keyVoteTerm {
		return d.save(pair{string(key), value})
	}

	if err := d.check(); err != nil {
		return err
	}

	d.voteMu.Lock()
	defer d.voteMu.Unlock()

	d.voteTerm = value

	return nil
}

// GetUint64 returns a number, or an error with the text "not found".
func (d *disk) GetUint64(key []byte) (uint64, error) {
	value, err := d.Get(key)
	if err != nil {
		return 0, err
	}

	if len(value) != 8 {
		return 0, d.fail(damaged(d.path, "%s has %d bytes, want 8", key, len(value)))
	}

	return binary.BigEndian.Uint64(value), nil
}

func (d *disk) save(pairs ...pair) error {
	return d.write("writing "+pairs[0].key, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucketStable))

		for _, p := range pairs {
			if err := b.Put([]byte(p.key), seal([]byte(p.key), append([]byte(nil), p.value...))); err != nil {
				return fmt.Errorf("%s: %w", p.key, err)
			}
		}

		return nil
	})
}

func stableValue(tx *bbolt.Tx, path, key string) ([]byte, error) {
	v := tx.Bucket([]byte(bucketStable)).Get([]byte(key))
	if v == nil {
		return nil, errNotFound
	}

	value, err := unseal([]byte(key), v)
	if err != nil {
		return nil, damaged(path, "the value of %s cannot be read: %v", key, err)
	}

	return append([]byte{}, value...), nil
}

// forget removes a key.
func (d *disk) forget(key string) error {
	return d.write("removing "+key, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketStable)).Delete([]byte(key))
	})
}
