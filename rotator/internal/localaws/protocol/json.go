package protocol

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// NewJSONService is a service of the AWS JSON 1.1 protocol.
func NewJSONService(name string, operations map[string]Operation) *Service {
	return &Service{
		Name:       name,
		Operations: operations,
		Succeed:    jsonResult,
		Fail:       jsonFailure,
		Throttled:  &Error{Code: "ThrottlingException", Status: 400, Message: "Rate exceeded"},
	}
}

// JSONOperation decodes a request into In, the SDK's input type: its field
// names are the protocol's, but for the case of the first letter.
func JSONOperation[In any](carryOut func(Caller, *In) (any, error)) Operation {
	return func(r Request) (any, error) {
		in := new(In)
		if err := json.Unmarshal(r.Body, in); err != nil {
			return nil, &Error{Code: "SerializationException", Status: 400, Message: err.Error()}
		}
		return carryOut(r.Caller, in)
	}
}

func jsonReply(status int, body []byte) Reply {
	return Reply{Status: status, Body: body, Header: map[string]string{"Content-Type": "application/x-amz-json-1.1"}}
}

// jsonResult encodes result; bytes are taken as encoded already.
func jsonResult(_ string, result any) Reply {
	if encoded, ok := result.([]byte); ok {
		return jsonReply(200, encoded)
	}
	if result == nil {
		return jsonReply(200, nil)
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return jsonFailure(&Error{Code: "InternalFailure", Status: 500, Message: err.Error()})
	}
	return jsonReply(200, encoded)
}

func jsonFailure(e *Error) Reply {
	// Strings always encode.
	body, _ := json.Marshal(map[string]string{"__type": e.Code, "message": e.Message})
	r := jsonReply(e.Status, body)
	r.Header["X-Amzn-Errortype"] = e.Code
	return r
}

// Epoch is a time as the JSON protocols write it: seconds since 1970, with
// milliseconds as decimals. The zero time is left out by omitzero.
type Epoch struct{ time.Time }

// MarshalJSON writes the time as a number.
func (e Epoch) MarshalJSON() ([]byte, error) {
	seconds := math.Round(float64(e.UnixMilli())) / 1000
	return strconv.AppendFloat(nil, seconds, 'f', -1, 64), nil
}
