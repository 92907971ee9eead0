package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryParameterIsConstrainedAndDescribed(t *testing.T) {
	t.Parallel()
	for name, p := range readTemplate(t).Parameters {
		if p.Description == "" {
			t.Errorf("%s has no description", name)
		}
		bounded := p.MinValue != nil && p.MaxValue != nil
		if !strings.Contains(p.Type, "AWS::") && p.AllowedPattern == "" && len(p.AllowedValues) == 0 && !bounded {
			t.Errorf("%s takes any %s", name, p.Type)
		}
		if p.AllowedPattern != "" && p.ConstraintDescription == "" {
			t.Errorf("%s would be refused with a bare regular expression", name)
		}
		if p.Default != nil && !p.accepts(fmt.Sprint(p.Default)) {
			t.Errorf("%s refuses its own default %v", name, p.Default)
		}
	}
}

func TestEveryParameterHasOneGroupAndALabel(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	grouped := map[string]int{}
	for _, group := range template.Metadata.Interface.ParameterGroups {
		for _, name := range group.Parameters {
			grouped[name]++
		}
	}
	for name := range template.Parameters {
		if grouped[name] != 1 {
			t.Errorf("%s is in %d groups", name, grouped[name])
		}
		if template.Metadata.Interface.ParameterLabels[name] == nil {
			t.Errorf("%s has no label", name)
		}
		delete(grouped, name)
	}
	if len(grouped) > 0 {
		t.Errorf("groups name parameters that do not exist: %v", grouped)
	}
}

// accepts tells whether CloudFormation would take the value, by pattern and list.
func (p parameter) accepts(value string) bool {
	if len(p.AllowedValues) > 0 && !slices.ContainsFunc(p.AllowedValues, func(v any) bool { return fmt.Sprint(v) == value }) {
		return false
	}
	return p.AllowedPattern == "" || regexp.MustCompile(`^(?:`+p.AllowedPattern+`)$`).MatchString(value)
}

func TestParametersRefuseWhatFailsLater(t *testing.T) {
	t.Parallel()
	flaws := []struct{ flaw, parameter, value string }{
		{"unit that does not exist", "RotationScheduleExpression", "rate(30 dayz)"},
		{"one days", "RotationScheduleExpression", "rate(1 days)"},
		{"more often than the service can", "RotationScheduleExpression", "rate(3 hours)"},
		{"minutes", "RotationScheduleExpression", "rate(30 minutes)"},
		{"not on the hour", "RotationScheduleExpression", "cron(30 3 1 * ? *)"},
		{"five fields", "RotationScheduleExpression", "cron(0 3 1 * ?)"},
		{"window of 25 hours", "RotationDuration", "25h"},
		{"window without unit", "RotationDuration", "3"},
		{"less often than daily", "SweepScheduleExpression", "rate(2 days)"},
		{"ARN without suffix", "SecretArn", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders"},
		{"name instead of ARN", "SecretArn", "orders"},
		{"space after the comma", "AdditionalSecretArns", ownSecret + ", " + ownSecret},
		{"trailing comma", "AdditionalSecretArns", ownSecret + ","},
		{"alias instead of key", "SecretKmsKeyArn", "arn:aws:kms:eu-west-1:111122223333:alias/orders"},
		{"user without a twin", "DatabaseUser", "app"},
		{"quote in the new secret's JSON", "DatabaseName", `app"`},
		{"upper-case identifier, unknown to the log group", "DatabaseIdentifier", "Orders"},
		{"trailing hyphen", "DatabaseIdentifier", "orders-"},
		{"pattern for every instance", "ReplicaIdentifierPattern", "*"},
		{"object instead of list", "IgnoreUserList", `{"a":1}`},
		{"zero days", "LockIntervalDays", "0"},
		{"negative days", "DeleteIntervalDays", "-1"},
		{"relative path", "DatabaseCaFile", "ca.pem"},
		{"layer without version", "DatabaseCaLayerArn", "arn:aws:lambda:eu-west-1:111122223333:layer:ca"},
		{"user instead of role", "AssumeRoleArn", "arn:aws:iam::444455556666:user/rotation"},
	}
	parameters := readTemplate(t).Parameters
	for _, c := range flaws {
		t.Run(c.flaw, func(t *testing.T) {
			t.Parallel()
			if parameters[c.parameter].accepts(c.value) {
				t.Errorf("%s accepts %q", c.parameter, c.value)
			}
		})
	}
}

func TestParametersAcceptWhatWorks(t *testing.T) {
	t.Parallel()
	values := map[string][]string{
		"RotationScheduleExpression": {"rate(4 hours)", "rate(23 hours)", "rate(1 day)", "rate(30 days)", "rate(999 days)", "cron(0 3 1 * ? *)", "cron(0 8/12 ? * MON *)", "cron(0 0 L * ? *)"},
		"SweepScheduleExpression":    {"rate(1 hour)", "rate(6 hours)", "rate(1 day)", "cron(17 3 * * ? *)", "cron(0/30 * * * ? *)"},
		"SecretArn":                  {"", ownSecret, "arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:a/b_c+d=e.f@g-h-AbCdEf"},
		"AdditionalSecretArns":       {"", ownSecret, moreSecrets},
		"MasterSecretArn":            {"", masterSecret},
		"ReplicaIdentifierPattern":   {"", "orders-replica", "orders-replica-*"},
		"IgnoreUserList":             {"[]", `["batch_*","etl"]`},
		"LockIntervalDays":           {"", "89"},
		"DatabaseUser":               {"app_a", "app_b", "orders_rw_a"},
	}
	parameters := readTemplate(t).Parameters
	for name, good := range values {
		for _, value := range good {
			if !parameters[name].accepts(value) {
				t.Errorf("%s refuses %q", name, value)
			}
		}
	}
	for name, others := range alternatives {
		for _, value := range others {
			if !parameters[name].accepts(value) {
				t.Errorf("%s refuses %q", name, value)
			}
		}
	}
}
