package secret

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/aws/smithy-go"
)

// explain adds the next step to the faults of AWS calls that say too little by themselves.
func explain(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w (no answer: a function in a VPC needs a NAT gateway or an interface endpoint of the service, and "+
			"security groups that let it through on port 443)", err)
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException" {
		return fmt.Errorf("%w (the function's role, the secret's resource policy, the endpoint's policy and, with a customer "+
			"managed key, the key's policy must all allow it)", err)
	}
	return err
}
