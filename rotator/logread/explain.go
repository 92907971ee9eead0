package logread

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// explain says what was being done to which group, as AWS answered, and what to do about it. The permission is what the call takes.
func explain(group, doing, permission string, err error) error {
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return fmt.Errorf("log group %q: %w", group, ErrNoGroup)
	}
	fault := fmt.Errorf("%s log group %q: %w", doing, group, err)
	if cure := cure(permission, err); cure != "" {
		return fmt.Errorf("%w: %s", fault, cure)
	}
	return fault
}

func cure(permission string, err error) string {
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		return ""
	}
	switch fault.ErrorCode() {
	case "AccessDeniedException":
		return "allow the function's role " + permission + " on the log group"
	case "LimitExceededException":
		return "an account runs 100 queries of Logs Insights at once in a Region: stop some, or sweep at another time"
	case "ThrottlingException":
		return "everybody in the account shares the Region's quota of this request: sweep at another time"
	}
	return ""
}
