package main_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"pgrotator/rotator/internal/localaws"
)

const (
	oneAccount   = "111122223333"
	otherAccount = "444455556666"
)

// secretIn makes a secret of the fleet in an account, and gives its ARN.
func secretIn(t *testing.T, stack *localaws.Stack, account string) string {
	t.Helper()
	config := stack.Config()
	config.Credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(stack.Config()), "arn:aws:iam::"+account+":role/maker")
	out, err := secretsmanager.NewFromConfig(config).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("of-" + account), SecretString: aws.String("{}"),
		Tags: []types.Tag{{Key: aws.String("pgrotator"), Value: aws.String("sweep")}}})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// answer invokes the function, which must not fail.
func answer(t *testing.T, function *localaws.Function, event any) string {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	result, err := function.Invoke(t.Context(), text)
	if err != nil || result.FunctionError != "" {
		t.Fatalf("%s: %v %s", text, err, result.Payload)
	}
	return string(result.Payload)
}

// One function works in several accounts, in each by the role there, and in no other.
func TestRoleOfTheSecretsAccount(t *testing.T) {
	t.Parallel()
	stack, function := newFunction(t, map[string]string{"ASSUME_ROLE_ARN": "arn:aws:iam::{account}:role/pgrotator", "ASSUME_ROLE_EXTERNAL_ID": "platform:1",
		"FLEET_ACCOUNTS": oneAccount + "," + otherAccount})
	first, second := secretIn(t, stack, oneAccount), secretIn(t, stack, otherAccount)
	secretIn(t, stack, "777788889999")
	stack.ResetCalls()

	list := answer(t, function, map[string]any{"action": "list"})
	if want := `{"secrets":[{"secretId":"` + first + `","sweep":true},{"secretId":"` + second + `","sweep":true}],"overdue":[]}`; list != want {
		t.Errorf("listed %s, want %s", list, want)
	}
	answer(t, function, map[string]any{"action": "check", "secretId": second})
	var roles []string
	for _, call := range stack.Calls() {
		switch {
		case call.Service == "sts" && call.ExternalID != "platform:1":
			t.Errorf("AssumeRole with the external id %q", call.ExternalID)
		case call.Service == "secretsmanager":
			roles = append(roles, call.Role)
		case call.Service != "sts":
			t.Errorf("%s:%s was called", call.Service, call.Operation)
		}
		if call.Operation == "DescribeSecret" && call.Role != "arn:aws:iam::"+otherAccount+":role/pgrotator" {
			t.Errorf("the secret in %s is described as %q", otherAccount, call.Role)
		}
	}
	slices.Sort(roles)
	if want := []string{"arn:aws:iam::" + oneAccount + ":role/pgrotator", "arn:aws:iam::" + otherAccount + ":role/pgrotator"}; !slices.Equal(slices.Compact(roles), want) {
		t.Errorf("Secrets Manager was called as %q", slices.Compact(roles))
	}

	stack.ResetCalls()
	for id, want := range map[string]string{"of-" + oneAccount: "name it by its ARN", strings.Replace(first, oneAccount, "777788889999", 1): "in account 777788889999, which FLEET_ACCOUNTS does not name"} {
		if message := refusal(t, function, `{"action":"sweep","secretId":"`+id+`"}`); !strings.Contains(message, want) {
			t.Errorf("%s is refused with %q, want %q", id, message, want)
		}
	}
	if calls := stack.Calls(); len(calls) > 0 {
		t.Errorf("AWS was called: %v", calls)
	}
}

func TestFleetOfAccountsThatNobodyNames(t *testing.T) {
	t.Parallel()
	_, function := newFunction(t, map[string]string{"ASSUME_ROLE_ARN": "arn:aws:iam::{account}:role/pgrotator"})
	if message := refusal(t, function, `{"action":"list"}`); !strings.Contains(message, "give them in FLEET_ACCOUNTS") {
		t.Errorf("refused with %q", message)
	}
	_, wrong := newFunction(t, map[string]string{"FLEET_ACCOUNTS": oneAccount, "ASSUME_ROLE_EXTERNAL_ID": "platform"})
	message := refusal(t, wrong, `{"action":"list"}`)
	for _, want := range []string{"FLEET_ACCOUNTS is set", "ASSUME_ROLE_EXTERNAL_ID is set"} {
		if !strings.Contains(message, want) {
			t.Errorf("the function does not say %q, but %s", want, message)
		}
	}
}

// A digest tells of the runs it is given, of what did not run, and, where it cannot list the fleet, that it cannot.
func TestDigestOfRuns(t *testing.T) {
	t.Parallel()
	stack, function := newFunction(t, map[string]string{"NOTICE_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:notices"})
	idle := secretIn(t, stack, localaws.AccountID)
	run := map[string]any{"secretId": "one", "ok": true, "counts": map[string]int{"tracked": 1}, "reasons": []string{}}
	event := map[string]any{"action": "digest", "runs": []any{run}}
	if got := answer(t, function, event); got != `{"sent":true}` {
		t.Errorf("answered %s", got)
	}
	stack.Intercept(func(call localaws.Call) localaws.Outcome {
		if call.Operation == "ListSecrets" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return localaws.Pass
	})
	answer(t, function, event)
	notices := stack.Notices()
	if len(notices) != 2 || !strings.Contains(notices[0].Message, "of-"+localaws.AccountID) || !strings.Contains(notices[1].Message, "the fleet: it cannot be listed") {
		t.Errorf("sent %+v", notices)
	}
	stack.Intercept(nil)
	if _, err := secretsmanager.NewFromConfig(stack.Config()).DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &idle}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, function, event); got != `{"sent":false}` {
		t.Errorf("nothing is to be told, and it answers %s", got)
	}
}

// A list is written into no bucket of which an auditor reads.
func TestListIsNotWrittenAmongTheReports(t *testing.T) {
	t.Parallel()
	stack, function := newFunction(t, map[string]string{"REPORT_BUCKET": "reports", "REPORT_PREFIX": "audit"})
	for _, bucket := range []string{"reports", "results"} {
		stack.SetBucket(bucket, localaws.Bucket{})
	}
	message := refusal(t, function, `{"action":"list","into":{"bucket":"reports","prefix":"audit/orders"}}`)
	if !strings.Contains(message, `the bucket "reports", which is REPORT_BUCKET`) || len(stack.Objects("reports", "")) > 0 || len(stack.Calls()) > 0 {
		t.Errorf("refused with %q after %+v", message, stack.Calls())
	}
	answer(t, function, map[string]any{"action": "list", "into": map[string]string{"bucket": "results", "prefix": "audit"}})
	if len(stack.Objects("results", "audit/")) != 1 {
		t.Error("a list is not written into another bucket")
	}
}

// A Map's results are read from S3; a manifest that is not there is an error that says so, and nothing is sent.
func TestDigestOfAManifest(t *testing.T) {
	t.Parallel()
	stack, function := newFunction(t, map[string]string{"NOTICE_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:notices", "REPORT_BUCKET": "reports", "REPORT_PREFIX": "audit"})
	stack.SetBucket("results", localaws.Bucket{})
	stack.SetBucket("reports", localaws.Bucket{})
	client := s3.NewFromConfig(stack.Config())
	for key, text := range map[string]string{
		"sweeps/1/manifest.json": `{"DestinationBucket":"results","ResultFiles":{"SUCCEEDED":[],"FAILED":[{"Key":"sweeps/1/FAILED_0.json"}],"PENDING":[]}}`,
		"sweeps/1/FAILED_0.json": `[{"Input":"{\"secretId\":\"orders\",\"sweep\":true}","Cause":"{\"errorMessage\":\"no route to host\"}"}]`} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("results"), Key: &key, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	if message := refusal(t, function, `{"action":"digest","manifest":{"bucket":"results","key":"sweeps/2/manifest.json"}}`); !strings.Contains(message, "reading s3://results/sweeps/2/manifest.json") {
		t.Errorf("refused with %q", message)
	}
	if sent := stack.Notices(); len(sent) > 0 {
		t.Errorf("sent %+v", sent)
	}
	var told struct {
		Sent      bool
		ReportURI string
	}
	event := map[string]any{"action": "digest", "manifest": map[string]string{"bucket": "results", "key": "sweeps/1/manifest.json"}}
	if err := json.Unmarshal([]byte(answer(t, function, event)), &told); err != nil || !told.Sent {
		t.Errorf("answered %+v, %v", told, err)
	}
	if sent := stack.Notices(); len(sent) != 1 || !strings.Contains(sent[0].Message, "orders: no route to host") || !strings.Contains(sent[0].Message, "Page: "+told.ReportURI) {
		t.Errorf("sent %+v", sent)
	}
	kept := stack.Objects("reports", "audit/fleet/")
	page := slices.IndexFunc(kept, func(o localaws.Object) bool { return "s3://reports/"+o.Key == told.ReportURI })
	if len(kept) != 2 || page < 0 || kept[page].ContentType != "text/html; charset=utf-8" || !strings.Contains(string(kept[page].Body), "no route to host") {
		t.Errorf("kept %d objects, and the page is at %s", len(kept), told.ReportURI)
	}
}
