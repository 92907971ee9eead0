package logread

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"pgrotator/rotator/awserror"
)

// explain says what was being done to which group, as AWS answered, and what to do about it. permissions are what the call takes, and
// on what.
func explain(group, doing, permissions string, err error) error {
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return fmt.Errorf("log group %q: %w", group, ErrNoGroup)
	}
	if cure := cure(permissions, err); cure != "" {
		return fmt.Errorf("%s log group %q: %w: %s", doing, group, err, cure)
	}
	return fmt.Errorf("%s log group %q: %w", doing, group, awserror.Logs.Explain(err))
}

func cure(permissions string, err error) string {
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		return ""
	}
	switch fault.ErrorCode() {
	case accessDenied:
		return "allow the function's role " + permissions
	case "LimitExceededException":
		return "an account runs 100 queries of Logs Insights at once in a Region: stop some, or sweep at another time"
	case "ThrottlingException":
		return "everybody in the account shares the Region's quota of this request: sweep at another time"
	}
	return ""
}

const accessDenied = "AccessDeniedException"

func isDenied(err error) bool {
	var fault smithy.APIError
	return errors.As(err, &fault) && fault.ErrorCode() == accessDenied
}

// permissions are what an action that reads the group takes.
func (g Group) permissions(action string) string {
	if g.Protected {
		return action + " on the log group and, since a data protection policy masks what it holds, logs:Unmask"
	}
	return action + " on the log group"
}
