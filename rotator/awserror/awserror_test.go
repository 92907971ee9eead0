package awserror_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"pgrotator/rotator/awserror"
)

// What AWS leaves unsaid is added, and the error stays what it was.
func TestExplain(t *testing.T) {
	t.Parallel()
	refused := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "not authorized"} }
	for name, c := range map[string]struct {
		service awserror.Service
		err     error
		want    string // "" = nothing to add
	}{
		"Secrets Manager refuses":   {awserror.SecretsManager, refused("AccessDeniedException"), "the secret's resource policy"},
		"Logs refuses":              {awserror.Logs, refused("AccessDeniedException"), "on this log group"},
		"RDS refuses":               {awserror.RDS, refused("AccessDenied"), "the function's role"},
		"no answer in time":         {awserror.RDS, context.DeadlineExceeded, "NAT gateway"},
		"a connection not answered": {awserror.Logs, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "NAT gateway"},
		"another refusal":           {awserror.RDS, refused("DBClusterNotFoundFault"), ""},
		"another error":             {awserror.Logs, errors.New("broken"), ""},
	} {
		err := c.service.Explain(fmt.Errorf("calling: %w", c.err))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v is no longer the error of the call", name, err)
		}
		if c.want == "" && err.Error() != "calling: "+c.err.Error() || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := awserror.RDS.Explain(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
