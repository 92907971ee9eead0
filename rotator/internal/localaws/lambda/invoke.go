package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"pgrotator/rotator/internal/localaws/protocol"
)

// logTail is how much of the log Lambda returns with an invocation: 4 KB.
const logTail = 4 << 10

// InvokePath begins the path of every Invoke call.
const InvokePath = "/2015-03-31/functions/"

// Service is the API of fs.
func (fs *Functions) Service() *protocol.Service {
	return &protocol.Service{
		Name:       "lambda",
		Operations: map[string]protocol.Operation{"Invoke": fs.invoke},
		Succeed:    func(_ string, result any) protocol.Reply { return result.(protocol.Reply) },
		Fail:       restFailure,
		Throttled:  &protocol.Error{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded."},
	}
}

func restFailure(e *protocol.Error) protocol.Reply {
	// Strings always encode.
	body, _ := json.Marshal(map[string]string{"Type": "User", "Message": e.Message})
	return protocol.Reply{Status: e.Status, Body: body, Header: map[string]string{
		"Content-Type":     "application/json",
		"X-Amzn-Errortype": e.Code,
	}}
}

// invoke is POST /2015-03-31/functions/{name or ARN}/invocations. An Event
// invocation is tried once, without the two retries that Lambda makes.
func (fs *Functions) invoke(r protocol.Request) (any, error) {
	f, err := fs.addressed(r.HTTP.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	payload := r.Body
	if len(payload) == 0 {
		payload = []byte("{}") // as Lambda hands over an invocation without a payload
	}
	if !json.Valid(payload) {
		return nil, &protocol.Error{Code: "InvalidRequestContentException", Status: 400,
			Message: "Could not parse request body into json."}
	}
	switch r.HTTP.Header.Get("X-Amz-Invocation-Type") {
	case "Event":
		go f.Invoke(fs.ctx, payload)
		return protocol.Reply{Status: 202}, nil
	case "DryRun":
		return protocol.Reply{Status: 204}, nil
	}
	return fs.requestResponse(f, payload, r.HTTP.Header.Get("X-Amz-Log-Type") == "Tail")
}

// addressed finds the function that an Invoke path names.
func (fs *Functions) addressed(path string) (*Function, error) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, InvokePath), "/")
	name, err := url.PathUnescape(name)
	if err != nil || rest != "invocations" {
		return nil, &protocol.Error{Code: "UnknownOperationException", Status: 404, Message: "Only Invoke is known here."}
	}
	if f := fs.Function(name); f != nil {
		return f, nil
	}
	return nil, &protocol.Error{Code: "ResourceNotFoundException", Status: 404,
		Message: "Function not found: " + functionARN(strings.TrimPrefix(name, functionARN("")))}
}

// requestResponse runs f to its end, also when the caller has gone away.
func (fs *Functions) requestResponse(f *Function, payload []byte, withLog bool) (any, error) {
	result, err := f.Invoke(context.WithoutCancel(fs.ctx), payload)
	if err != nil {
		return nil, &protocol.Error{Code: "ServiceException", Status: 500, Message: err.Error()}
	}
	answer := protocol.Reply{Status: 200, Body: result.Payload, Header: map[string]string{
		"Content-Type":           "application/json",
		"X-Amz-Executed-Version": "$LATEST",
	}}
	if result.FunctionError != "" {
		answer.Header["X-Amz-Function-Error"] = result.FunctionError
	}
	if withLog {
		tail := result.Log[max(0, len(result.Log)-logTail):]
		answer.Header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString([]byte(tail))
	}
	return answer, nil
}
