package secretsmanager_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localaws/awstest"
)

func TestMain(m *testing.M) { awstest.Main(m) }

// rotating is a stack with a secret that holds "one", and the probe as its
// rotation function.
type rotating struct {
	stack    *localaws.Stack
	function *localaws.Function
	client   *secretsmanager.Client
	first    string // version id of "one"
}

func newRotating(t *testing.T, env map[string]string) *rotating {
	t.Helper()
	stack := awstest.Start(t)
	stack.SetRotationRetries(2, time.Millisecond)
	r := &rotating{stack: stack, function: awstest.AddProbe(t, stack, localaws.FunctionOptions{Env: env}),
		client: secretsmanager.NewFromConfig(stack.Config())}
	out, err := r.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	r.first = *out.VersionId
	return r
}

// rotate starts a rotation and waits for its end.
func (r *rotating) rotate(t *testing.T) (token string, err error) {
	t.Helper()
	out, err := r.client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("db"), RotationLambdaARN: aws.String(r.function.ARN())})
	if err != nil {
		t.Fatal(err)
	}
	return *out.VersionId, r.stack.WaitRotation(t.Context(), "db")
}

func (r *rotating) describe(t *testing.T) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	out, err := r.client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("db")})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantStages compares version ids to labels.
func (r *rotating) wantStages(t *testing.T, want map[string]string) {
	t.Helper()
	got := r.describe(t).VersionIdsToStages
	for id, stage := range want {
		if !slices.Equal(got[id], []string{stage}) {
			t.Errorf("version %s is %v, want %s", id, got[id], stage)
		}
	}
	if len(got) != len(want) {
		t.Errorf("staged versions are %v, want %v", got, want)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	r := newRotating(t, nil)
	var steps []string
	r.stack.AfterInvoke(func(i localaws.Invocation) { steps = append(steps, string(i.Event)) })
	token, err := r.rotate(t)
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		if !strings.Contains(steps[i], step) || !strings.Contains(steps[i], token) || !strings.Contains(steps[i], "RotationToken") {
			t.Errorf("event %d is %s, want %s", i+1, steps[i], step)
		}
	}
	r.wantStages(t, map[string]string{r.first: "AWSPREVIOUS", token: "AWSCURRENT"})
	if d := r.describe(t); d.LastRotatedDate == nil || !*d.RotationEnabled {
		t.Errorf("last rotated %v, enabled %v", d.LastRotatedDate, d.RotationEnabled)
	}
	next, err := r.rotate(t)
	if err != nil {
		t.Fatal(err)
	}
	r.wantStages(t, map[string]string{token: "AWSPREVIOUS", next: "AWSCURRENT"})
}

func TestRotationThatFailsIsRetriedThenLeftOver(t *testing.T) {
	t.Parallel()
	r := newRotating(t, map[string]string{"PROBE_FAIL_STEP": "testSecret"})
	token, err := r.rotate(t)
	failed, ok := errors.AsType[*localaws.RotationError](err)
	if !ok || failed.Step != "testSecret" || failed.Attempts != 3 || failed.Message != "the step is told to fail" {
		t.Errorf("the rotation ended with %v", err)
	}
	if n := strings.Count(r.function.Output(), "step createSecret"); n != 3 {
		t.Errorf("createSecret ran %d times, want 3", n)
	}
	r.wantStages(t, map[string]string{r.first: "AWSCURRENT", token: "AWSPENDING"})

	_, err = r.client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("db")})
	awstest.WantCode(t, err, "InvalidRequestException")
	if err == nil || !strings.Contains(err.Error(), "A previous rotation isn't complete") {
		t.Errorf("RotateSecret with a left-over AWSPENDING: %v", err)
	}
	_, err = r.client.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String("db"),
		VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &token})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("db")}); err != nil {
		t.Errorf("RotateSecret after the label was removed: %v", err)
	}
}

func TestRotationSurvivesKillAtEveryCall(t *testing.T) {
	t.Parallel()
	for number := 1; number <= 3; number++ {
		for name, outcome := range map[string]localaws.Outcome{
			"killed before": localaws.KillBefore, "killed after": localaws.KillAfter, "reply lost": localaws.LoseReply,
			"throttled": localaws.Throttle, "refused": localaws.Fail("InternalServiceError", 500),
			"late": localaws.Delay(time.Millisecond),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRotating(t, nil)
				r.stack.Intercept(func(c localaws.Call) localaws.Outcome {
					if c.Function == "probe" && c.Number == number {
						return outcome
					}
					return localaws.Pass
				})
				token, err := r.rotate(t)
				if err != nil {
					t.Errorf("call %d: %v", number, err)
				}
				r.wantStages(t, map[string]string{r.first: "AWSPREVIOUS", token: "AWSCURRENT"})
			})
		}
	}
}

func TestRotateNotImmediatelyTestsAlone(t *testing.T) {
	t.Parallel()
	r := newRotating(t, nil)
	out, err := r.client.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("db"), RotationLambdaARN: aws.String(r.function.ARN()),
		RotateImmediately: aws.Bool(false), RotationRules: &types.RotationRulesType{ScheduleExpression: aws.String("rate(10 days)"), Duration: aws.String("3h")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.stack.WaitRotation(t.Context(), *out.ARN); err != nil {
		t.Fatal(err)
	}
	if output := r.function.Output(); !strings.Contains(output, "step testSecret") || strings.Count(output, "step ") != 1 {
		t.Errorf("the function was asked for %q, want testSecret alone", output)
	}
	r.wantStages(t, map[string]string{r.first: "AWSCURRENT"})
	if d := r.describe(t); *d.RotationRules.ScheduleExpression != "rate(10 days)" || d.NextRotationDate == nil {
		t.Errorf("rules %+v, next %v", d.RotationRules, d.NextRotationDate)
	}
}

func TestRotationRefused(t *testing.T) {
	t.Parallel()
	stack := awstest.Start(t)
	client := secretsmanager.NewFromConfig(stack.Config())
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	function := awstest.AddProbe(t, stack, localaws.FunctionOptions{})
	for name, test := range map[string]struct {
		in   secretsmanager.RotateSecretInput
		code string
	}{
		"without a function": {secretsmanager.RotateSecretInput{}, "InvalidRequestException"},
		"unknown function":   {secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:123456789012:function:nobody")}, "AccessDeniedException"},
		"0 days": {secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(function.ARN()),
			RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(0)}}, "InvalidParameterException"},
		"days and schedule": {secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(function.ARN()),
			RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(3), ScheduleExpression: aws.String("rate(3 days)")}}, "InvalidParameterException"},
		"misspelt rate": {secretsmanager.RotateSecretInput{RotationLambdaARN: aws.String(function.ARN()),
			RotationRules: &types.RotationRulesType{ScheduleExpression: aws.String("rate(3 dayz)")}}, "InvalidParameterException"},
		"short token": {secretsmanager.RotateSecretInput{ClientRequestToken: aws.String("short")}, "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) {
			test.in.SecretId = aws.String("db")
			_, err := client.RotateSecret(t.Context(), &test.in)
			awstest.WantCode(t, err, test.code)
		})
	}
	if function.Output() != "" {
		t.Error("a refused rotation reached the function")
	}
}

func TestCancelStopsRotation(t *testing.T) {
	t.Parallel()
	r := newRotating(t, nil)
	r.stack.AfterInvoke(func(i localaws.Invocation) {
		if strings.Contains(string(i.Event), "createSecret") {
			if _, err := r.client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String("db")}); err != nil {
				t.Errorf("cancelling: %v", err)
			}
		}
	})
	token, err := r.rotate(t)
	if err == nil {
		t.Error("a cancelled rotation succeeded")
	}
	r.wantStages(t, map[string]string{r.first: "AWSCURRENT", token: "AWSPENDING"})
	if *r.describe(t).RotationEnabled || strings.Contains(r.function.Output(), "setSecret") {
		t.Errorf("rotation went on after it was cancelled: %s", r.function.Output())
	}
}

func TestRotationTokenProvesTheSource(t *testing.T) {
	t.Parallel()
	r := newRotating(t, map[string]string{"PROBE_ROTATION_TOKEN": "yes"})
	if _, err := r.rotate(t); err != nil {
		t.Errorf("a rotation that passes its token on: %v", err)
	}
	for _, call := range r.stack.Calls() {
		if call.Operation == "PutSecretValue" && (call.RotationToken == "" || call.Function != "probe") {
			t.Errorf("recorded as %+v", call)
		}
	}
	_, err := r.client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("db"), SecretString: aws.String("x"),
		VersionStages: []string{"AWSPENDING"}, RotationToken: aws.String("00000000-0000-4000-8000-000000000000")})
	awstest.WantCode(t, err, "InvalidRequestException")
}

func TestPendingValueOfAStrangerEndsRotation(t *testing.T) {
	t.Parallel()
	r := newRotating(t, map[string]string{"PROBE_SKIP_STEP": "createSecret"})
	r.stack.AfterInvoke(func(localaws.Invocation) {
		for id, stages := range r.describe(t).VersionIdsToStages {
			if slices.Contains(stages, "AWSPENDING") {
				_, err := r.client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("db"), ClientRequestToken: &id,
					SecretString: aws.String("planted"), VersionStages: []string{"AWSPENDING"}})
				if err != nil {
					t.Errorf("planting a value: %v", err)
				}
			}
		}
	})
	_, err := r.rotate(t)
	if err == nil || !strings.Contains(err.Error(), "was not created by Lambda") || strings.Contains(r.function.Output(), "setSecret") {
		t.Errorf("with a stranger's value the rotation ended with %v, after %q", err, r.function.Output())
	}
}

func TestBegunRotationIsTheCallersToDrive(t *testing.T) {
	t.Parallel()
	r := newRotating(t, map[string]string{"PROBE_ROTATION_TOKEN": "yes"})
	token, rotationToken, err := r.stack.BeginRotation("db", r.function)
	if err != nil {
		t.Fatal(err)
	}
	r.wantStages(t, map[string]string{r.first: "AWSCURRENT", token: "AWSPENDING"})
	_, err = r.client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("db"), VersionId: &token, VersionStage: aws.String("AWSPENDING")})
	awstest.WantCode(t, err, "ResourceNotFoundException")
	if _, _, err := r.stack.BeginRotation("db", r.function); err == nil || !strings.Contains(err.Error(), "A previous rotation isn't complete") {
		t.Errorf("begun twice: %v", err)
	}
	for _, step := range []string{"createSecret", "createSecret", "setSecret", "testSecret", "finishSecret", "finishSecret"} {
		if result := awstest.Do(t, r.function, "Step", step, "SecretId", "db", "ClientRequestToken", token, "RotationToken", rotationToken); result.FunctionError != "" {
			t.Errorf("%s: %s", step, result.Payload)
		}
	}
	if stages := r.describe(t).VersionIdsToStages[token]; !slices.Contains(stages, "AWSCURRENT") {
		t.Errorf("after the steps the version has %v", stages)
	}
	if _, err := r.rotate(t); err != nil {
		t.Errorf("the rotation after: %v", err)
	}
}
