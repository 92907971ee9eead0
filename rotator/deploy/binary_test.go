package deploy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// environmentOfFunction is what Lambda gives a function of a stack made with the template's defaults.
func environmentOfFunction(t *testing.T, function string, overrides map[string]string) map[string]string {
	t.Helper()
	template := readTemplate(t)
	environment := map[string]string{}
	for name, value := range newStack(template, overrides).resolve(environmentOf(template, function)).(map[string]any) {
		environment[name] = value.(string)
	}
	if strings.HasPrefix(environment["NOTICE_TOPIC_ARN"], "<") {
		environment["NOTICE_TOPIC_ARN"] = "arn:aws:sns:us-east-1:123456789012:notices"
	}
	return environment
}

func server(t *testing.T) *localpg.Server {
	t.Helper()
	return pgtest.Start(t, localpg.Options{Major: 15, TLS: true})
}

// managedScene is a pair of a cluster whose master secret RDS manages: host and port are behind the secret's tags.
func managedScene(t *testing.T, env map[string]string) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, server(t), env)
	s.CreateMaster()
	arn := s.Cluster("orders")
	managed := s.PutNewSecret("managed", map[string]any{"username": s.Master, "password": localtest.PasswordMaster})
	_, err := s.Secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &managed, Tags: []types.Tag{
		{Key: aws.String("aws:rds:primaryDBClusterArn"), Value: &arn}}})
	if err != nil {
		t.Fatal(err)
	}
	s.CreateSecret(map[string]any{"masterarn": managed, "dbClusterIdentifier": "orders"})
	return s
}

// The built binary, in the very environment that the template gives it, does the rotation function's whole work.
func TestRotationRunsInTheTemplatesEnvironment(t *testing.T) {
	t.Parallel()
	s := managedScene(t, environmentOfFunction(t, "RotationFunction", nil))
	s.MustSetup()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	s.MustLogin("AWSCURRENT")
}

// A role that permits less breaks the function, and one that permits more is a hole: the calls made are the actions allowed.
func TestRotationRoleAllowsExactlyTheCallsMade(t *testing.T) {
	t.Parallel()
	s := managedScene(t, environmentOfFunction(t, "RotationFunction", nil))
	s.MustSetup()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Invoke(map[string]any{"action": "check", "secretId": s.SecretID, "for": "rotation"}); err != nil {
		t.Fatal(err)
	}
	overrides := map[string]string{"MasterSecretArn": alternatives["MasterSecretArn"][0]}
	compareActions(t, "RotationRole", overrides, callsOf(s, "rotation"))
}

// callsOf is what a function has called, as IAM writes it.
func callsOf(s *localtest.Scene, function string) map[string]bool {
	made := map[string]bool{}
	for _, call := range s.AWS.Calls() {
		if call.Function == function {
			made[call.Service+":"+call.Operation] = true
		}
	}
	return made
}

// compareActions holds a role's actions against calls. Left out is what Lambda itself does with the role: network interfaces, its
// own log and its queue; and KMS, which Secrets Manager calls.
func compareActions(t *testing.T, role string, overrides map[string]string, made map[string]bool) {
	t.Helper()
	allowed := map[string]bool{}
	for _, statement := range newStack(readTemplate(t), overrides).statements(role) {
		for _, action := range statement.actions {
			service, operation, _ := strings.Cut(action, ":")
			own := service == "logs" && (operation == "CreateLogStream" || operation == "PutLogEvents")
			if statement.effect == "Allow" && !own && !slices.Contains([]string{"ec2", "sqs", "kms"}, service) {
				allowed[action] = true
			}
		}
	}
	for _, action := range slices.Sorted(maps.Keys(made)) {
		if !allowed[action] {
			t.Errorf("the function calls %s, which %s does not allow", action, role)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(allowed)) {
		if !made[action] {
			t.Errorf("%s allows %s, which the function never calls", role, action)
		}
	}
}

// Across accounts every call to the secret, RDS, the logs and IAM is made as the role there, and AWSPENDING carries the proof that a rotation asked.
func TestAssumedRoleIsUsedForSecretAndDatabase(t *testing.T) {
	t.Parallel()
	for given, there := range map[string]string{
		"arn:aws:iam::444455556666:role/rotation": "arn:aws:iam::444455556666:role/rotation",
		"arn:aws:iam::{account}:role/rotation":    "arn:aws:iam::" + localaws.AccountID + ":role/rotation", // the account of the secret's ARN
	} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			rotateAs(t, given, there)
		})
	}
}

func rotateAs(t *testing.T, given, there string) {
	s := managedScene(t, environmentOfFunction(t, "RotationFunction", map[string]string{"AssumeRoleArn": given, "AssumeRoleExternalId": "platform:1"}))
	s.MustSetup()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	sweep := s.AddFunction("sweep", environmentOfFunction(t, "SweepFunction", map[string]string{"AssumeRoleArn": given, "AssumeRoleExternalId": "platform:1", "IamReview": "true"}), 0)
	if checked := checkSweep(t, s, sweep); !strings.Contains(checked, `"iam policies","ok":true`) {
		t.Errorf("checking for the sweep: %s", checked)
	}
	assumed := 0
	for _, call := range s.AWS.Calls() {
		switch {
		case call.Function == "":
		case call.Service == "sts":
			assumed++
			if call.ExternalID != "platform:1" {
				t.Errorf("%s with the external id %q", call.Operation, call.ExternalID)
			}
		case call.Role != there:
			t.Errorf("%s:%s was called as %q", call.Service, call.Operation, call.Role)
		case call.Operation == "PutSecretValue" && call.RotationToken == "":
			t.Error("PutSecretValue without the RotationToken: Secrets Manager refuses that from a role that is not the function's own")
		}
	}
	if assumed == 0 {
		t.Error("no role was assumed")
	}
}
