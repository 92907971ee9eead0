// Package awserror says what to do about errors of AWS calls that say too little by themselves.
package awserror

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/aws/smithy-go"
)

// Service is an AWS service, by what must allow a call of it.
type Service string

// The services whose errors are told to people.
const (
	SecretsManager Service = "the function's role, the secret's resource policy, the endpoint's policy and, with a customer managed key, the key's policy must all allow it"
	Logs           Service = "the function's role and, with an endpoint in the VPC, the endpoint's policy must both allow it on this log group"
	SNS            Service = "the function's role, the topic's policy, the endpoint's policy and, with a customer managed key, the key's policy must all allow it"
	S3             Service = "the function's role, the bucket's policy and, with a customer managed key, the key's policy must all allow it"
	RDS            Service = "the function's role and, with an endpoint in the VPC, the endpoint's policy must both allow it"
	SecurityHub    Service = "the function's role and, with an endpoint in the VPC, the endpoint's policy must both allow it on the product of the account's own findings"
	EC2            Service = "the function's role must allow it on every resource; an organization's policies may refuse it too"
	IAM            Service = "the function's role, or the one at ASSUME_ROLE_ARN, must allow it on every resource; an organization's policies may refuse it too"
)

// Explain adds the next step to an error of a call, nil to nil. The error stays what errors.Is and errors.As find.
func (s Service) Explain(err error) error {
	if NoAnswer(err) {
		return fmt.Errorf("%w (no answer: a function in a VPC needs a NAT gateway or an interface endpoint of the service, and "+
			"security groups that let it through on port 443)", err)
	}
	if Denied(err) {
		return fmt.Errorf("%w (%s)", err, string(s))
	}
	return err
}

// NoAnswer reports a call that nobody has answered in time.
func NoAnswer(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// Denied reports IAM's refusal: AccessDenied in RDS's query protocol, UnauthorizedOperation in EC2's, AccessDeniedException in the JSON of
// the others.
func Denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains([]string{"AccessDenied", "UnauthorizedOperation", "AccessDeniedException"}, api.ErrorCode())
}
