package localaws

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds a request: Lambda takes the largest ones, 6 MB.
const maxBody = 8 << 20

// lambdaInvokePath begins the path of every Lambda Invoke call.
const lambdaInvokePath = "/2015-03-31/functions/"

// service is one AWS API: its operations and the form of its answers.
type service struct {
	name       string
	operations map[string]operation
	// succeed shapes what an operation returned.
	succeed func(operation string, result any) reply
	// fail shapes an error.
	fail      func(*apiError) reply
	throttled *apiError
}

// operation carries out one call. Its error is an *apiError.
type operation func(request) (any, error)

// request is what an operation gets to see of a call.
type request struct {
	caller caller
	body   []byte
	form   url.Values // of the query protocol, else nil
	http   *http.Request
}

// reply is an answer ready to be written.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

// apiError is an error that an AWS API answers with.
type apiError struct {
	code    string
	status  int
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// exchange is one call on its way through the Stack.
type exchange struct {
	stack     *Stack
	service   *service
	operation string
	request
	writer http.ResponseWriter
}

func (s *Stack) newServices() map[string]*service {
	return map[string]*service{
		"secretsmanager": newSecretsManagerService(s.secrets),
		"logs":           newLogsService(s.logs),
		"rds":            newRDSService(s.databases),
		"sns":            newSNSService(s.notices),
		"sts":            newSTSService(s.callers),
		"lambda":         newLambdaService(s.functions),
	}
}

func (s *Stack) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	x := &exchange{stack: s, writer: w, request: request{caller: s.callers.identify(r), body: body, http: r}}
	serviceName := x.route()
	x.service = s.services[serviceName]
	if x.service == nil {
		http.Error(w, "no AWS service here answers "+r.Method+" "+r.URL.Path, http.StatusNotFound)
		return
	}
	s.recorder.record(x.call()).apply(x)
}

// route tells the service and the operation from what each protocol says about
// itself: a target header, a path, or the query protocol's form.
func (x *exchange) route() (serviceName string) {
	if target := x.http.Header.Get("X-Amz-Target"); target != "" {
		prefix, operation, _ := strings.Cut(target, ".")
		x.operation = operation
		return map[string]string{"secretsmanager": "secretsmanager", "Logs_20140328": "logs"}[prefix]
	}
	if strings.HasPrefix(x.http.URL.Path, lambdaInvokePath) {
		x.operation = "Invoke"
		return "lambda"
	}
	form, err := url.ParseQuery(string(x.body))
	if err != nil {
		return ""
	}
	x.form, x.operation = form, form.Get("Action")
	return map[string]string{"2014-10-31": "rds", "2010-03-31": "sns", "2011-06-15": "sts"}[form.Get("Version")]
}

// call describes the exchange for the record.
func (x *exchange) call() Call {
	c := Call{
		Service:   x.service.name,
		Operation: x.operation,
		Function:  x.caller.functionName(),
		Role:      x.caller.role,
	}
	if c.Service == "secretsmanager" {
		var addressed struct{ SecretId, RotationToken string }
		// What does not parse is refused by the operation itself.
		_ = json.Unmarshal(x.body, &addressed)
		c.SecretID, c.RotationToken = addressed.SecretId, addressed.RotationToken
	}
	return c
}

// perform carries the call out, once.
func (x *exchange) perform() reply {
	operation, found := x.service.operations[x.operation]
	if !found {
		return x.service.fail(&apiError{code: "UnknownOperationException", status: 400,
			message: "The stand-in does not know the operation " + x.operation + "."})
	}
	result, err := operation(x.request)
	if err == nil {
		return x.service.succeed(x.operation, result)
	}
	refusal, ok := errors.AsType[*apiError](err)
	if !ok {
		refusal = &apiError{code: "InternalFailure", status: 500, message: err.Error()}
	}
	return x.service.fail(refusal)
}

func (x *exchange) send(r reply) {
	header := x.writer.Header()
	header.Set("X-Amzn-Requestid", newUUID())
	for name, value := range r.header {
		header.Set(name, value)
	}
	x.writer.WriteHeader(cmp.Or(r.status, http.StatusOK))
	// A caller that has gone away is no fault of the Stack's.
	_, _ = x.writer.Write(r.body)
}
