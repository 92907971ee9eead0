package secret_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/secret"
)

// The interval is what DescribeSecret tells of the schedule: RotateSecret with RotateImmediately=false stores one.
func TestInterval(t *testing.T) {
	t.Parallel()
	stack, err := localaws.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	function, err := stack.AddFunction(localaws.FunctionOptions{Name: "idle", Binary: "/bin/false"})
	if err != nil {
		t.Fatal(err)
	}
	client := secretsmanager.NewFromConfig(stack.Config())
	store := secret.NewStore(client)
	for name, c := range map[string]struct {
		rules *types.RotationRulesType
		want  time.Duration
	}{
		"no rules":  {nil, 0},
		"days":      {&types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}, 30 * 24 * time.Hour},
		"rate days": {&types.RotationRulesType{ScheduleExpression: aws.String("rate(10 days)")}, 10 * 24 * time.Hour},
		"one day":   {&types.RotationRulesType{ScheduleExpression: aws.String("rate(1 day)")}, 24 * time.Hour},
		"hours":     {&types.RotationRulesType{ScheduleExpression: aws.String("rate(4 hours)")}, 4 * time.Hour},
		"cron":      {&types.RotationRulesType{ScheduleExpression: aws.String("cron(0 16 1,15 * ? *)")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := strings.ReplaceAll(name, " ", "-")
			if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &id, SecretString: aws.String("{}")}); err != nil {
				t.Fatal(err)
			}
			_, err := client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &id, RotationRules: c.rules,
				RotationLambdaARN: aws.String(function.ARN()), RotateImmediately: aws.Bool(false)})
			if err != nil {
				t.Fatal(err)
			}
			d, err := store.Describe(t.Context(), id)
			if err != nil || d.Interval != c.want {
				t.Errorf("%s, error %v; want %s", d.Interval, err, c.want)
			}
		})
	}
}

// A password is current for one interval and previous for another.
func TestAdmitValidity(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		days     int
		interval time.Duration
		admitted bool
	}{
		{0, 30 * day, true}, {60, 30 * day, false}, {61, 30 * day, true}, {1, 4 * time.Hour, true}, {1, 12 * time.Hour, false}, {1, 0, true},
	} {
		if err := (secret.Description{Interval: c.interval}).AdmitValidity(c.days); (err == nil) != c.admitted {
			t.Errorf("%d days, every %s: %v", c.days, c.interval, err)
		}
	}
}
