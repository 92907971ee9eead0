package s3

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"strings"

	"pgrotator/rotator/internal/localaws/protocol"
)

// Service is the API of b, which speaks REST with XML.
func (b *Buckets) Service() *protocol.Service {
	return &protocol.Service{
		Name: "s3",
		Operations: map[string]protocol.Operation{
			"PutObject":                  b.in(putObject),
			"GetObject":                  b.in(getObject),
			"HeadObject":                 b.in(headObject),
			"DeleteObject":               b.in(deleteObject),
			"GetObjectLockConfiguration": b.in(getLockConfiguration),
		},
		Succeed:   func(_ string, result any) protocol.Reply { return result.(protocol.Reply) },
		Fail:      failure,
		Throttled: &protocol.Error{Code: "SlowDown", Status: http.StatusServiceUnavailable, Message: "Please reduce your request rate."},
	}
}

// Operation tells which operation a request is by its method and path, as S3 does; "" = none that is known here.
func Operation(r *http.Request) string {
	_, key, inBucket := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("object-lock"):
		return "GetObjectLockConfiguration"
	case !inBucket || key == "":
		return ""
	}
	return map[string]string{http.MethodPut: "PutObject", http.MethodGet: "GetObject", http.MethodHead: "HeadObject",
		http.MethodDelete: "DeleteObject"}[r.Method]
}

// call is one request to a bucket.
type call struct {
	protocol.Request
	key string
}

func (c call) header(name string) string { return c.HTTP.Header.Get("X-Amz-" + name) }

// in carries an operation out in the bucket that the path names, once it is the caller's to ask there.
func (b *Buckets) in(operation func(*bucket, call) (protocol.Reply, error)) protocol.Operation {
	return func(r protocol.Request) (any, error) {
		name, key, _ := strings.Cut(strings.TrimPrefix(r.HTTP.URL.Path, "/"), "/")
		b.mu.Lock()
		defer b.mu.Unlock()
		found := b.buckets[name]
		if found == nil {
			return nil, &protocol.Error{Code: "NoSuchBucket", Status: http.StatusNotFound, Message: "The specified bucket does not exist"}
		}
		c := call{Request: r, key: key}
		if expected := c.header("Expected-Bucket-Owner"); expected != "" && expected != cmp.Or(found.Owner, protocol.AccountID) {
			return nil, &protocol.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Access Denied"}
		}
		if region := cmp.Or(found.Region, protocol.Region); region != cmp.Or(r.Caller.Region, protocol.Region) {
			return elsewhere(region), nil
		}
		return operation(found, c)
	}
}

// elsewhere is the answer about a bucket of another Region.
func elsewhere(region string) protocol.Reply {
	reply := failure(&protocol.Error{Code: "PermanentRedirect", Status: http.StatusMovedPermanently,
		Message: "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."})
	reply.Header["X-Amz-Bucket-Region"] = region
	return reply
}

func failure(e *protocol.Error) protocol.Reply {
	return answer(e.Status, struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: e.Code, Message: e.Message})
}

// answer writes a structure as XML.
func answer(status int, body any) protocol.Reply {
	text, err := xml.Marshal(body)
	if err != nil {
		return protocol.Reply{Status: http.StatusInternalServerError}
	}
	return protocol.Reply{Status: status, Body: text, Header: map[string]string{"Content-Type": "application/xml"}}
}
