package iamfront

import (
	"bytes"
	"errors"
	"io"
)

// The tags and results of LDAP that a simple bind needs (RFC 4511, sections 4.1.9 and 4.2).
const (
	tagSequence        = 0x30
	tagInteger         = 0x02
	tagOctets          = 0x04
	tagEnumerated      = 0x0a
	tagBindRequest     = 0x60
	tagBindResponse    = 0x61
	tagSimplePassword  = 0x80
	success            = 0
	invalidCredentials = 49
)

// longest bounds what is read of one message.
const longest = 1 << 16

// bind is a simple bind request.
type bind struct {
	id             []byte
	name, password string
}

var errNoBind = errors.New("not a simple bind")

// readBind reads the next message. Any other request than a simple bind is an error, an unbind among them.
func readBind(r io.Reader) (bind, error) {
	message, err := readElement(r, tagSequence)
	if err != nil {
		return bind{}, err
	}
	id, rest, err := next(message, tagInteger)
	if err != nil {
		return bind{}, err
	}
	request, _, err := next(rest, tagBindRequest)
	if err != nil {
		return bind{}, err
	}
	_, rest, err = next(request, tagInteger) // the version
	if err != nil {
		return bind{}, err
	}
	name, rest, err := next(rest, tagOctets)
	if err != nil {
		return bind{}, err
	}
	password, _, err := next(rest, tagSimplePassword)
	return bind{id: id, name: string(name), password: string(password)}, err
}

// answer is the response to a bind, without words.
func (b bind) answer(code byte) []byte {
	response := element(tagBindResponse, []byte{tagEnumerated, 1, code, tagOctets, 0, tagOctets, 0})
	return element(tagSequence, append(element(tagInteger, b.id), response...))
}

// element encodes what is shorter than 128 bytes.
func element(tag byte, content []byte) []byte {
	return append([]byte{tag, byte(len(content))}, content...)
}

// next splits the first element off data.
func next(data []byte, tag byte) (content, rest []byte, err error) {
	r := bytes.NewReader(data)
	content, err = readElement(r, tag)
	return content, data[len(data)-r.Len():], err
}

// readElement reads one element of BER (X.690) with a definite length.
func readElement(r io.Reader, tag byte) ([]byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if head[0] != tag {
		return nil, errNoBind
	}
	length := int(head[1])
	if head[1] >= 0x80 {
		long := make([]byte, head[1]&0x7f)
		if _, err := io.ReadFull(r, long); err != nil {
			return nil, err
		}
		length = 0
		for _, b := range long {
			length = min(length<<8|int(b), longest+1)
		}
	}
	if length > longest {
		return nil, errNoBind
	}
	content := make([]byte, length)
	_, err := io.ReadFull(r, content)
	return content, err
}
