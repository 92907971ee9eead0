package pgfault

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Messages of the frontend/backend protocol, version 3 (PostgreSQL documentation, "Message Formats"): a type byte, but for the
// first, then a length of 4 bytes that counts itself, then the content.

const (
	cancelRequest = 80877102 // in the place of a protocol version
	largest       = 1 << 24
)

type startup []byte

func (s startup) cancels() bool {
	return len(s) >= 8 && binary.BigEndian.Uint32(s[4:]) == cancelRequest
}

func readStartup(from *bufio.Reader) (startup, error) {
	return readSized(from, nil)
}

func readMessage(from *bufio.Reader) ([]byte, error) {
	kind, err := from.ReadByte()
	if err != nil {
		return nil, err
	}
	return readSized(from, []byte{kind})
}

func readSized(from *bufio.Reader, message []byte) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 4 || size > largest {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	rest := make([]byte, size-4)
	if _, err := io.ReadFull(from, rest); err != nil {
		return nil, err
	}
	return append(append(message, head...), rest...), nil
}

// readRequest reads on until a message asks for an answer, or says goodbye: Parse, Bind, Describe and Execute, which come
// before a Sync, belong to it.
func readRequest(from *bufio.Reader) (request []byte, asks bool, err error) {
	for {
		message, err := readMessage(from)
		if err != nil {
			return nil, false, err
		}
		request = append(request, message...)
		switch message[0] {
		case 'p', 'Q', 'S': // a password or SASL message, Query, Sync
			return request, true, nil
		case 'X': // Terminate
			return request, false, nil
		}
	}
}

// completes tells the message with which the server has answered: ReadyForQuery, or a request of the authentication for more
// (AuthenticationOk, 0, and AuthenticationSASLFinal, 12, ask for nothing).
func completes(answer []byte) bool {
	switch answer[0] {
	case 'Z':
		return true
	case 'R':
		code := binary.BigEndian.Uint32(answer[5:])
		return code != 0 && code != 12
	}
	return false
}
