package deploy_test

import (
	"fmt"
	"os"
	"regexp"
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
	"arn:aws:s3:::audit-reports/*":                                                                  {"s3:PutObject"},                     // named by database and time
	"arn:aws:s3:::audit-reports/databases/*":                                                        {"s3:PutObject"},
	"arn:aws:logs:eu-west-1:111122223333:log-group:*":                                               {"logs:DescribeLogGroups"}, // authorised on all groups, whatever the prefix
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
	for assumed, expected := range map[string]string{"": account, assumedRole: otherAccount, "arn:aws:iam::{account}:role/rotation": otherAccount} {
		s := newStack(template, map[string]string{"AssumeRoleArn": assumed})
		if assumed != "" {
			s.values["SecretArn"] = foreignSecret
		}
		permission := s.resolve(template.Resources["RotationPermission"].Properties).(map[string]any)
		if permission["Principal"] != "secretsmanager.amazonaws.com" || permission["SourceAccount"] != expected {
			t.Errorf("with the role %q, %v of account %v may invoke; expected account %s", assumed, permission["Principal"], permission["SourceAccount"], expected)
		}
	}
}

func TestTokenLoginIsForOneUserOfThisDatabase(t *testing.T) {
	t.Parallel()
	const database = "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABCDEFGHIJKLMNOP/"
	for user, may := range map[string]bool{"": false, "pgrotator_master": true} {
		s := newStack(readTemplate(t), map[string]string{"MasterIamUser": user, "DatabaseResourceId": "cluster-ABCDEFGHIJKLMNOP"})
		rotation := s.statements("RotationRole")
		if got := allowing(rotation, "rds-db:connect", database+"pgrotator_master") != nil; got != may {
			t.Errorf("with MasterIamUser %q, the rotation function may log in by token: %v", user, got)
		}
		others := []string{database + "postgres", "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ZZZZZZZZZZZZZZZZ/pgrotator_master"}
		for _, other := range others {
			if allowing(rotation, "rds-db:connect", other) != nil {
				t.Errorf("with MasterIamUser %q, the rotation function may log in as %s", user, other)
			}
		}
		if allowing(s.statements("SweepRole"), "rds-db:connect", database+"pgrotator_master") != nil {
			t.Error("the sweep may log in by token")
		}
	}
}

func TestMirrorsAreWrittenByRotationAlone(t *testing.T) {
	t.Parallel()
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		for _, mirror := range strings.Split(proxySecrets, ",") {
			named := s.values["ProxySecretArns"] != "" && s.values["AssumeRoleArn"] == ""
			for _, action := range []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"} {
				if got := allowing(statements, action, mirror) != nil; got != named {
					t.Errorf("%s on a mirror: %v with %v", action, got, s.values)
				}
			}
			if allowing(statements, "secretsmanager:UpdateSecretVersionStage", mirror) != nil {
				t.Errorf("the rotation function may move a mirror's labels with %v", s.values)
			}
		}
	})
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		for _, mirror := range strings.Split(proxySecrets, ",") {
			if allowing(statements, "secretsmanager:GetSecretValue", mirror) != nil {
				t.Errorf("the sweep may read a mirror with %v", s.values)
			}
		}
	})
}

// Whatever the rotation function may read or write under a key of the customer's, it may have that key decrypt and encrypt.
func TestKeyServesEverySecretUnderIt(t *testing.T) {
	t.Parallel()
	key := alternatives["SecretKmsKeyArn"][0]
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		if s.values["SecretKmsKeyArn"] == "" || s.values["AssumeRoleArn"] != "" {
			return
		}
		expected := []string{ownSecretOf(s)}
		for _, list := range []string{"AdditionalSecretArns", "ProxySecretArns"} {
			if s.values[list] != "" {
				expected = append(expected, strings.Split(s.values[list], ",")...)
			}
		}
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
			found := allowing(statements, action, key)
			if len(found) != 1 {
				t.Fatalf("%s is allowed by %d statements with %v", action, len(found), s.values)
			}
			equals := found[0].condition["StringEquals"].(map[string]any)
			if got := oneOrMore(equals["kms:EncryptionContext:SecretARN"]); !slices.Equal(got, expected) {
				t.Errorf("%s is allowed for %v, expected %v", action, got, expected)
			}
		}
	})
}

func TestEachFunctionAsksRDSWhatItNeeds(t *testing.T) {
	t.Parallel()
	const deployment = "arn:aws:rds:eu-west-1:111122223333:deployment:bgd-1"
	everyRole(t, "RotationRole", func(s stack, statements []statement) {
		if got := allowing(statements, "rds:DescribeBlueGreenDeployments", deployment) != nil; got != (s.values["AssumeRoleArn"] == "") {
			t.Errorf("the rotation function sees blue/green deployments: %v with %v", got, s.values)
		}
		if allowing(statements, "rds:DescribeEvents", "arn:aws:rds:eu-west-1:111122223333:es:any") != nil {
			t.Errorf("the rotation function reads events with %v", s.values)
		}
		hasMaster := s.values["MasterIamUser"] != "" || s.values["MasterSecretArn"] != "" && s.values["MasterSecretAccess"] == "granted"
		replicas := s.values["ReplicaIdentifierPattern"] != "" && s.values["DatabaseKind"] == "instance"
		if hasMaster && replicas && s.values["AssumeRoleArn"] == "" && s.values["Fleet"] != "true" &&
			allowing(statements, "rds:DescribeDBInstances", "arn:aws:rds:eu-west-1:111122223333:db:orders-replica-1") == nil {
			t.Errorf("revoke sees no replica with %v", s.values)
		}
	})
	everyRole(t, "SweepRole", func(s stack, statements []statement) {
		if got := allowing(statements, "rds:DescribeEvents", "arn:aws:rds:eu-west-1:111122223333:es:any") != nil; got != (s.values["AssumeRoleArn"] == "") {
			t.Errorf("the sweep reads events: %v with %v", got, s.values)
		}
	})
}

// A role that exists already belongs to somebody else: the stack uses it, and gives it nothing.
func TestExistingRolesAreUsedAsTheyAre(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for function, role := range map[string]string{"RotationFunction": "RotationRole", "SweepFunction": "SweepRole"} {
		existing := alternatives[role+"Arn"][0]
		everyStack(template, []string{"AssumeRoleArn", "RotationEnabled"}, func(s stack) {
			s.values[role+"Arn"] = existing
			if got := s.resolve(template.Resources[function].Properties["Role"]); got != existing {
				t.Errorf("%s has the role %v", function, got)
			}
			if s.exists(template.Resources[role].Condition) || len(s.documents(role)) > len(template.Resources[role].Properties["Policies"].([]any)) {
				t.Errorf("the stack makes %s, or policies for it, with %v", role, s.values)
			}
		})
	}
}

// Whoever approves the stack finds every role of it on the page.
func TestSecurityPageHasEveryRole(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, resource := range readTemplate(t).Resources {
		if resource.Type == "AWS::IAM::Role" && !regexp.MustCompile(`(?m)^\|[^|]*\b`+name+`\b[^|]*\| [^|]+ \|`).Match(page) {
			t.Errorf("security.md does not say what %s may do", name)
		}
	}
}
