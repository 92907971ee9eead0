package sweep_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
)

func TestWithoutEvidenceNobodyIsLocked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breaks func(s *stage)
		reason string
	}{
		"the log group is deleted": {func(s *stage) {
			s.stopPublishing()
			client := cloudwatchlogs.NewFromConfig(s.stack.Config())
			if _, err := client.DeleteLogGroup(s.t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &s.group}); err != nil {
				s.t.Fatal(err)
			}
		}, "does not exist"},
		"reading the log is not permitted": {func(s *stage) {
			s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
				if c.Operation == "FilterLogEvents" {
					return localaws.Fail("AccessDeniedException", 400)
				}
				return localaws.Pass
			})
		}, "AccessDeniedException"},
		"RDS does not tell the instances": {func(s *stage) {
			s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
				if c.Service == "rds" {
					return localaws.Fail("AccessDenied", 403)
				}
				return localaws.Pass
			})
		}, "instances are not known"},
		"the export stopped":                  {func(s *stage) { s.publisher.Pause(); s.run() }, "has not arrived"},
		"the secret names no database of RDS": {func(s *stage) { s.secret(map[string]any{"dbInstanceIdentifier": ""}) }, "dbClusterIdentifier"},
		"a replica is in another Region": {func(s *stage) {
			s.setInstance(func(i *types.DBInstance) {
				i.ReadReplicaDBInstanceIdentifiers = []string{"arn:aws:rds:eu-west-1:123456789012:db:far"}
			})
		}, "another Region"},
		"a replica does not answer": {func(s *stage) {
			s.setInstance(func(i *types.DBInstance) { i.ReadReplicaDBInstanceIdentifiers = []string{s.prefix + "-r"} })
			s.stack.SetDBInstance(types.DBInstance{DBInstanceIdentifier: aws.String(s.prefix + "-r"),
				Endpoint: &types.Endpoint{Address: aws.String("nowhere.invalid"), Port: aws.Int32(5432)}})
		}, "cannot be looked at"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, server, localaws.PublishOptions{})
			s.settle()
			test.breaks(s)
			idle := s.user("idle", 100)
			report := s.run()
			if report.Evidence.Complete || len(report.Locked) > 0 || !s.canLogin(idle) {
				t.Errorf("complete %v, locked %q", report.Evidence.Complete, closedUsers(report.Locked))
			}
			if !slices.ContainsFunc(report.Evidence.Reasons, func(r string) bool { return strings.Contains(r, test.reason) }) {
				t.Errorf("reasons %q, want one with %q", report.Evidence.Reasons, test.reason)
			}
		})
	}
}

func (s *stage) setInstance(change func(*types.DBInstance)) {
	i := types.DBInstance{
		DBInstanceIdentifier: aws.String(s.prefix), MasterUsername: aws.String("postgres"),
		Endpoint:           &types.Endpoint{Address: aws.String(s.server.Host()), Port: aws.Int32(int32(s.server.Port()))},
		InstanceCreateTime: aws.Time(time.Now().Add(-1000 * time.Hour)),
	}
	change(&i)
	s.stack.SetDBInstance(i)
}

// Logging that was off for a while leaves a hole in which anybody may have been active.
func TestLoggingSwitchedOff(t *testing.T) {
	t.Parallel()
	on := pgtest.Start(t, localpg.Options{Major: 15})
	s := newStage(t, on, localaws.PublishOptions{})
	s.settle()
	idle := s.user("idle", 100)
	set := func(value string) {
		s.exec("ALTER SYSTEM SET log_connections = " + value)
		s.exec("SELECT pg_reload_conf()")
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(pollPause) {
			name, superPassword := on.Superuser()
			conn := pgtest.Connect(t, on.URL(name, superPassword, s.prefix))
			var got string
			if err := conn.QueryRow(t.Context(), "SHOW log_connections").Scan(&got); err != nil {
				t.Fatal(err)
			}
			conn.Close(t.Context())
			if got == value || time.Now().After(deadline) {
				return
			}
		}
	}
	set("off")
	if report := s.run(); report.Evidence.Complete || !strings.Contains(strings.Join(report.Evidence.Reasons, " "), "log_connections") {
		t.Fatalf("log_connections is off: complete %v, reasons %q", report.Evidence.Complete, report.Evidence.Reasons)
	}
	s.visit(idle) // nothing shows it
	set("on")
	for range 3 {
		s.visit(s.prefix + "_a") // later lines
		if report := s.run(); len(report.Locked) > 0 {
			t.Fatalf("locked %q, which was active while nothing was logged", closedUsers(report.Locked))
		}
	}
	if !s.canLogin(idle) {
		t.Error("locked")
	}
}

func TestRetentionShorterThanTheOutage(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	s.user("idle", 100)
	client := cloudwatchlogs.NewFromConfig(s.stack.Config())
	if _, err := client.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &s.group, RetentionInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	s.exec("UPDATE user_login_job_status SET last_processed_time = now() - interval '30 days'")
	report := s.run()
	if report.Evidence.Complete || !strings.Contains(report.Evidence.Reasons[0], "expired before they were read") {
		t.Errorf("complete %v, reasons %q", report.Evidence.Complete, report.Evidence.Reasons)
	}
	from := query[time.Time](s, "SELECT evidence_from FROM user_login_job_status")
	if age := time.Since(from); age > 7*24*time.Hour || age < 6*24*time.Hour {
		t.Errorf("evidence begins %s ago, want the 7 days that the log is kept, or a little less", age)
	}
	if report = s.run(); !report.Evidence.Complete || len(report.Locked) > 0 {
		t.Errorf("the next run: complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
	}
}

// A cluster of a writer and a hot standby, one log group, a stream each.
func TestReaderOfACluster(t *testing.T) {
	t.Parallel()
	s, reader := newClusterStage(t)
	s.settle()
	busy, idle := s.user("busy", 100), s.user("idle", 100)
	pgtest.AwaitReplay(t, s.server, reader)
	conn := pgtest.Connect(t, reader.URL(busy, password, s.prefix))
	conn.Close(t.Context())
	report := s.run()
	if !report.Evidence.Complete || !slices.Equal(closedUsers(report.Locked), []string{idle}) {
		t.Errorf("complete %v %q, locked %q, want %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked), idle)
	}
	open := s.user("open", 100)
	pgtest.AwaitReplay(t, s.server, reader)
	pgtest.Connect(t, reader.URL(open, password, s.prefix))
	s.publishers[1].Pause()
	if report = s.run(); len(report.Locked) > 0 {
		t.Errorf("locked %q, which has a session on the reader", closedUsers(report.Locked))
	}
}

// A reader lets logins in until it has replayed the lock.
func TestLoginOnAReaderAfterTheCommit(t *testing.T) {
	t.Parallel()
	s, reader := newClusterStage(t)
	s.settle()
	slow := s.user("slow", 100)
	pgtest.AwaitReplay(t, s.server, reader)
	name, superPassword := reader.Superuser()
	control := pgtest.Connect(t, reader.URL(name, superPassword, "postgres"))
	if _, err := control.Exec(t.Context(), "SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	done := make(chan []string)
	go func() {
		report, err := s.sweeper().Run(context.WithoutCancel(t.Context()), s.prefix, false)
		if err != nil {
			t.Error(err)
		}
		done <- closedUsers(report.Unlocked)
	}()
	s.await("the lock", "SELECT NOT rolcanlogin FROM pg_roles WHERE rolname = $1", slow)
	pgtest.Connect(t, reader.URL(slow, password, s.prefix))
	if _, err := control.Exec(t.Context(), "SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	if unlocked := <-done; !slices.Equal(unlocked, []string{slow}) || !s.canLogin(slow) {
		t.Errorf("unlocked %q, can log in: %v", unlocked, s.canLogin(slow))
	}
}

func newClusterStage(t *testing.T) (*stage, *localpg.Server) {
	t.Helper()
	on := pgtest.Start(t, localpg.Options{Major: 15})
	reader, err := on.Standby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Own(t, reader)
	s := newStage(t, on, localaws.PublishOptions{})
	s.group = "/aws/rds/cluster/" + s.prefix + "/postgresql"
	s.secret(map[string]any{"dbClusterIdentifier": s.prefix, "dbInstanceIdentifier": ""})
	s.stopPublishing()
	for i, server := range []*localpg.Server{on, reader} {
		name := fmt.Sprintf("db-%d", i)
		s.stack.SetDBInstance(types.DBInstance{DBInstanceIdentifier: &name, DBClusterIdentifier: &s.prefix,
			Endpoint:           &types.Endpoint{Address: aws.String(server.Host()), Port: aws.Int32(int32(server.Port()))},
			InstanceCreateTime: aws.Time(time.Now().Add(-1000 * time.Hour))})
		s.server, s.stream = server, name+".0"
		s.publish(localaws.PublishOptions{})
	}
	s.server = on
	s.stack.SetDBCluster(types.DBCluster{DBClusterIdentifier: &s.prefix, MasterUsername: aws.String("postgres"),
		DBClusterMembers: []types.DBClusterMember{
			{DBInstanceIdentifier: aws.String("db-0"), IsClusterWriter: aws.Bool(true)},
			{DBInstanceIdentifier: aws.String("db-1"), IsClusterWriter: aws.Bool(false)}}})
	pgtest.AwaitReplay(t, on, reader)
	return s, reader
}

// A reader that autoscaling made and removed between two runs is known by its stream alone.
func TestReaderThatCameAndWent(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.group = "/aws/rds/cluster/" + s.prefix + "/postgresql"
	s.secret(map[string]any{"dbClusterIdentifier": s.prefix, "dbInstanceIdentifier": ""})
	s.stack.SetDBCluster(types.DBCluster{DBClusterIdentifier: &s.prefix, MasterUsername: aws.String("postgres"),
		DBClusterMembers: []types.DBClusterMember{{DBInstanceIdentifier: &s.prefix, IsClusterWriter: aws.Bool(true)}}})
	s.setInstance(func(i *types.DBInstance) { i.DBClusterIdentifier = &s.prefix })
	s.stopPublishing()
	s.publish(localaws.PublishOptions{})
	s.settle()
	busy := s.user("busy", 100)
	now := time.Now().UTC().Truncate(time.Second)
	s.stack.AppendLog(s.group, "application-autoscaling-1.0", localaws.Event{Time: now, Message: fmt.Sprintf(
		"%s UTC:10.0.0.1(5000):%s@%s:[77]:LOG:  connection authorized: user=%s database=%s", now.Format(time.DateTime), busy, s.prefix, busy, s.prefix)})
	report := s.run()
	if !report.Evidence.Complete || len(report.Locked) > 0 {
		t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
	}
	if n := query[int](s, "SELECT count(*) FROM user_login_job_status WHERE instance_name = 'application-autoscaling-1'"); n != 1 {
		t.Error("the reader has no row")
	}
}

func TestThrottledAndEmptyPages(t *testing.T) {
	t.Parallel()
	s := newStage(t, pgtest.Start(t, localpg.Options{Major: 15}), localaws.PublishOptions{}) // of little log
	s.settle()
	idle, busy := s.user("idle", 100), s.user("busy", 100)
	for range 30 {
		s.visit(busy)
	}
	s.stack.SetLogLimits(localaws.LogLimits{PageEvents: 40, EmptyPages: 2, RequestsPerSecond: 20})
	report := s.run()
	if !report.Evidence.Complete || !slices.Equal(closedUsers(report.Locked), []string{idle}) {
		t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
	}
}

func TestForeignTables(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"another's, with a trigger": {"CREATE TABLE user_login_status (user_name text PRIMARY KEY, last_login_time timestamptz, status text, status_changed_at timestamptz, locked_at timestamptz, role_oid oid)",
			"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "CREATE TRIGGER t BEFORE INSERT ON user_login_status EXECUTE FUNCTION f()"},
		"another's, of the right shape":         {"CREATE TABLE user_login_action (happened_at timestamptz, user_name text, action text, detail jsonb)"},
		"the article's own Lambda's":            {"CREATE TABLE user_login_status (username text, last_login_time timestamptz, status text)", "ALTER TABLE user_login_status OWNER TO %s"},
		"a view of that name":                   {"CREATE VIEW user_login_job_status AS SELECT 1 AS n", "ALTER VIEW user_login_job_status OWNER TO %s"},
		"ours in name, with a rule of somebody": {"CREATE TABLE user_login_action (happened_at timestamptz, user_name text, action text, detail jsonb)", "CREATE RULE r AS ON INSERT TO user_login_action DO ALSO NOTIFY x", "ALTER TABLE user_login_action OWNER TO %s"},
	}
	for name, statements := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, server, localaws.PublishOptions{})
			s.exec("DROP TABLE user_login_status, user_login_job_status, user_login_action")
			for _, sql := range statements {
				s.exec(strings.ReplaceAll(sql, "%s", s.prefix))
			}
			_, err := s.sweeper().Run(t.Context(), s.prefix, false)
			if err == nil || !strings.Contains(err.Error(), "STATE_SCHEMA") {
				t.Errorf("error %v, want one that names STATE_SCHEMA", err)
			}
		})
	}
}
