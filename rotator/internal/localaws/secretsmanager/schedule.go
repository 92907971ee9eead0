package secretsmanager

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws/protocol"
)

// rotationRules are a secret's RotationRules, as requested and as told.
type rotationRules struct {
	AutomaticallyAfterDays *int64  `json:",omitempty"`
	Duration               *string `json:",omitempty"`
	ScheduleExpression     *string `json:",omitempty"`
}

var (
	ratePattern     = regexp.MustCompile(`^rate\((\d+) (hours?|days?)\)$`)
	durationPattern = regexp.MustCompile(`^\d{1,2}h$`)
)

// newRotationRules checks what RotateSecret was given; nil = nothing.
func newRotationRules(in *types.RotationRulesType) (*rotationRules, error) {
	if in == nil {
		return nil, nil
	}
	if in.AutomaticallyAfterDays != nil && in.ScheduleExpression != nil {
		return nil, protocol.InvalidParameter("You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
	}
	if days := in.AutomaticallyAfterDays; days != nil && (*days < 1 || *days > 1000) {
		return nil, protocol.InvalidParameter("RotationRules.AutomaticallyAfterDays must be within 1-1000.")
	}
	if in.Duration != nil && !durationPattern.MatchString(*in.Duration) {
		return nil, protocol.InvalidParameter("RotationRules.Duration must be a number of hours, such as 3h.")
	}
	if in.ScheduleExpression != nil {
		if err := checkSchedule(*in.ScheduleExpression); err != nil {
			return nil, err
		}
	}
	return &rotationRules{in.AutomaticallyAfterDays, in.Duration, in.ScheduleExpression}, nil
}

// checkSchedule accepts rate() of at least four hours, and any six-field cron().
func checkSchedule(expression string) error {
	interval, isRate := rateInterval(expression)
	switch {
	case isRate && interval < 4*time.Hour:
		return protocol.InvalidParameter("RotationRules.ScheduleExpression must be at least four hours.")
	case isRate:
		return nil
	case strings.HasPrefix(expression, "cron(") && strings.HasSuffix(expression, ")") &&
		len(strings.Fields(expression)) == 6:
		return nil
	}
	return protocol.InvalidParameter(fmt.Sprintf("Invalid ScheduleExpression %q.", expression))
}

// rateInterval reads "rate(10 days)".
func rateInterval(expression string) (time.Duration, bool) {
	parts := ratePattern.FindStringSubmatch(expression)
	if parts == nil {
		return 0, false
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0, false
	}
	if strings.HasPrefix(parts[2], "hour") {
		return time.Duration(n) * time.Hour, true
	}
	return time.Duration(n) * 24 * time.Hour, true
}

// next is when the next rotation after a time would be due; zero = not known,
// which is what the stand-in tells for cron().
func (r *rotationRules) next(after time.Time) time.Time {
	if r == nil {
		return time.Time{}
	}
	if r.AutomaticallyAfterDays != nil {
		return after.AddDate(0, 0, int(*r.AutomaticallyAfterDays))
	}
	if interval, isRate := rateInterval(aws.ToString(r.ScheduleExpression)); isRate {
		return after.Add(interval)
	}
	return time.Time{}
}
