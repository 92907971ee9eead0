package localaws_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

func TestMain(m *testing.M) { awstest.Main(m) }

// oneOfEach makes one call to every service with the test's credentials.
func oneOfEach(t *testing.T, config aws.Config) map[string]error {
	t.Helper()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	errs := map[string]error{}
	_, errs["secretsmanager"] = secretsmanager.NewFromConfig(config).ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	_, errs["logs"] = cloudwatchlogs.NewFromConfig(config).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	_, errs["rds"] = rds.NewFromConfig(config).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
	_, errs["sts"] = sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/r"), RoleSessionName: aws.String("x")})
	_, errs["sns"] = sns.NewFromConfig(config).Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:us-east-1:123456789012:t"), Message: aws.String("m")})
	_, errs["lambda"] = lambda.NewFromConfig(config).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("probe"), Payload: []byte(`{"do":"echo"}`)})
	return errs
}

func TestInterceptEveryService(t *testing.T) {
	t.Parallel()
	throttling := map[string]string{"secretsmanager": "ThrottlingException", "logs": "ThrottlingException", "rds": "Throttling",
		"sts": "Throttling", "sns": "Throttled", "lambda": "TooManyRequestsException"}
	stack := awstest.Start(t)
	awstest.AddProbe(t, stack, localaws.FunctionOptions{})
	for service, err := range oneOfEach(t, stack.Config()) {
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
	stack.Intercept(func(localaws.Call) localaws.Outcome { return localaws.Throttle })
	for service, err := range oneOfEach(t, stack.Config()) {
		awstest.WantCode(t, err, throttling[service])
	}
	stack.Intercept(func(localaws.Call) localaws.Outcome { return localaws.Fail("AccessDeniedException", 403) })
	for _, err := range oneOfEach(t, stack.Config()) {
		awstest.WantCode(t, err, "AccessDeniedException")
	}
	for _, outcome := range []localaws.Outcome{localaws.LoseReply, localaws.KillBefore, localaws.KillAfter} {
		stack.Intercept(func(localaws.Call) localaws.Outcome { return outcome })
		for service, err := range oneOfEach(t, stack.Config()) {
			if err == nil || !strings.Contains(err.Error(), "EOF") {
				t.Errorf("%v: %s answered %v, want a closed connection", outcome, service, err)
			}
		}
	}
	stack.Intercept(nil)
	for service, err := range oneOfEach(t, stack.Config()) {
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

func TestLostReplyWasCarriedOut(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	for name, test := range map[string]struct {
		outcome localaws.Outcome
		want    int
	}{
		"reply lost":    {localaws.LoseReply, 1},
		"killed after":  {localaws.KillAfter, 1},
		"killed before": {localaws.KillBefore, 0},
		"refused":       {localaws.Fail("InternalError", 500), 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(stack.Notices())
			stack.Intercept(func(localaws.Call) localaws.Outcome { return test.outcome })
			oneOfEach(t, stack.Config())
			if published := len(stack.Notices()) - before; published != test.want {
				t.Errorf("%d notices published, want %d", published, test.want)
			}
		})
	}
}

// scene is a stack with the probe and the secret "db", which holds "one".
type scene struct {
	stack    *localaws.Stack
	function *localaws.Function
	client   *secretsmanager.Client
}

func newScene(t *testing.T) scene {
	t.Helper()
	stack := awstest.Start(t)
	s := scene{stack, awstest.AddProbe(t, stack, localaws.FunctionOptions{}), secretsmanager.NewFromConfig(stack.Config())}
	if _, err := s.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCallsTellWhoAskedForWhat(t *testing.T) {
	t.Parallel()
	r := newScene(t)
	r.stack.ResetCalls()
	const role = "arn:aws:iam::210987654321:role/reader"
	if result := awstest.Do(t, r.function, "do", "assume", "value", role, "SecretId", "db"); string(result.Payload) != `"one"` {
		t.Fatalf("reading under the role: %s", result.Payload)
	}
	if result := awstest.Do(t, r.function, "do", "describe", "SecretId", "db"); string(result.Payload) != `"db"` {
		t.Fatalf("describing: %s", result.Payload)
	}
	if _, err := r.client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("db")}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range r.stack.Calls() {
		got = append(got, fmt.Sprintf("%s %s:%s %q as %q #%d", c.Function, c.Service, c.Operation, c.SecretID, c.Role, c.Number))
	}
	want := []string{
		`probe sts:AssumeRole "" as "" #1`,
		`probe secretsmanager:GetSecretValue "db" as "` + role + `" #2`,
		`probe secretsmanager:DescribeSecret "db" as "" #3`,
		` secretsmanager:DescribeSecret "db" as "" #1`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKilledWhileCalling(t *testing.T) {
	t.Parallel()
	r := newScene(t)
	r.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Function == "probe" {
			return localaws.KillBefore
		}
		return nil
	})
	result := awstest.Do(t, r.function, "do", "describe", "SecretId", "db")
	if result.FunctionError != "Unhandled" || !strings.Contains(string(result.Payload), "signal: killed") {
		t.Errorf("the invocation ended with %s", result.Payload)
	}
	if calls := r.stack.Calls(); calls[len(calls)-1].Number != 1 {
		t.Errorf("a killed process called again: %+v", calls)
	}
}
