package states_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/states"
)

// wrap is a machine whose one state is given.
func wrap(state string) []byte { return []byte(`{"StartAt":"S","States":{"S":` + state + `}}`) }

func TestWhatIsNotInterpretedIsRefused(t *testing.T) {
	t.Parallel()
	for what, definition := range map[string]string{
		"a field":              `{"Type":"Succeed","Assign":{}}`,
		"a type":               `{"Type":"Wait","Seconds":1,"End":true}`,
		"a resource":           `{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}`,
		"no end":               `{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke"}`,
		"a state that is none": `{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Next":"T"}`,
		"an unbounded Map":     `{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"E","States":{"E":{"Type":"Succeed"}}}}`,
	} {
		if _, err := new(states.Machine).Run(t.Context(), wrap(definition), []byte("{}")); err == nil {
			t.Errorf("%s is run", what)
		}
	}
}

const task = `{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload":{"id.$":"$.list[1].id"}},"OutputPath":"$.Payload",` +
	`"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2}],"End":true}`

func TestTaskIsRepeatedAsOftenAsItsRetrySays(t *testing.T) {
	t.Parallel()
	asked := 0
	m := &states.Machine{Invoke: func(_ context.Context, function string, payload []byte) ([]byte, error) {
		if asked++; function != "f" || string(payload) != `{"id":"b"}` {
			t.Errorf("%s was asked %s", function, payload)
		}
		if asked < 3 {
			return nil, &states.Error{Name: "Lambda.Unknown"}
		}
		return []byte(`{"done":true}`), nil
	}}
	input := []byte(`{"list":[{"id":"a"},{"id":"b"}]}`)
	if output, err := m.Run(t.Context(), wrap(task), input); err != nil || string(output) != `{"done":true}` || asked != 3 {
		t.Errorf("%s, %v after %d", output, err, asked)
	}
	asked = -10
	if _, err := m.Run(t.Context(), wrap(task), input); err == nil || asked != -7 {
		t.Errorf("%v after %d", err, asked+10)
	}
}

const distributed = `{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON"},"Parameters":{"Bucket":"b","Key.$":"$.key"}},` +
	`"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"E","States":{"E":{"Type":"Succeed"}}},"MaxConcurrency":5,` +
	`"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"p"}},"OutputPath":"$.ResultWriterDetails","End":true}`

// The items come from S3, and may be more than a state holds; each is the input of a child.
func TestItemsAreReadFromS3(t *testing.T) {
	t.Parallel()
	written := map[string][]byte{}
	m := &states.Machine{
		Get: func(_ context.Context, bucket, key string) ([]byte, error) {
			if bucket != "b" || key != "k" {
				return nil, fmt.Errorf("there is no %s in %s", key, bucket)
			}
			return []byte("[" + strings.Repeat(`{"id":"`+strings.Repeat("x", 100)+`"},`, 5000) + `{"id":"last"}]`), nil
		},
		Put: func(_ context.Context, _, key string, body []byte) error { written[key] = body; return nil },
	}
	if _, err := m.Run(t.Context(), wrap(distributed), []byte(`{"key":"k"}`)); err != nil {
		t.Fatal(err)
	}
	var children []struct{ Input string }
	for key, body := range written {
		if strings.HasSuffix(key, "/SUCCEEDED_0.json") && json.Unmarshal(body, &children) != nil {
			t.Errorf("%s is %.100s", key, body)
		}
	}
	if len(children) != 5001 || children[5000].Input != `{"id":"last"}` {
		t.Errorf("%d children", len(children))
	}
	if _, err := m.Run(t.Context(), wrap(distributed), []byte(`{"key":"other"}`)); err == nil || !strings.Contains(err.Error(), "States.ItemReaderFailed: there is no other in b") {
		t.Errorf("%v", err)
	}
}

// What is too large for a state ends the execution, whatever its Catch and Retry say.
func TestPayloadIsBounded(t *testing.T) {
	t.Parallel()
	m := &states.Machine{Invoke: func(context.Context, string, []byte) ([]byte, error) {
		return []byte(`"` + strings.Repeat("x", 300<<10) + `"`), nil
	}}
	if _, err := m.Run(t.Context(), wrap(task), []byte(`{"list":[1,{"id":"b"}]}`)); err == nil || !strings.Contains(err.Error(), "States.DataLimitExceeded") {
		t.Errorf("%v", err)
	}
}
