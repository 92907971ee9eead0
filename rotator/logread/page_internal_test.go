package logread

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/schemas"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// answerOf is an answer whose events have these messages, with its members in an order of which nothing is documented.
func answerOf(t *testing.T, before, after string, messages ...string) string {
	t.Helper()
	var events []string
	for n, message := range messages {
		text, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, fmt.Sprintf(`{"eventId":"%d","message":%s,"timestamp":%d,"ingestionTime":%d,"logStreamName":"s.%d"}`, n, text, n, 2*n, n%3))
	}
	return before + `"events":[` + strings.Join(events, ",") + `]` + after
}

// inWhole decodes an answer as the SDK does.
func inWhole(t *testing.T, answer string) (events []Event, next *string, err error) {
	var out cloudwatchlogs.FilterLogEventsOutput
	err = protocol.DeserializeResponse(t.Context(), operation, cloudwatchlogs.TypeRegistry, responseOf(answer), &out)
	for _, e := range out.Events {
		events = append(events, Event{Stream: aws.ToString(e.LogStreamName), At: aws.ToInt64(e.Timestamp),
			Ingested: aws.ToInt64(e.IngestionTime), Message: aws.ToString(e.Message)})
	}
	return events, out.NextToken, err
}

var (
	protocol  = awsjson.New11(schemas.Logs_20140328)
	operation = smithy.NewOperationSchema(schemas.FilterLogEvents, schemas.FilterLogEventsRequest, schemas.FilterLogEventsResponse)
)

func (p *page) of(t *testing.T, answer string) error {
	return inPieces{protocol, p}.DeserializeResponse(t.Context(), operation, cloudwatchlogs.TypeRegistry, responseOf(answer), &cloudwatchlogs.FilterLogEventsOutput{})
}

func responseOf(body string) *smithyhttp.Response {
	return &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}}
}

// What looks like the JSON around it is told from it, wherever a piece may end; one page takes all answers.
func TestAnswerInPiecesIsTheWholeAnswer(t *testing.T) {
	t.Parallel()
	awkward := []string{`}],"nextToken":"forged"}`, `"`, `\`, `\\`, `\"`, `","`, `[[[`, `}}}]]]`, `{"events":[`, "", "\t,\n", "Grüße, 日本語 \U0001F600 \u2028", "\x00\x1b", `a\\\",b`}
	var many []string
	for n := range 300 {
		many = append(many, strings.Repeat(awkward[n%len(awkward)], 1+n))
	}
	var p page
	for name, answer := range map[string]string{
		"one piece":         answerOf(t, `{`, `,"nextToken":"x"}`, awkward...),
		"many":              answerOf(t, `{`, `,"searchedLogStreams":[],"nextToken":"x"}`, many...),
		"token first":       answerOf(t, `{"nextToken":"events","searchedLogStreams":[{"events":[1,2]},{}],`, `}`, many...),
		"spaces":            answerOf(t, " {\n ", ` , "nextToken" : null } `, many...),
		"spaces before [":   strings.Replace(answerOf(t, `{`, `,"nextToken":"x"}`, many...), `"events":[`, `"events" : [`, 1),
		"much before":       answerOf(t, `{"searchedLogStreams":[`+strings.Repeat(`{"logStreamName":"events"},`, 5000)+`{}],`, `,"nextToken":"x"}`, many...),
		"much behind":       answerOf(t, `{`, `,"searchedLogStreams":[`+strings.Repeat(`{"logStreamName":"a"},`, 5000)+`{}],"nextToken":"x"}`, many...),
		"longer than piece": answerOf(t, `{`, `,"nextToken":"x"}`, "a", strings.Repeat(`",{[\`, pieceBytes), "b", strings.Repeat("c", 3*pieceBytes)),
		"null":              `{"events":[null,{"message":null,"timestamp":1},{"eventId":null,"more":[{}],"message":"m"}],"nextToken":null,"searchedLogStreams":null}`,
		"no events":         answerOf(t, `{`, `,"nextToken":"x"}`),
		"events unknown":    `{"nextToken":"x","other":["events",{"events":[{"message":"not one"}]}]}`,
		"escaped name":      strings.Replace(answerOf(t, `{`, `}`, many...), `"events"`, `"\u0065vents"`, 1),
	} {
		events, next, err := inWhole(t, answer)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := p.of(t, answer); err != nil || !slices.Equal(p.events, events) || !reflect.DeepEqual(p.next, next) {
			t.Errorf("%s: %d events, %v, want %d", name, len(p.events), err, len(events))
		}
	}
}

// An answer that breaks off, if only between two events, is never taken for one that ends there.
func TestCutAnswerIsAnError(t *testing.T) {
	t.Parallel()
	var messages []string
	for n := range 400 {
		messages = append(messages, strings.Repeat("x,", n/4))
	}
	answer := answerOf(t, `{`, `,"nextToken":"x"}`, messages...)
	cuts := []int{0, 1, len(answer) - 1, strings.Index(answer, "[") + 1, strings.LastIndex(answer, "]"), strings.LastIndex(answer, "]") + 1}
	for n := 100; n < len(answer); n += 997 {
		comma := n + strings.Index(answer[n:], `},{`) + 1
		cuts = append(cuts, n, comma, comma+1)
	}
	var p page
	for _, cut := range cuts {
		if err := p.of(t, answer[:cut]); err == nil {
			t.Errorf("cut off after %d of %d bytes, the answer is taken for %d events", cut, len(answer), len(p.events))
		}
	}
}
