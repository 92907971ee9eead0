package logs

import (
	"hash/fnv"
	"strconv"
	"unicode/utf8"
)

// logPage is FilterLogEvents' output, encoded as it grows: a sweep reads
// millions of events, and encoding/json would be most of the stand-in's time.
type logPage struct {
	json  []byte
	names map[string]streamName
}

// streamName is a stream's name as JSON, and the digits it gives to event ids.
type streamName struct{ quoted, digits string }

func newLogPage() *logPage {
	return &logPage{json: []byte(`{"searchedLogStreams":[],"events":[`), names: map[string]streamName{}}
}

func (p *logPage) add(stream string, e storedEvent) {
	name, known := p.names[stream]
	if !known {
		name = newStreamName(stream)
		p.names[stream] = name
	}
	if p.json[len(p.json)-1] != '[' {
		p.json = append(p.json, ',')
	}
	p.json = append(p.json, `{"logStreamName":`...)
	p.json = append(p.json, name.quoted...)
	p.json = append(p.json, `,"timestamp":`...)
	p.json = strconv.AppendInt(p.json, e.timestamp, 10)
	p.json = append(p.json, `,"ingestionTime":`...)
	p.json = strconv.AppendInt(p.json, e.ingested, 10)
	p.json = append(p.json, `,"eventId":"`...)
	// 56 digits, as the service's, unique and the same whenever it is read.
	p.json = appendPadded(p.json, e.timestamp, 16)
	p.json = append(p.json, name.digits...)
	p.json = appendPadded(p.json, e.sequence, 20)
	p.json = append(p.json, `","message":`...)
	p.json = appendQuoted(p.json, e.message)
	p.json = append(p.json, '}')
}

// encode ends the page; an empty token ends the pagination.
func (p *logPage) encode(token string) []byte {
	p.json = append(p.json, ']')
	if token != "" {
		p.json = append(p.json, `,"nextToken":"`...)
		p.json = append(p.json, token...)
		p.json = append(p.json, '"')
	}
	return append(p.json, '}')
}

func newStreamName(name string) streamName {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return streamName{string(appendQuoted(nil, name)), string(appendPadded(nil, int64(hash.Sum64()>>1), 20))}
}

// appendPadded writes a number that is not negative with leading zeros.
func appendPadded(b []byte, n int64, width int) []byte {
	var digits [20]byte
	written := strconv.AppendInt(digits[:0], n, 10)
	for range width - len(written) {
		b = append(b, '0')
	}
	return append(b, written...)
}

// appendQuoted writes text as a JSON string.
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r >= utf8.RuneSelf && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		b = append(b, text[start:i]...)
		b = appendEscaped(b, c)
		i += size
		start = i
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}

// appendEscaped writes a byte that a JSON string cannot hold as it is.
func appendEscaped(b []byte, c byte) []byte {
	const hexadecimal = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\t':
		return append(b, `\t`...)
	case c < ' ':
		return append(b, '\\', 'u', '0', '0', hexadecimal[c>>4], hexadecimal[c&15])
	}
	return append(b, `\ufffd`...) // not UTF-8
}
