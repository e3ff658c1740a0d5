package gossip

import (
	"errors"
	"fmt"
	"net"
)

// MaxStreamBytes is what is read from one stream: twice the state of
// MaxMembers live and MaxGone other members.
const MaxStreamBytes = 4 << 20

var errStreamTooLong = fmt.Errorf("the peer sent more than %d bytes in one stream", MaxStreamBytes)

// A stream is a connection of memberlist. Only its reader reads.
type stream struct {
	net.Conn

	transport *transport
	accepted  bool
	left      int // bytes that may still be read
}

// Read reads up to the limit of a stream.
func (s *stream) Read(b []byte) (int, error) {
	if s.left <= 0 {
		return 0, errStreamTooLong
	}

	n, err := s.Conn.Read(b[:min(len(b), s.left)])
	s.left -= n

	return n, err //nolint:wrapcheck // readers compare with io.EOF
}

// Write closes the stream after an error: memberlist forgets to if the very
// first write fails.
func (s *stream) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil {
		err = errors.Join(err, s.Close())
	}

	return n, err
}

// Close closes the connection. A second close is no error.
func (s *stream) Close() error {
	s.transport.untrack(s)

	if err := s.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err //nolint:wrapcheck // *net.OpError says it all
	}

	return nil
}
