package check_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"pgrotator/rotator/check"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// clusterScene is a set up pair of a cluster whose log goes to CloudWatch.
func clusterScene(t *testing.T) *localtest.Scene {
	t.Helper()
	return clusterSceneWith(t, nil)
}

func clusterSceneWith(t *testing.T, env map[string]string) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, server, env)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster(), "dbClusterIdentifier": "orders"})
	s.Cluster("orders")
	s.MustSetupFor(role.ForSweep)
	return s
}

func TestAllIsWellForASweep(t *testing.T) {
	t.Parallel()
	s := clusterScene(t)
	for _, want := range []string{"no sweep has run yet", "instance orders-1: the sweep's own login was last found in the log never", "last found in the log 2"} {
		report := run(t, s, role.ForSweep)
		if canary := find(t, report, "canary"); !report.OK || !strings.Contains(canary.Detail, want) {
			t.Errorf("want %q: %+v", want, report)
		}
		if _, err := s.Invoke(map[string]any{"action": "sweep", "secretId": s.SecretID}); err != nil {
			t.Fatal(err)
		}
	}
}

// Each case breaks one thing that a sweep needs, and expects the check of that name to fail and to say what to do.
func TestWhatFailsForASweep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt func(s *localtest.Scene)
		check   string
		fix     string
		detail  string
	}{
		"no identifier in the secret": {func(s *localtest.Scene) {
			s.PutCurrent(s.Value(map[string]any{"dbClusterIdentifier": nil}))
		}, "instances", "dbClusterIdentifier", ""},
		"export switched off": {func(s *localtest.Scene) {
			s.AWS.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("orders"),
				DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: aws.String("orders-1"), IsClusterWriter: aws.Bool(true)}}})
		}, "log export", "EnableLogTypes", ""},
		"an instance without a stream": {func(s *localtest.Scene) {
			s.AWS.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("orders"), EnabledCloudwatchLogsExports: []string{"postgresql"},
				DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: aws.String("orders-2"), IsClusterWriter: aws.Bool(true)}}})
			s.AWS.SetDBInstance(types.DBInstance{DBInstanceIdentifier: aws.String("orders-2"), DBClusterIdentifier: aws.String("orders")})
		}, "log group", "A stream appears", ""},
		"a tag that cannot be read": {func(s *localtest.Scene) {
			tag(t, s, "pgrotator:lock-days", "ninety")
		}, "policy", "Correct the secret's tag", `pgrotator:lock-days = "ninety": expected a whole number`},
		"no permission to read the log": {func(s *localtest.Scene) {
			s.AWS.Intercept(func(call localaws.Call) localaws.Outcome {
				if call.Operation == "FilterLogEvents" {
					return localaws.Fail("AccessDeniedException", 400)
				}
				return nil
			})
		}, "log group", "FilterLogEvents", ""},
		"the lines of logins are below log_min_messages, on two instances": {func(s *localtest.Scene) {
			s.AWS.SetDBCluster(types.DBCluster{DBClusterIdentifier: aws.String("orders"), EnabledCloudwatchLogsExports: []string{"postgresql"},
				DBClusterMembers: []types.DBClusterMember{
					{DBInstanceIdentifier: aws.String("orders-1"), IsClusterWriter: aws.Bool(true)},
					{DBInstanceIdentifier: aws.String("orders-2"), IsClusterWriter: aws.Bool(false)}}})
			s.AWS.SetDBInstance(types.DBInstance{DBInstanceIdentifier: aws.String("orders-2"), DBClusterIdentifier: aws.String("orders"),
				DBInstanceStatus: aws.String("available"), Endpoint: &types.Endpoint{Address: &s.Host, Port: aws.Int32(int32(s.Port))}})
			s.SQL("ALTER DATABASE " + s.Database + " SET log_min_messages = 'fatal'")
		}, "log_min_messages", "warning", "log_min_messages of the writer is \"fatal\": logins leave no line; log_min_messages of instance orders-2 is \"fatal\""},
		"the login of an earlier sweep is missing": {func(s *localtest.Scene) {
			s.SQL("INSERT INTO rotation_" + s.Shared + ".user_login_job_status VALUES ('orders-1', now(), now(), 'pgrotator-sweep-b-2 pgrotator-sweep-a-1', now(), now())")
		}, "canary", "INGESTION_LAG_SECONDS", "1 earlier"},
		"a table of another": {func(s *localtest.Scene) {
			name, password := s.PG.Superuser()
			s.SQLAs(s.PG.URL(name, password, s.Database), "ALTER TABLE rotation_"+s.Shared+".user_login_status OWNER TO "+s.Master)
		}, "tables", "Rename the table, or set STATE_SCHEMA", "belongs to somebody else"},
		"a table that may not be read": {func(s *localtest.Scene) {
			s.SQL("REVOKE SELECT ON rotation_" + s.Shared + ".user_login_status FROM " + s.Shared)
		}, "tables", "Run setup with", "may not be read and written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clusterScene(t)
			c.breakIt(s)
			report := run(t, s, role.ForSweep)
			result := find(t, report, c.check)
			if report.OK || result.OK {
				t.Errorf("check %q passes: %q", c.check, result.Detail)
			}
			if !strings.Contains(result.Fix, c.fix) || !strings.Contains(result.Detail, c.detail) {
				t.Errorf("check %q says %q and to do %q, want %q and %q in it", c.check, result.Detail, result.Fix, c.detail, c.fix)
			}
		})
	}
}

func TestRolesBeyondTheSweepAreNamed(t *testing.T) {
	t.Parallel()
	s := clusterScene(t)
	s.SQL(fmt.Sprintf("CREATE ROLE %s_replicator LOGIN REPLICATION", s.Shared), "REVOKE rds_superuser FROM "+s.Master, "ALTER ROLE "+s.Master+" REPLICATION")
	if roles := find(t, run(t, s, role.ForSweep), "roles"); !strings.Contains(roles.Detail, s.Shared+"_replicator") || strings.Contains(roles.Detail, s.Master) {
		t.Errorf("the check says %q", roles.Detail)
	}
}

// Whom a sweep leaves alone nobody is told to GRANT to the pair's owner role: another secret's pair, whatever its users are named,
// and whoever is on IGNORE_USER_LIST.
func TestRolesThatASweepLeavesAloneAreNotNamed(t *testing.T) {
	t.Parallel()
	s := clusterSceneWith(t, map[string]string{"IGNORE_USER_LIST": `["*_nightly"]`})
	blue, green, shared := s.Shared+"blue", s.Shared+"green", s.Shared+"other"
	second := s.PutNewSecret("second", s.Value(map[string]any{"username": blue, "usernames": []string{blue, green}, "role": shared,
		"masterarn": s.PutMaster("second-master", s.Master)}))
	if _, err := s.Invoke(map[string]any{"action": "setup", "secretId": second}); err != nil {
		t.Fatal(err)
	}
	s.SQL(fmt.Sprintf("CREATE ROLE %s_nightly LOGIN REPLICATION", s.Shared), fmt.Sprintf("CREATE ROLE %s_stranger LOGIN REPLICATION", s.Shared))
	admin := s.Shared + "_admin" // of this pair, as the user of a masterarn is
	s.SQL(fmt.Sprintf("CREATE ROLE %s LOGIN", admin), fmt.Sprintf("GRANT %[1]s_a, %[1]s_b TO %[2]s WITH ADMIN OPTION", s.Shared, admin))
	for _, user := range []string{blue, green, admin} { // beyond the owner role of the first pair, on every major version
		s.SQL("ALTER ROLE " + user + " REPLICATION")
	}
	roles := find(t, run(t, s, role.ForSweep), "roles")
	for _, name := range []string{blue, green, admin, s.Shared + "_nightly"} {
		if strings.Contains(roles.Detail, name) {
			t.Errorf("%s is left alone by a sweep, and the check says %q", name, roles.Detail)
		}
	}
	if !strings.Contains(roles.Detail, s.Shared+"_stranger") {
		t.Errorf("the check says %q", roles.Detail)
	}
}

// A stranger can have a name of asterisks turned away; only what a session writes under one is unread.
func TestMaskedNames(t *testing.T) {
	t.Parallel()
	s := clusterScene(t)
	logged := func(message string) {
		at := time.Now().Add(-2 * time.Minute).UTC()
		s.AWS.AppendLog("/aws/rds/cluster/orders/postgresql", "orders-1.0", localaws.Event{Time: at,
			Message: at.Format(time.DateTime) + " UTC:10.0.0.1(40000):*****@app:[4711]:" + message})
	}
	unread := func(c check.Result) bool { return c.Name == "unread entries" }
	logged(`FATAL:  role "*****" does not exist`)
	logged(`FATAL:  password authentication failed for user "*****"`)
	if report := run(t, s, role.ForSweep); slices.ContainsFunc(report.Checks, unread) || !report.OK {
		t.Errorf("refusals of a masked name: %+v", report)
	}
	logged("LOG:  disconnection: session time: 0:00:00.021 user=***** database=app host=10.0.0.1 port=40000")
	if told := find(t, run(t, s, role.ForSweep), "unread entries"); told.OK || !strings.Contains(told.Fix, "logs:Unmask") {
		t.Errorf("an entry of a session: %+v", told)
	}
}

func tag(t *testing.T, s *localtest.Scene, key, value string) {
	t.Helper()
	_, err := s.Secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &s.SecretID, Tags: []smtypes.Tag{{Key: &key, Value: &value}}})
	if err != nil {
		t.Fatal(err)
	}
}

// A tag that makes the policy gentler is told, and one that would make it harsher too; neither is a fault.
func TestTagsOfThePolicyAreTold(t *testing.T) {
	t.Parallel()
	s := clusterSceneWith(t, map[string]string{"LOCK_INTERVAL_DAYS": "90"})
	tag(t, s, "pgrotator:lock-days", "200")
	if told := find(t, run(t, s, role.ForSweep), "policy"); !told.OK || told.Fix != "" || !strings.Contains(told.Detail, `pgrotator:lock-days = "200"`) {
		t.Errorf("%+v", told)
	}
	tag(t, s, "pgrotator:lock-days", "30")
	if told := find(t, run(t, s, role.ForSweep), "policy"); !told.OK || told.Fix == "" || !strings.Contains(told.Detail, "harsher than the operator's policy, which is 90 days") {
		t.Errorf("%+v", told)
	}
}
