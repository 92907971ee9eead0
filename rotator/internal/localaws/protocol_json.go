package localaws

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// newJSONService is a service of the AWS JSON 1.1 protocol.
func newJSONService(name string, operations map[string]operation) *service {
	return &service{
		name:       name,
		operations: operations,
		succeed:    jsonResult,
		fail:       jsonFailure,
		throttled:  &apiError{code: "ThrottlingException", status: 400, message: "Rate exceeded"},
	}
}

// jsonOperation decodes a request into In, the SDK's input type: its field
// names are the protocol's, but for the case of the first letter.
func jsonOperation[In any](carryOut func(caller, *In) (any, error)) operation {
	return func(r request) (any, error) {
		in := new(In)
		if err := json.Unmarshal(r.body, in); err != nil {
			return nil, &apiError{code: "SerializationException", status: 400, message: err.Error()}
		}
		return carryOut(r.caller, in)
	}
}

func jsonReply(status int, body []byte) reply {
	return reply{status: status, body: body, header: map[string]string{"Content-Type": "application/x-amz-json-1.1"}}
}

// jsonResult encodes result; bytes are taken as encoded already.
func jsonResult(_ string, result any) reply {
	if encoded, ok := result.([]byte); ok {
		return jsonReply(200, encoded)
	}
	if result == nil {
		return jsonReply(200, nil)
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return jsonFailure(&apiError{code: "InternalFailure", status: 500, message: err.Error()})
	}
	return jsonReply(200, encoded)
}

func jsonFailure(e *apiError) reply {
	// Strings always encode.
	body, _ := json.Marshal(map[string]string{"__type": e.code, "message": e.message})
	r := jsonReply(e.status, body)
	r.header["X-Amzn-Errortype"] = e.code
	return r
}

// epoch is a time as the JSON protocols write it: seconds since 1970, with
// milliseconds as decimals. The zero time is left out by omitzero.
type epoch struct{ time.Time }

func (e epoch) MarshalJSON() ([]byte, error) {
	seconds := math.Round(float64(e.UnixMilli())) / 1000
	return strconv.AppendFloat(nil, seconds, 'f', -1, 64), nil
}
