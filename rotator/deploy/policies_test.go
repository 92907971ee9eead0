package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	strangerSecret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payroll-AbCdEf"
	foreignSecret  = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:orders-AbCdEf"
	databaseLog    = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/%s/orders/postgresql:log-stream:orders-1.0"
	strangerLog    = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/cluster/payroll/postgresql:log-stream:payroll-1.0"
)

var secretActions = []string{
	"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
	"secretsmanager:UpdateSecret", "secretsmanager:DeleteSecret", "secretsmanager:RotateSecret", "secretsmanager:PutResourcePolicy",
}

var logReading = []string{"logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery", "logs:DescribeLogStreams"}

// ownSecretOf is the secret that the stack is for: the one given, or the one it makes.
func ownSecretOf(s stack) string { return s.resolve(s.template.Outputs["SecretArn"].Value).(string) }

func TestRotationReachesItsOwnSecretsOnly(t *testing.T) {
	t.Parallel()
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		for _, action := range secretActions {
			for _, secret := range []string{strangerSecret, foreignSecret} {
				if found := allowing(statements, action, secret); found != nil {
					t.Errorf("%s allows %s on another secret with %v", found[0].sid, action, s.values)
				}
			}
		}
		sameAccount := s.values["AssumeRoleArn"] == ""
		for _, secret := range append(strings.Split(s.values["AdditionalSecretArns"], ","), ownSecretOf(s)) {
			if secret != "" && (allowing(statements, "secretsmanager:GetSecretValue", secret) != nil) != sameAccount {
				t.Errorf("reading %s: expected %v with %v", secret, sameAccount, s.values)
			}
		}
	})
}

func TestRotationWritesOnlyWhereItIsTheRotationFunction(t *testing.T) {
	t.Parallel()
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		for _, action := range []string{"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"} {
			found := allowing(statements, action, ownSecretOf(s))
			if (len(found) > 0) != (s.values["AssumeRoleArn"] == "") {
				t.Fatalf("%s allowed by %v with %v", action, found, s.values)
			}
			for _, statement := range found {
				equals, _ := statement.condition["StringEquals"].(map[string]any)
				if equals["secretsmanager:resource/AllowRotationLambdaArn"] != "<RotationFunction.Arn>" {
					t.Errorf("%s allows %s on secrets that another function rotates", statement.sid, action)
				}
			}
		}
	})
}

func TestMasterSecretIsReadOnlyByRotationAndOnlyWhileGranted(t *testing.T) {
	t.Parallel()
	granted := func(s stack) bool {
		return s.values["MasterSecretArn"] != "" && s.values["MasterSecretAccess"] == "granted" && s.values["AssumeRoleArn"] == ""
	}
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		if got := allowing(statements, "secretsmanager:GetSecretValue", masterSecret) != nil; got != granted(s) {
			t.Errorf("reading the master secret: %v, expected %v with %v", got, granted(s), s.values)
		}
		if allowing(statements, "secretsmanager:PutSecretValue", masterSecret) != nil {
			t.Errorf("the rotation function may write the master secret with %v", s.values)
		}
	})
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		if allowing(statements, "secretsmanager:GetSecretValue", masterSecret) != nil {
			t.Errorf("the sweep may read the master secret with %v", s.values)
		}
	})
}

func TestRotationReadsNoLogs(t *testing.T) {
	t.Parallel()
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		for _, action := range logReading {
			for _, log := range []string{fmt.Sprintf(databaseLog, s.values["DatabaseKind"]), strangerLog, "<RotationLogGroup.Arn>"} {
				if found := allowing(statements, action, log); found != nil {
					t.Errorf("%s allows %s on %s", found[0].sid, action, log)
				}
			}
		}
	})
}

func TestSweepWritesNoSecretAndReadsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		for _, statement := range statements {
			for _, action := range statement.actions {
				if statement.effect == "Allow" && strings.HasPrefix(action, "secretsmanager:") &&
					action != "secretsmanager:GetSecretValue" && action != "secretsmanager:DescribeSecret" {
					t.Errorf("%s allows %s", statement.sid, action)
				}
			}
		}
		for _, secret := range append(strings.Split(moreSecrets, ","), strangerSecret, foreignSecret) {
			if found := allowing(statements, "secretsmanager:GetSecretValue", secret); found != nil {
				t.Errorf("%s allows reading %s with %v", found[0].sid, secret, s.values)
			}
		}
		if got := allowing(statements, "secretsmanager:GetSecretValue", ownSecretOf(s)) != nil; got != (s.values["AssumeRoleArn"] == "") {
			t.Errorf("reading its own secret: %v with %v", got, s.values)
		}
	})
}

func TestSweepReadsTheDatabasesLogsOnly(t *testing.T) {
	t.Parallel()
	replicaLog := "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/instance/orders-replica-7/postgresql:log-stream:orders-replica-7.0"
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		here := s.values["AssumeRoleArn"] == ""
		expected := map[string]bool{
			fmt.Sprintf(databaseLog, s.values["DatabaseKind"]): here,
			replicaLog:               here && s.values["ReplicaIdentifierPattern"] != "",
			strangerLog:              false,
			"<RotationLogGroup.Arn>": false,
		}
		for log, may := range expected {
			if got := allowing(statements, "logs:FilterLogEvents", log) != nil; got != may {
				t.Errorf("reading %s: %v, expected %v with %v", log, got, may, s.values)
			}
		}
	})
}

func TestIAMIsReadOnlyWhereAskedFor(t *testing.T) {
	t.Parallel()
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		expected := s.values["IamReview"] == "true" && s.values["AssumeRoleArn"] == ""
		if got := allowing(statements, "iam:GetAccountAuthorizationDetails", "*") != nil; got != expected {
			t.Errorf("reading IAM: %v with %v", got, s.values)
		}
	})
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		if allowing(statements, "iam:GetAccountAuthorizationDetails", "*") != nil {
			t.Errorf("the rotation function may read IAM with %v", s.values)
		}
	})
}

func TestOtherAccountsAreReachedThroughTheNamedRoleOnly(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"RotationRole", "SweepRole"} {
		everyRole(t, role, func(s stack, statements []statement) {
			if got := allowing(statements, "sts:AssumeRole", assumedRole) != nil; got != (s.values["AssumeRoleArn"] != "") {
				t.Errorf("%s may assume the role: %v with %v", role, got, s.values)
			}
			if allowing(statements, "sts:AssumeRole", "arn:aws:iam::444455556666:role/admin") != nil {
				t.Errorf("%s may assume any role with %v", role, s.values)
			}
		})
	}
}

// anyResource are the actions for which IAM knows no resource.
var anyResource = []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "secretsmanager:GetRandomPassword",
	"logs:GetQueryResults", "logs:StopQuery", "rds:DescribeEvents", "iam:GetAccountAuthorizationDetails"}

// logReadingAllowed is how the sweep reads the database's log.
var logReadingAllowed = []string{"logs:FilterLogEvents", "logs:DescribeLogStreams", "logs:StartQuery", "logs:Unmask"}

// wideResource are patterns that cover more than the stack knows by name, with the actions that may use them.
var wideResource = map[string][]string{
	// Lambda's interfaces have no identifier beforehand; subnets may be shared by another account.
	"arn:aws:ec2:eu-west-1:111122223333:*/*":                                                        {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"},
	"arn:aws:ec2:eu-west-1:*:subnet/*":                                                              {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"},
	"arn:aws:rds:eu-west-1:111122223333:db:*":                                                       {"rds:DescribeDBInstances", "rds:DescribeDBClusters"}, // a cluster's readers come and go; the review of IAM knows every database
	"arn:aws:rds:eu-west-1:111122223333:cluster:*":                                                  {"rds:DescribeDBInstances", "rds:DescribeDBClusters"},
	"arn:aws:rds:eu-west-1:111122223333:db:orders-replica-*":                                        {"rds:DescribeDBInstances"},
	"arn:aws:rds:eu-west-1:111122223333:deployment:*":                                               {"rds:DescribeBlueGreenDeployments"}, // named by the service
	"arn:aws:logs:eu-west-1:111122223333:log-group:*":                                               {"logs:DescribeLogGroups"},           // authorised on all groups, whatever the prefix
	"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/cluster/orders/postgresql:*":            logReadingAllowed,
	"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/instance/orders/postgresql:*":           logReadingAllowed,
	"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/instance/orders-replica-*/postgresql:*": logReadingAllowed,
}

func TestNothingIsWiderThanListed(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"RotationRole", "SweepRole", "SweepScheduleRole"} {
		everyRole(t, role, func(_ stack, statements []statement) {
			for _, s := range statements {
				for _, flaw := range tooWide(s) {
					t.Errorf("%s of %s allows %s", s.sid, role, flaw)
				}
			}
		})
	}
}

func tooWide(s statement) []string {
	if s.effect != "Allow" {
		return nil
	}
	var flaws []string
	for _, action := range s.actions {
		if strings.Contains(action, "*") {
			flaws = append(flaws, action)
		}
		for _, resource := range s.resources {
			listed := wideResource[resource]
			if resource == "*" {
				listed = anyResource
			}
			if strings.Contains(resource, "*") && !slices.Contains(listed, action) {
				flaws = append(flaws, action+" on "+resource)
			}
		}
	}
	return flaws
}

func TestCodeCannotUseLambdasNetworkPermissions(t *testing.T) {
	t.Parallel()
	for role, function := range map[string]string{"RotationRole": "<RotationFunction.Arn>", "SweepRole": "<SweepFunction.Arn>"} {
		everyRole(t, role, func(_ stack, statements []statement) {
			denied := map[string]bool{}
			for _, s := range statements {
				source, _ := s.condition["ArnEquals"].(map[string]any)
				if s.effect == "Deny" && slices.Equal(s.resources, []string{"*"}) && source["lambda:SourceFunctionArn"] == function {
					for _, action := range s.actions {
						denied[action] = true
					}
				}
			}
			for _, s := range statements {
				for _, action := range s.actions {
					if strings.HasPrefix(action, "ec2:") && !denied[action] {
						t.Errorf("the code of %s may call %s", function, action)
					}
				}
			}
		})
	}
}

func TestKeysAreUsedOnlyThroughTheirService(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"RotationRole", "SweepRole"} {
		everyRole(t, role, func(_ stack, statements []statement) {
			for _, s := range statements {
				if !slices.ContainsFunc(s.actions, func(a string) bool { return strings.HasPrefix(a, "kms:") }) {
					continue
				}
				equals, _ := s.condition["StringEquals"].(map[string]any)
				if equals["kms:ViaService"] == nil {
					t.Errorf("%s of %s lets the code use the key directly", s.sid, role)
				}
			}
		})
	}
}

func TestOnlySecretsManagerOfTheSecretsAccountInvokesRotation(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for assumed, expected := range map[string]string{"": account, assumedRole: otherAccount} {
		s := newStack(template, map[string]string{"AssumeRoleArn": assumed})
		permission := s.resolve(template.Resources["RotationPermission"].Properties).(map[string]any)
		if permission["Principal"] != "secretsmanager.amazonaws.com" || permission["SourceAccount"] != expected {
			t.Errorf("with the role %q, %v of account %v may invoke; expected account %s", assumed, permission["Principal"], permission["SourceAccount"], expected)
		}
	}
}
