package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// What a server may send. One that sends more is none to log in to: it fills the function's memory, or keeps it hashing.
const (
	mostBeforeLogin = 1 << 20 // bytes until the login is over, where a server says a few hundred
	mostInMessage   = 16 << 20
	mostInSession   = 128 << 20
	mostIterations  = 1_000_000 // of SCRAM; the most that a verifier of this function's has is 600,000
)

// excess is more than a server may send or ask for.
type excess string

func (e excess) Error() string { return string(e) }

// wire passes on what a server sends and looks at it on the way: at every message until the login is over, then at the amount.
type wire struct {
	from    io.Reader
	read    int64
	partial []byte // of the message that has not arrived whole, while logging in
	over    bool   // the login is
	asked   method // how the server first asked the user to prove itself
}

// method is the code of an authentication request (PostgreSQL, "Message Formats").
type method uint32

// The methods that are told apart; 0 is also what a server says at the end.
const (
	askedNothing   method = 0
	askedCleartext method = 3
	askedMD5       method = 5
	askedSASL      method = 10

	saslContinue method = 11
)

func (w *wire) Read(into []byte) (int, error) {
	n, err := w.from.Read(into)
	w.read += int64(n)
	if fault := w.look(into[:n]); fault != nil {
		return 0, fault
	}
	return n, err
}

func (w *wire) look(part []byte) error {
	if w.over {
		if w.read > mostInSession {
			return excess(fmt.Sprintf("the server sent more than %d MiB in one session", mostInSession>>20))
		}
		return nil
	}
	if w.read > mostBeforeLogin {
		return excess(fmt.Sprintf("the server sent more than %d MiB before the login was over", mostBeforeLogin>>20))
	}
	w.partial = append(w.partial, part...)
	for !w.over {
		kind, body, rest, whole := cutMessage(w.partial)
		if !whole {
			return nil
		}
		if err := w.message(kind, body); err != nil {
			return err
		}
		w.partial = rest
	}
	w.partial = nil
	return nil
}

// cutMessage takes the first message off: a byte for its kind, and its length, which counts itself and the body (PostgreSQL,
// "Message Formats").
func cutMessage(from []byte) (kind byte, body, rest []byte, whole bool) {
	const header = 5
	if len(from) < header {
		return 0, nil, from, false
	}
	end := 1 + int(binary.BigEndian.Uint32(from[1:header]))
	if end < header || len(from) < end {
		return 0, nil, from, false
	}
	return from[0], from[header:end], from[end:], true
}

// The messages of a login that are looked at.
const (
	authentication = 'R'
	readyForQuery  = 'Z'
)

func (w *wire) message(kind byte, body []byte) error {
	if kind == readyForQuery {
		w.over = true
	}
	if kind != authentication || len(body) < 4 {
		return nil
	}
	requested := method(binary.BigEndian.Uint32(body))
	if w.asked == askedNothing {
		w.asked = requested
	}
	if requested == saslContinue {
		return admitIterations(body[4:])
	}
	return nil
}

// admitIterations looks at the server-first-message of RFC 5802, r=…,s=…,i=…. One without a number is pgx's to refuse.
func admitIterations(challenge []byte) error {
	for attribute := range bytes.SplitSeq(challenge, []byte(",")) {
		count, ok := bytes.CutPrefix(attribute, []byte("i="))
		if !ok {
			continue
		}
		if n, err := strconv.Atoi(string(count)); err != nil || n > mostIterations {
			return excess(fmt.Sprintf("the server asks for %.20q SCRAM iterations, and more than %d are not computed: set the password again with a smaller scram_iterations",
				count, mostIterations))
		}
	}
	return nil
}
