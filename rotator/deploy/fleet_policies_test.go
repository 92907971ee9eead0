package deploy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// everyFleet calls visit with the stack of a fleet under each combination of what its policies depend on.
func everyFleet(t *testing.T, visit func(stack)) {
	t.Helper()
	template := readTemplate(t)
	everyStack(template, []string{"AssumeRoleArn", "FleetAccounts", "MasterIamUser", "MasterSecretAccess", "SweepMode"}, func(s stack) {
		s.values["Fleet"] = "true"
		visit(s)
	})
}

// under is what a statement's condition asks of a key, by any operator.
func (s statement) under(key string) []string {
	for _, operator := range []string{"StringEquals", "StringLike", "Null"} {
		if asked, ok := s.condition[operator].(map[string]any); ok && asked[key] != nil {
			return oneOrMore(asked[key])
		}
	}
	return nil
}

// Every right on secrets, keys and logs hangs on the tag, the service or the pattern: a fleet's policy lists nobody by name.
func TestFleetReachesSecretsByTheirTagOnly(t *testing.T) {
	t.Parallel()
	everyFleet(t, func(s stack) {
		here := s.values["AssumeRoleArn"] == ""
		for role, tags := range map[string][]string{"RotationRole": {"rotate", "sweep", "rotate+sweep"}, "SweepRole": {"sweep", "rotate+sweep"}} {
			statements := s.statements(role)
			reading := allowing(statements, "secretsmanager:GetSecretValue", strangerSecret)
			if (len(reading) > 0) != here {
				t.Errorf("%s reads secrets by %v with %v", role, reading, s.values)
			}
			for _, statement := range reading {
				byTag := slices.Equal(statement.under("aws:ResourceTag/pgrotator"), tags)
				ofMaster := statement.under("aws:ResourceTag/aws:rds:primaryDBClusterArn") != nil || statement.under("aws:ResourceTag/aws:rds:primaryDBInstanceArn") != nil
				mirror := slices.Equal(statement.under("aws:ResourceTag/pgrotator:mirror-of"), []string{"false"})
				if !byTag && (role != "RotationRole" || !ofMaster && !mirror) {
					t.Errorf("%s of %s reads secrets under %v", statement.sid, role, statement.condition)
				}
				if ofMaster && s.values["MasterSecretAccess"] == "none" {
					t.Errorf("%s reads master secrets though that is withdrawn", statement.sid)
				}
			}
			if allowing(statements, "secretsmanager:GetSecretValue", foreignSecret) != nil {
				t.Errorf("%s reads secrets of another account", role)
			}
		}
		for _, action := range []string{"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"} {
			if allowing(s.statements("SweepRole"), action, strangerSecret) != nil {
				t.Errorf("the sweep may call %s", action)
			}
			for _, statement := range allowing(s.statements("RotationRole"), action, strangerSecret) {
				own := slices.Equal(statement.under("secretsmanager:resource/AllowRotationLambdaArn"), []string{"<RotationFunction.Arn>"})
				if !own && statement.under("aws:ResourceTag/pgrotator:mirror-of") == nil {
					t.Errorf("%s allows %s on secrets that another function rotates", statement.sid, action)
				}
			}
		}
	})
}

func TestFleetUsesKeysThroughSecretsManagerOnly(t *testing.T) {
	t.Parallel()
	everyFleet(t, func(s stack) {
		for _, role := range []string{"RotationRole", "SweepRole"} {
			for _, statement := range s.statements(role) {
				if slices.ContainsFunc(statement.actions, func(a string) bool { return strings.HasPrefix(a, "kms:") }) && statement.sid == "UseSecretKeys" &&
					(!slices.Equal(statement.under("kms:ViaService"), []string{"secretsmanager.eu-west-1.amazonaws.com"}) || statement.under("kms:EncryptionContext:SecretARN") == nil) {
					t.Errorf("%s of %s uses keys under %v", statement.sid, role, statement.condition)
				}
			}
		}
	})
}

// The pattern keeps other databases' logs out, and what the fleet's secret may name.
func TestFleetReadsLogsOfItsPatternOnly(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), map[string]string{"Fleet": "true", "FleetDatabasePattern": "prod-*"})
	for log, may := range map[string]bool{
		"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/cluster/prod-1/postgresql:log-stream:s":  true,
		"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/instance/prod-2/postgresql:log-stream:s": true,
		"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/rds/cluster/test-1/postgresql:log-stream:s":  false,
		"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/other:log-stream:s":                   false,
	} {
		if got := allowing(s.statements("SweepRole"), "logs:FilterLogEvents", log) != nil; got != may {
			t.Errorf("reading %s: %v", log, got)
		}
	}
}

// What the fleet's bucket holds is written by one and read by the other: the list of the databases, and what became of their sweeps.
func TestFleetSharesItsBucket(t *testing.T) {
	t.Parallel()
	s := newStack(readTemplate(t), map[string]string{"Fleet": "true", "ReportBucket": "reports"})
	for role, may := range map[string]map[string]bool{
		"SweepRole":      {"s3:PutObject lists": true, "s3:GetObject lists": false, "s3:PutObject sweeps": false, "s3:GetObject sweeps": true},
		"FleetSweepRole": {"s3:PutObject lists": false, "s3:GetObject lists": true, "s3:PutObject sweeps": true, "s3:GetObject sweeps": true},
	} {
		for act, expected := range may {
			action, folder, _ := strings.Cut(act, " ")
			if got := allowing(s.statements(role), action, "<FleetResults.Arn>/"+folder+"/1.json") != nil; got != expected {
				t.Errorf("%s may call %s on %s: %v", role, action, folder, got)
			}
		}
	}
}

// The roles that may be assumed have one name, and are in the accounts named and no others.
func TestFleetAssumesOneRoleInItsAccountsOnly(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	s := newStack(template, map[string]string{"Fleet": "true", "AssumeRoleArn": "arn:aws:iam::{account}:role/pgrotator", "FleetAccounts": account + "," + otherAccount})
	for _, role := range []string{"RotationRole", "SweepRole"} {
		found := allowing(s.statements(role), "sts:AssumeRole", "arn:aws:iam::"+otherAccount+":role/pgrotator")
		if len(found) != 1 || !slices.Equal(found[0].under("aws:ResourceAccount"), []string{account, otherAccount}) {
			t.Errorf("%s assumes the role by %+v", role, found)
		}
		if allowing(s.statements(role), "sts:AssumeRole", "arn:aws:iam::"+otherAccount+":role/admin") != nil {
			t.Errorf("%s may assume any role", role)
		}
	}
}

// Secrets Manager of each account of a fleet may invoke the rotation function, that of no other account, and their permissions fit into
// its policy, which holds 20 KB (Lambda quotas).
func TestEveryAccountOfAFleetMayHaveTheFunctionInvoked(t *testing.T) {
	t.Parallel()
	const most, longestPolicy = 40, 20 * 1024
	template := readTemplate(t)
	var accounts []string
	for n := range most + 1 {
		accounts = append(accounts, fmt.Sprintf("%012d", n))
	}
	for _, count := range []int{1, 2, 3, most - 1, most, most + 1} {
		s := newStack(template, map[string]string{"Fleet": "true", "AssumeRoleArn": "arn:aws:iam::{account}:role/pgrotator", "FleetAccounts": strings.Join(accounts[:count], ",")})
		var invited []string
		size := 0
		for name, resource := range template.Resources {
			if resource.Type != "AWS::Lambda::Permission" || !s.exists(resource.Condition) {
				continue
			}
			permission := s.resolve(resource.Properties).(map[string]any)
			if permission["FunctionName"] != "<RotationFunction>" || permission["Action"] != "lambda:InvokeFunction" || permission["Principal"] != "secretsmanager.amazonaws.com" {
				t.Errorf("%s lets %v", name, permission)
			}
			invited = append(invited, permission["SourceAccount"].(string))
			size += len(statementOfPermission(permission))
		}
		slices.Sort(invited)
		if expected := accounts[:min(count, most)]; !slices.Equal(invited, expected) {
			t.Errorf("of %d accounts those may have the function invoked: %v", count, invited)
		}
		if size > longestPolicy {
			t.Errorf("the permissions of %d accounts have %d characters", count, size)
		}
	}
}

// statementOfPermission is what Lambda makes of a permission, with names as long as AWS's are at most.
func statementOfPermission(permission map[string]any) string {
	function := "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:" + strings.Repeat("f", 64)
	return fmt.Sprintf(`{"Sid":"%s","Effect":"Allow","Principal":{"Service":"%s"},"Action":"%s","Resource":"%s","Condition":{"StringEquals":{"AWS:SourceAccount":"%s"}}},`,
		strings.Repeat("s", 100), permission["Principal"], permission["Action"], function, permission["SourceAccount"])
}

// IAM holds 10,240 characters of a role's own policies, blanks not counted (IAM User Guide, "IAM and AWS STS quotas").
func TestPoliciesOfAFleetFitIntoTheirRoles(t *testing.T) {
	t.Parallel()
	everyFleet(t, func(s stack) {
		for _, role := range []string{"RotationRole", "SweepRole", "FleetSweepRole"} {
			size := 0
			for _, statement := range s.statements(role) {
				text, err := json.Marshal(map[string]any{"Sid": statement.sid, "Effect": statement.effect, "Action": statement.actions, "Resource": statement.resources, "Condition": statement.condition})
				if err != nil {
					t.Fatal(err)
				}
				size += len(text)
			}
			if size > 8_000 { // names that are longer than the test's stand for the rest
				t.Errorf("the policies of %s have %d characters", role, size)
			}
		}
	})
}

// What belongs to one database is not made for a fleet, and the other way round.
func TestStackOfAFleet(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	one, fleet := newStack(template, map[string]string{"SecretArn": ownSecret}), newStack(template, map[string]string{"Fleet": "true"})
	for name, inFleet := range map[string]bool{"FleetSweep": true, "FleetResults": true, "FleetTrouble": true, "FleetDashboard": true, "RotationFleetPolicy": true, "SweepFleetPolicy": true,
		"Dashboard": false, "RotationSecretPolicy": false, "SweepReadPolicy": false, "SweepErrors": false, "SweepEvidenceIncomplete": false, "RotationFailureRule": false} {
		condition := template.Resources[name].Condition
		if fleet.exists(condition) != inFleet || one.exists(condition) == inFleet {
			t.Errorf("%s is made for a fleet: %v, for one database: %v", name, fleet.exists(condition), one.exists(condition))
		}
	}
	if fleet.exists(template.Resources["Secret"].Condition) {
		t.Error("a fleet makes a secret")
	}
	target := fleet.resolve(template.Resources["SweepSchedule"].Properties["Target"]).(map[string]any)
	starting := allowing(fleet.statements("SweepScheduleRole"), "states:StartExecution", "<FleetSweep>")
	if target["Arn"] != "<FleetSweep>" || len(starting) != 1 || allowing(fleet.statements("SweepScheduleRole"), "lambda:InvokeFunction", "<SweepFunction.Arn>") != nil {
		t.Errorf("the schedule starts %v by %+v", target["Arn"], starting)
	}
}

func TestAlarmsAndDashboardAreSwitchedOff(t *testing.T) {
	t.Parallel()
	template := readTemplate(t)
	for _, fleet := range []string{"true", "false"} {
		s := newStack(template, map[string]string{"Fleet": fleet, "AlarmsEnabled": "false", "DashboardEnabled": "false", "RotationEnabled": "true"})
		for name, resource := range template.Resources {
			if (resource.Type == "AWS::CloudWatch::Alarm" || resource.Type == "AWS::CloudWatch::Dashboard") && s.exists(resource.Condition) {
				t.Errorf("%s is made with Fleet=%s", name, fleet)
			}
		}
	}
}
