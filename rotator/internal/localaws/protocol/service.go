// Package protocol is what the stand-ins of AWS services have in common: how a call reaches an operation, how its result or its
// error is written in each of AWS's protocols, and who signed it.
package protocol

import (
	"net/http"
	"net/url"
)

const (
	// AccountID is the account that every ARN names.
	AccountID = "123456789012"
	// Region is the Region that every ARN names.
	Region = "us-east-1"
)

// MaxBody bounds a request, in bytes: Lambda takes the largest ones, 6 MB.
const MaxBody = 8 << 20

// Service is one AWS API: its operations and the form of its answers.
type Service struct {
	Name       string
	Operations map[string]Operation
	// Succeed shapes what an operation returned.
	Succeed func(operation string, result any) Reply
	// Fail shapes an error.
	Fail      func(*Error) Reply
	Throttled *Error
}

// Operation carries out one call. Its error is an *Error.
type Operation func(Request) (any, error)

// Request is what an operation gets to see of a call.
type Request struct {
	Caller Caller
	Body   []byte
	Form   url.Values // of the query protocol, else nil
	HTTP   *http.Request
}

// Reply is an answer ready to be written.
type Reply struct {
	Status int // 0 = 200
	Header map[string]string
	Body   []byte
}

// Error is an error that an AWS API answers with.
type Error struct {
	Code    string
	Status  int // of HTTP
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// NotFound is the refusal of what names something that does not exist, in the JSON protocols.
func NotFound(message string) error {
	return &Error{Code: "ResourceNotFoundException", Status: 400, Message: message}
}

// InvalidParameter is the refusal of a parameter, in the JSON protocols.
func InvalidParameter(message string) error {
	return &Error{Code: "InvalidParameterException", Status: 400, Message: message}
}

// AccessDenied is IAM's refusal, in the words that AWS services use.
func AccessDenied(c Caller, action, resource string) error {
	return &Error{Code: "AccessDeniedException", Status: 400, Message: "User: " + c.arn() + " is not authorized to perform: " +
		action + " on resource: " + resource + " because no identity-based policy allows the " + action + " action"}
}
