package consensus

import (
	"encoding/binary"
	"errors"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"github.com/segue-cluster/segue"
)

// inspect reads the whole file at path and checks every record, before bbolt
// and raft build on it: both of them panic at pages and entries they cannot
// read, on goroutines of their own.
func inspect(path string) error {
	err := guarded(path, func() error {
		opts := options()
		opts.ReadOnly = true

		db, err := bbolt.Open(path, 0o600, opts)
		if err != nil {
			return err //nolint:wrapcheck // openError names the file
		}

		defer func() { _ = db.Close() }() //nolint:errcheck // only read

		return db.View(func(tx *bbolt.Tx) error { return verify(tx, path) })
	})

	switch {
	case err == nil:
		return nil
	case errors.Is(err, segue.ErrUnsupported):
		return err
	}

	return openError(path, err)
}

// verify checks the checksum of every record and that the log has no gap.
func verify(tx *bbolt.Tx, path string) error {
	buckets := map[string]bool{bucketMeta: true, bucketLog: true, bucketStable: true}

	err := tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		if b == nil || !buckets[string(name)] {
			return damaged(path, "it has a bucket %q", name)
		}

		delete(buckets, string(name))

		return nil
	})
	if err != nil {
		return err //nolint:wrapcheck // our own
	}

	for name := range buckets {
		return damaged(path, "it has no bucket %q", name)
	}

	if _, err := identityOf(tx, path); err != nil {
		return err
	}

	err = tx.Bucket([]byte(bucketStable)).ForEach(func(key, _ []byte) error {
		_, err := stableValue(tx, path, string(key))

		return err
	})
	if err != nil {
		return err //nolint:wrapcheck // our own
	}

	return verifyLog(tx, path)
}

func verifyLog(tx *bbolt.Tx, path string) error {
	var last uint64

	return tx.Bucket([]byte(bucketLog)).ForEach(func(key, value []byte) error { //nolint:wrapcheck // our own
		if len(key) != 8 {
			return damaged(path, "the log has a key of %d bytes after entry %d", len(key), last)
		}

		index := binary.BigEndian.Uint64(key)
		if index == 0 || last != 0 && index != last+1 {
			return damaged(path, "log entry %d follows entry %d", index, last)
		}

		last = index

		var entry raft.Log
		if err := decodeEntry(value, index, &entry); err != nil {
			return damaged(path, "log entry %d cannot be read: %v", index, err)
		}

		return nil
	})
}

func identityOf(tx *bbolt.Tx, path string) (Identity, error) {
	b := tx.Bucket([]byte(bucketMeta))
	if b == nil {
		return Identity{}, damaged(path, "the record of the node's identity is missing")
	}

	v := b.Get([]byte(keyIdentity))
	if v == nil {
		return Identity{}, damaged(path, "the record of the node's identity is missing")
	}

	id, err := decodeIdentity(v)

	switch {
	case errors.Is(err, segue.ErrUnsupported):
		return Identity{}, err
	case err != nil:
		return Identity{}, damaged(path, "the record of the node's identity cannot be read: %v", err)
	}

	return id, nil
}
