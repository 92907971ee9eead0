package localaws

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

const (
	// testAccessKeyID signs the calls of the test itself.
	testAccessKeyID = "AKIALOCALAWSTEST0000"
	// secretAccessKey serves every access key: signatures are not verified.
	secretAccessKey = "localaws-secret-access-key"
)

// caller is who signed a request: the zero value is the test itself.
type caller struct {
	function *Function
	process  *process
	role     string // ARN of the role assumed through STS, "" = the caller's own
	region   string // that the request was signed for
}

// functionName is the name of the calling function, "" for the test itself.
func (c caller) functionName() string {
	if c.function == nil {
		return ""
	}
	return c.function.name
}

// callers knows whom every issued access key id belongs to.
type callers struct {
	mu     sync.Mutex
	byKey  map[string]caller
	issued int
}

func newCallers() *callers {
	return &callers{byKey: map[string]caller{}}
}

// issue makes an access key id for c. Temporary keys begin with ASIA, as AWS's do.
func (c *callers) issue(who caller) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued++
	id := fmt.Sprintf("ASIALOCALAWS%08d", c.issued)
	c.byKey[id] = who
	return id
}

// identify tells who signed r; an unknown or missing key is the test itself.
func (c *callers) identify(r *http.Request) caller {
	_, scope, found := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !found {
		return caller{}
	}
	// AKID/20261122/us-east-1/logs/aws4_request, …
	parts := strings.SplitN(scope, "/", 4)
	c.mu.Lock()
	defer c.mu.Unlock()
	who := c.byKey[parts[0]]
	if len(parts) == 4 {
		who.region = parts[2]
	}
	return who
}

// arn is how AWS names the caller in a refusal.
func (c caller) arn() string {
	if c.role != "" {
		return c.role
	}
	if c.function != nil {
		return "arn:aws:sts::" + AccountID + ":assumed-role/" + c.function.name + "-role/" + c.function.name
	}
	return "arn:aws:iam::" + AccountID + ":user/test"
}
