package localaws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// logTail is how much of the log Lambda returns with an invocation: 4 KB.
const logTail = 4 << 10

func newLambdaService(fs *functions) *service {
	return &service{
		name:       "lambda",
		operations: map[string]operation{"Invoke": fs.invoke},
		succeed:    func(_ string, result any) reply { return result.(reply) },
		fail:       restFailure,
		throttled:  &apiError{code: "TooManyRequestsException", status: 429, message: "Rate Exceeded."},
	}
}

func restFailure(e *apiError) reply {
	// Strings always encode.
	body, _ := json.Marshal(map[string]string{"Type": "User", "Message": e.message})
	return reply{status: e.status, body: body, header: map[string]string{
		"Content-Type":     "application/json",
		"X-Amzn-Errortype": e.code,
	}}
}

// invoke is POST /2015-03-31/functions/{name or ARN}/invocations. An Event
// invocation is tried once, without the two retries that Lambda makes.
func (fs *functions) invoke(r request) (any, error) {
	f, err := fs.addressed(r.http.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	payload := r.body
	if len(payload) == 0 {
		payload = []byte("{}") // as Lambda hands over an invocation without a payload
	}
	if !json.Valid(payload) {
		return nil, &apiError{code: "InvalidRequestContentException", status: 400,
			message: "Could not parse request body into json."}
	}
	switch r.http.Header.Get("X-Amz-Invocation-Type") {
	case "Event":
		go f.Invoke(fs.stack.ctx, payload)
		return reply{status: 202}, nil
	case "DryRun":
		return reply{status: 204}, nil
	}
	return fs.requestResponse(f, payload, r.http.Header.Get("X-Amz-Log-Type") == "Tail")
}

// addressed finds the function that an Invoke path names.
func (fs *functions) addressed(path string) (*Function, error) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, lambdaInvokePath), "/")
	name, err := url.PathUnescape(name)
	if err != nil || rest != "invocations" {
		return nil, &apiError{code: "UnknownOperationException", status: 404, message: "Only Invoke is known here."}
	}
	if f := fs.find(name); f != nil {
		return f, nil
	}
	return nil, &apiError{code: "ResourceNotFoundException", status: 404,
		message: "Function not found: " + functionARN(strings.TrimPrefix(name, functionARN("")))}
}

// requestResponse runs f to its end, also when the caller has gone away.
func (fs *functions) requestResponse(f *Function, payload []byte, withLog bool) (any, error) {
	result, err := f.Invoke(context.WithoutCancel(fs.stack.ctx), payload)
	if err != nil {
		return nil, &apiError{code: "ServiceException", status: 500, message: err.Error()}
	}
	answer := reply{status: 200, body: result.Payload, header: map[string]string{
		"Content-Type":           "application/json",
		"X-Amz-Executed-Version": "$LATEST",
	}}
	if result.FunctionError != "" {
		answer.header["X-Amz-Function-Error"] = result.FunctionError
	}
	if withLog {
		tail := result.Log[max(0, len(result.Log)-logTail):]
		answer.header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString([]byte(tail))
	}
	return answer, nil
}
