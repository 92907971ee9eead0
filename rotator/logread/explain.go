package logread

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// explain says what was done to which group, as AWS answered it, and where it helps, what to do.
func explain(group, doing, permission string, err error) error {
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return fmt.Errorf("log group %q: %w", group, ErrNoGroup)
	}
	if hint := hint(permission, err); hint != "" {
		return fmt.Errorf("%s log group %q: %w: %s", doing, group, err, hint)
	}
	return fmt.Errorf("%s log group %q: %w", doing, group, err)
}

func hint(permission string, err error) string {
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		return ""
	}
	switch fault.ErrorCode() {
	case "AccessDeniedException":
		return "allow the function's role " + permission + " on it"
	case "LimitExceededException":
		return "100 queries of Logs Insights may run at once in an account and Region: run the sweep when fewer do"
	}
	return ""
}
