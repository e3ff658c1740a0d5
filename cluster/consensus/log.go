package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// logFill is how full pages are written: entries are only appended.
const logFill = 0.95

var (
	_ raft.LogStore          = (*disk)(nil)
	_ raft.MonotonicLogStore = (*disk)(nil)
)

// IsMonotonic tells raft that the log has no gaps.
func (*disk) IsMonotonic() bool { return true }

// FirstIndex returns the index of the oldest entry, 0 if there is none.
func (d *disk) FirstIndex() (uint64, error) {
	first, _, err := d.bounds()

	return first, err
}

// LastIndex returns the index of the newest entry, 0 if there is none.
func (d *disk) LastIndex() (uint64, error) {
	_, last, err := d.bounds()

	return last, err
}

func (d *disk) bounds() (first, last uint64, err error) {
	err = d.read("reading the bounds of the log", func(tx *bbolt.Tx) error {
		var err error
		first, last, err = boundsOf(tx, d.path)

		return err
	})

	return first, last, err
}

func boundsOf(tx *bbolt.Tx, path string) (first, last uint64, err error) {
	cursor := tx.Bucket([]byte(bucketLog)).Cursor()

	low, _ := cursor.First()
	if low == nil {
		return 0, 0, nil
	}

	high, _ := cursor.Last()
	if len(low) != 8 || len(high) != 8 {
		return 0, 0, damaged(path, "the log has keys of %d and %d bytes", len(low), len(high))
	}

	return binary.BigEndian.Uint64(low), binary.BigEndian.Uint64(high), nil
}

func logKey(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

// GetLog copies the entry of that index into l. It returns
// [raft.ErrLogNotFound], and exactly that, if there is none.
func (d *disk) GetLog(index uint64, l *raft.Log) error {
	return d.read("reading an entry", func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketLog)).Get(logKey(index))
		if v == nil {
			return raft.ErrLogNotFound
		}

		if err := decodeEntry(v, index, l); err != nil {
			return damaged(d.path, "log entry %d cannot be read: %v", index, err)
		}

		return nil
	})
}

// StoreLog appends one entry.
func (d *disk) StoreLog(l *raft.Log) error { return d.StoreLogs([]*raft.Log{l}) }

// StoreLogs appends entries, in one transaction. They must follow the last one
// without a gap.
func (d *disk) StoreLogs(logs []*raft.Log) error {
	values := make([][]byte, len(logs))

	for i, l := range logs {
		var err error
		if values[i], err = encodeEntry(l); err != nil {
			return err
		}
	}

	return d.write("appending to the log", func(tx *bbolt.Tx) error {
		_, last, err := boundsOf(tx, d.path)
		if err != nil {
			return err
		}

		b := tx.Bucket([]byte(bucketLog))
		b.FillPercent = logFill

		for i, l := range logs {
			if l.Index == 0 || last != 0 && l.Index != last+1 {
				return fmt.Errorf("log entry %d cannot follow entry %d", l.Index, last)
			}

			if err := b.Put(logKey(l.Index), values[i]); err != nil {
				return fmt.Errorf("log entry %d: %w", l.Index, err)
			}

			last = l.Index
		}

		return nil
	})
}

// DeleteRange removes the entries from low to high, both included. The rest
// must not have a gap.
func (d *disk) DeleteRange(low, high uint64) error {
	return d.write("truncating the log", func(tx *bbolt.Tx) error {
		first, last, err := boundsOf(tx, d.path)
		if err != nil {
			return err
		}

		low, high := max(low, first), min(high, last)
		if first == 0 || low > high {
			return nil
		}

		switch {
		case low == first && high == last:
			return errors.Join(tx.DeleteBucket([]byte(bucketLog)), createBucket(tx, bucketLog))
		case low != first && high != last:
			return fmt.Errorf("removing entries %d to %d would leave a gap in the log from %d to %d", low, high, first, last)
		}

		b := tx.Bucket([]byte(bucketLog))
		for i := low; i <= high; i++ {
			if err := b.Delete(logKey(i)); err != nil {
				return fmt.Errorf("log entry %d: %w", i, err)
			}
		}

		return nil
	})
}

func createBucket(tx *bbolt.Tx, name string) error {
	_, err := tx.CreateBucket([]byte(name))

	return err //nolint:wrapcheck // names the bucket
}
