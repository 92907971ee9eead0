package logread

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/schemas"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// page is one answer of FilterLogEvents, or why there is none.
type page struct {
	events []Event
	next   *string // token; nil = there are no more in the slice
	err    error
	text   bytes.Buffer // of the answer, what is not decoded yet
}

// An answer is decoded in pieces of about pieceBytes, small enough for the SDK to use their memory again (smithy-go, internal/sync,
// BufferPool). Whole, one of 1 MB leaves 8 MB of garbage behind, of which 4 are the body's as it grows.
const (
	pieceBytes = 32 << 10
	pieceEnd   = `]}`
)

// decode has an answer decoded into the page.
func (p *page) decode(o *cloudwatchlogs.Options) { o.Protocol = inPieces{o.Protocol, p} }

// inPieces is the SDK's protocol, but for how an answer with events is decoded.
type inPieces struct {
	smithyhttp.ClientProtocol
	page *page
}

// DeserializeResponse fills the page, and leaves the output empty. What an earlier attempt has brought is forgotten: an answer may break off.
func (p inPieces) DeserializeResponse(ctx context.Context, schema *smithy.OperationSchema, registry *smithy.TypeRegistry, response *smithyhttp.Response, out smithy.Deserializable) error {
	if response.StatusCode < 200 || response.StatusCode >= 300 {
		return p.ClientProtocol.DeserializeResponse(ctx, schema, registry, response, out)
	}
	p.page.forget()
	return p.page.read(response.Body, func(piece io.Reader) error {
		answer := &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(piece)}}
		return p.ClientProtocol.DeserializeResponse(ctx, schema, registry, answer, p.page)
	})
}

// forget empties a page, whose memory is used again.
func (p *page) forget() {
	clear(p.events)
	p.events, p.next, p.err = p.events[:0], nil, nil
	p.text.Reset()
}

// Deserialize adds the events of a piece to the page's, each in one place: the SDK's own type keeps it in seven.
func (p *page) Deserialize(d smithy.ShapeDeserializer) error {
	return smithy.ReadStruct(d, schemas.FilterLogEventsResponse, func(member *smithy.Schema) error {
		switch member {
		case schemas.FilterLogEventsResponse_events:
			return smithy.ReadList(d, member, func() error { return p.readEvent(d, member.ListMember()) })
		case schemas.FilterLogEventsResponse_nextToken:
			p.next = new(string)
			return d.ReadString(member, p.next)
		}
		return d.ReadDocument(member, new(document.Value))
	})
}

func (p *page) readEvent(d smithy.ShapeDeserializer, schema *smithy.Schema) error {
	p.events = append(p.events, Event{})
	if null, err := d.ReadNil(schema); null || err != nil {
		return err
	}
	e := &p.events[len(p.events)-1]
	return smithy.ReadStruct(d, schema, func(member *smithy.Schema) error {
		switch member {
		case schemas.FilteredLogEvent_logStreamName:
			return d.ReadString(member, &e.Stream)
		case schemas.FilteredLogEvent_timestamp:
			return d.ReadInt64(member, &e.At)
		case schemas.FilteredLogEvent_ingestionTime:
			return d.ReadInt64(member, &e.Ingested)
		case schemas.FilteredLogEvent_message:
			return d.ReadString(member, &e.Message)
		}
		return d.ReadString(member, new(string)) // its id
	})
}

// read cuts an answer between its events, into answers of fewer. Each has what comes before the events, the last what comes after them,
// too: that is no JSON where the answer was cut off.
func (p *page) read(body io.Reader, decode func(piece io.Reader) error) error {
	var before []byte
	for {
		_, err := io.CopyN(&p.text, body, pieceBytes)
		if err != nil && err != io.EOF {
			return &smithy.DeserializationError{Err: err}
		}
		if len(before) == 0 {
			before = bytes.Clone(p.text.Next(eventsBegin(p.text.Bytes())))
		}
		if err == io.EOF && len(before)+p.text.Len() == 0 { // which the SDK takes for an answer without events
			return &smithy.DeserializationError{Err: io.ErrUnexpectedEOF}
		}
		if err == io.EOF {
			return decode(io.MultiReader(bytes.NewReader(before), &p.text))
		}
		if len(before) == 0 {
			continue
		}
		comma := lastComma(p.text.Bytes())
		if comma < 0 {
			continue
		}
		piece := p.text.Next(comma + 1)[:comma]
		if err := decode(io.MultiReader(bytes.NewReader(before), bytes.NewReader(piece), strings.NewReader(pieceEnd))); err != nil {
			return err
		}
	}
}

// eventsBegin is where the array events of an answer begins, after its bracket; 0 = it is not in the text.
func eventsBegin(text []byte) int {
	var key []byte
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			end := stringEnd(text, i)
			key, i = text[i:min(end+1, len(text))], end
		case '{':
			depth++
		case '[':
			if depth == 1 && string(key) == `"events"` {
				return i + 1
			}
			depth++
		case '}', ']':
			depth--
		}
	}
	return 0
}

// lastComma is where the last comma stands between two elements of an array in JSON, of which text is the inside or the beginning of it;
// -1 = there is none.
func lastComma(text []byte) int {
	last, depth := -1, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return last
			}
		case ',':
			if depth == 0 {
				last = i
			}
		}
	}
	return last
}

// stringEnd is where the quote stands that closes the string in JSON which opens at from, or the text's length.
func stringEnd(text []byte, from int) int {
	for i := from + 1; ; i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return len(text)
		}
		i += n
		inside := text[from+1 : i]
		if backslashes := len(inside) - len(bytes.TrimRight(inside, `\`)); backslashes%2 == 0 {
			return i
		}
	}
}
