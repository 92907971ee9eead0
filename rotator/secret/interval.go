package secret

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const day = 24 * time.Hour

// interval is the time between two rotations: of AutomaticallyAfterDays, of a rate() expression, or, for a cron() one, from
// the last rotation to the next. 0 = the service does not tell.
func interval(rules *types.RotationRulesType, last, next *time.Time) time.Duration {
	if rules == nil {
		return 0
	}
	if days := aws.ToInt64(rules.AutomaticallyAfterDays); days > 0 {
		return time.Duration(days) * day
	}
	if every := Rate(aws.ToString(rules.ScheduleExpression)); every > 0 {
		return every
	}
	if next == nil || last == nil {
		return 0
	}
	return max(0, next.Sub(*last))
}

// Rate reads rate(4 hours) and rate(10 days); 0 for anything else.
func Rate(expression string) time.Duration {
	var n int
	var unit string
	if _, err := fmt.Sscanf(expression, "rate(%d %s", &n, &unit); err != nil {
		return 0
	}
	switch strings.TrimSuffix(unit, ")") {
	case "hour", "hours":
		return time.Duration(n) * time.Hour
	case "day", "days":
		return time.Duration(n) * day
	}
	return 0
}

// AdmitValidity refuses passwords, valid for a number of days (0 = for ever), that expire while they are still in use.
func (d Description) AdmitValidity(validDays int) error {
	if validDays == 0 || d.Interval == 0 || time.Duration(validDays)*day > 2*d.Interval {
		return nil
	}
	return fmt.Errorf("PASSWORD_VALID_DAYS is %d, and the secret rotates every %s: a password is current for one interval and previous for another, so it must be valid for more than two",
		validDays, days(d.Interval))
}

// AdmitSchedule does so for a secret that is to rotate by a schedule expression. How often a cron() one rotates is not known here.
func AdmitSchedule(expression string, validDays int) error {
	return Description{Interval: Rate(expression)}.AdmitValidity(validDays)
}

func days(d time.Duration) string {
	if d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}
