package localaws

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"pgrotator/rotator/internal/localaws/lambda"
	"pgrotator/rotator/internal/localaws/protocol"
	"pgrotator/rotator/internal/localaws/s3"
	"pgrotator/rotator/internal/localaws/securityhub"
	"pgrotator/rotator/internal/localaws/sts"
)

// maxRequest bounds a request, in bytes: what is put into S3 is the largest.
const maxRequest = 128 << 20

// exchange is one call on its way through the Stack.
type exchange struct {
	stack     *Stack
	service   *protocol.Service
	operation string
	protocol.Request
	writer http.ResponseWriter
}

func (s *Stack) newServices() map[string]*protocol.Service {
	services := map[string]*protocol.Service{}
	for _, service := range []*protocol.Service{s.secretStore.Service(), s.logStore.Service(), s.databases.Service(), s.notices.Service(), s.buckets.Service(), s.findings.Service(), s.subnets.Service(),
		s.functions.Service(), s.identities.Service(), sts.Service(s.callers)} {
		services[service.Name] = service
	}
	return services
}

func (s *Stack) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	x := &exchange{stack: s, writer: w, Request: protocol.Request{Caller: s.callers.Identify(r), Body: body, HTTP: r}}
	serviceName := x.route()
	x.service = s.services[serviceName]
	if x.service == nil {
		http.Error(w, "no AWS service here answers "+r.Method+" "+r.URL.Path, http.StatusNotFound)
		return
	}
	s.recorder.record(x.call()).apply(x)
}

// route tells the service and the operation from what each protocol says about
// itself: a target header, a path, the service that signed it for, or the query
// protocol's form.
func (x *exchange) route() (serviceName string) {
	if target := x.HTTP.Header.Get("X-Amz-Target"); target != "" {
		prefix, operation, _ := strings.Cut(target, ".")
		x.operation = operation
		return map[string]string{"secretsmanager": "secretsmanager", "Logs_20140328": "logs"}[prefix]
	}
	if strings.HasPrefix(x.HTTP.URL.Path, lambda.InvokePath) {
		x.operation = "Invoke"
		return "lambda"
	}
	if protocol.SignedFor(x.HTTP) == "s3" {
		x.operation = s3.Operation(x.HTTP)
		return "s3"
	}
	if protocol.SignedFor(x.HTTP) == "securityhub" {
		x.operation = securityhub.Operation(x.HTTP)
		return "securityhub"
	}
	form, err := url.ParseQuery(string(x.Body))
	if err != nil {
		return ""
	}
	x.Form, x.operation = form, form.Get("Action")
	return map[string]string{"2014-10-31": "rds", "2010-03-31": "sns", "2011-06-15": "sts", "2010-05-08": "iam", "2016-11-15": "ec2"}[form.Get("Version")]
}

// call describes the exchange for the record.
func (x *exchange) call() Call {
	c := Call{
		Service:   x.service.Name,
		Operation: x.operation,
		Function:  x.Caller.Function,
		Role:      x.Caller.Role,
	}
	if c.Service == "sts" {
		c.ExternalID = x.Form.Get("ExternalId")
	}
	if c.Service == "secretsmanager" {
		var addressed struct{ SecretId, RotationToken string }
		// What does not parse is refused by the operation itself.
		_ = json.Unmarshal(x.Body, &addressed)
		c.SecretID, c.RotationToken = addressed.SecretId, addressed.RotationToken
	}
	return c
}

// perform carries the call out, once.
func (x *exchange) perform() protocol.Reply {
	operation, found := x.service.Operations[x.operation]
	if !found {
		return x.service.Fail(&protocol.Error{Code: "UnknownOperationException", Status: 400, Message: "The stand-in does not know the operation " + x.operation + "."})
	}
	result, err := operation(x.Request)
	if err == nil {
		return x.service.Succeed(x.operation, result)
	}
	refusal, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		refusal = &protocol.Error{Code: "InternalFailure", Status: 500, Message: err.Error()}
	}
	return x.service.Fail(refusal)
}

func (x *exchange) send(r protocol.Reply) {
	header := x.writer.Header()
	header.Set("X-Amzn-Requestid", protocol.NewUUID())
	for name, value := range r.Header {
		header.Set(name, value)
	}
	x.writer.WriteHeader(cmp.Or(r.Status, http.StatusOK))
	// A caller that has gone away is no fault of the Stack's.
	_, _ = x.writer.Write(r.Body)
}
