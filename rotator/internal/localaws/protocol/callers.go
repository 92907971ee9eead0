package protocol

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

const (
	// TestAccessKeyID signs the calls of the test itself.
	TestAccessKeyID = "AKIALOCALAWSTEST0000"
	// SecretAccessKey serves every access key: signatures are not verified.
	SecretAccessKey = "localaws-secret-access-key"
)

// Caller is who signed a request: but for the Region, the zero value is the test itself.
type Caller struct {
	Function    string // name of the calling function, "" for the test itself
	FunctionARN string
	Process     interface{ Kill() } // of the function; nil for the test itself
	Role        string              // ARN of the role assumed through STS, "" = the caller's own
	Region      string              // that the request was signed for
}

// Callers knows whom every issued access key id belongs to.
type Callers struct {
	mu     sync.Mutex
	byKey  map[string]Caller
	issued int
}

// NewCallers knows the test itself only.
func NewCallers() *Callers {
	return &Callers{byKey: map[string]Caller{}}
}

// Issue makes an access key id for c. Temporary keys begin with ASIA, as AWS's do.
func (c *Callers) Issue(who Caller) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued++
	id := fmt.Sprintf("ASIALOCALAWS%08d", c.issued)
	c.byKey[id] = who
	return id
}

// Identify tells who signed r; an unknown or missing key is the test itself.
func (c *Callers) Identify(r *http.Request) Caller {
	parts := credential(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	who := c.byKey[parts[0]]
	who.Region = parts[2]
	return who
}

// SignedFor tells which service r was signed for, as IAM actions name it; "" where it is not signed.
func SignedFor(r *http.Request) string { return credential(r)[3] }

// credential is the parts of a signature's scope: key id, day, Region, service and more, as in
// AKID/20261122/us-east-1/logs/aws4_request.
func credential(r *http.Request) [5]string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	var parts [5]string
	copy(parts[:], strings.SplitN(scope, "/", 5))
	return parts
}

// Account is the one that the caller works in.
func (c Caller) Account() string {
	if c.Role != "" {
		return strings.Split(c.Role, ":")[4]
	}
	return AccountID
}

// arn is how AWS names the caller in a refusal.
func (c Caller) arn() string {
	if c.Role != "" {
		return c.Role
	}
	if c.Function != "" {
		return "arn:aws:sts::" + AccountID + ":assumed-role/" + c.Function + "-role/" + c.Function
	}
	return "arn:aws:iam::" + AccountID + ":user/test"
}
