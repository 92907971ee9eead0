package sweep_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/account"
	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/report"
)

const pollPause = 10 * time.Millisecond

// await polls until a query is true.
func (s *stage) await(what, sql string, args ...any) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !query[bool](s, sql, args...); time.Sleep(pollPause) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s did not happen", what)
		}
	}
}

// A transaction that alters the role holds the sweep's ALTER ROLE up, between its decision and its commit.
func TestLoginBetweenDecisionAndCommit(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	slow := s.user("slow", 100)
	name, superPassword := s.server.Superuser()
	holder := pgtest.Connect(t, s.server.URL(name, superPassword, s.prefix))
	for _, sql := range []string{"BEGIN", "ALTER ROLE " + slow + " CONNECTION LIMIT 7"} {
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan report.Report)
	go func() {
		report, err := s.sweeper().Run(context.WithoutCancel(t.Context()), s.prefix, false)
		if err != nil {
			t.Error(err)
		}
		done <- report
	}()
	s.await("the sweep's wait for the role", "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1)", s.prefix+"_a")
	session, err := s.login(slow)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context())
	if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	report := <-done
	if !s.canLogin(slow) || s.status(slow) != "Active" || len(report.Locked) > 0 || !slices.Equal(closedUsers(report.Unlocked), []string{slow}) {
		t.Errorf("can log in: %v, status %s, locked %v, unlocked %v", s.canLogin(slow), s.status(slow), report.Locked, report.Unlocked)
	}
}

func TestDatabaseAdministratorUnlocks(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	both, role, table := s.user("both", 100), s.user("role", 100), s.user("table", 100)
	if answer := s.run(); len(answer.Locked) != 3 {
		t.Fatalf("locked %q, want 3", closedUsers(answer.Locked))
	}
	update := "UPDATE user_login_status SET last_login_time = now(), status = 'Active' WHERE user_name = $1"
	s.exec("ALTER ROLE " + both + " LOGIN")
	s.exec(update, both)
	s.exec("ALTER ROLE " + role + " LOGIN")
	s.exec(update, table)
	answer := s.run()
	for _, name := range []string{both, role} {
		if s.status(name) != "Active" || !s.canLogin(name) || query[bool](s, "SELECT locked_at IS NOT NULL FROM user_login_status WHERE user_name = $1", name) {
			t.Errorf("%s: status %s, can log in: %v", name, s.status(name), s.canLogin(name))
		}
	}
	want := `ALTER ROLE "` + table + `" LOGIN;`
	if !slices.ContainsFunc(answer.Failed, func(f report.Failed) bool { return f.User == table && f.Fix == want }) {
		t.Errorf("the UPDATE alone is not told with %q: %+v", want, answer.Failed)
	}
	if again := s.run(); len(again.Locked) > 0 {
		t.Errorf("the next run locked %q", closedUsers(again.Locked))
	}
}

func TestDropsAfterTheSecondInterval(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.DeleteDays = 180
	s.settle()
	old, early := s.user("old", 200), s.user("early", 200)
	s.exec("CREATE ROLE " + s.prefix + "group NOLOGIN")
	s.exec("GRANT " + s.prefix + "group TO " + old + " WITH ADMIN OPTION")
	s.exec("ALTER ROLE " + old + " SET search_path = a, b")
	s.exec("ALTER ROLE " + old + " CREATEDB CONNECTION LIMIT 3")
	s.exec("COMMENT ON ROLE " + old + " IS 'it''s old'")
	if report := s.run(); len(report.Locked) != 2 || len(report.Deleted) > 0 {
		t.Fatalf("locked %q, dropped %q; nobody is dropped who was just locked", closedUsers(report.Locked), closedUsers(report.Deleted))
	}
	s.exec("UPDATE user_login_status SET locked_at = now() - interval '91 days' WHERE user_name = $1", old)
	s.exec("UPDATE user_login_status SET locked_at = now() - interval '89 days' WHERE user_name = $1", early)
	report := s.run()
	if got := closedUsers(report.Deleted); !slices.Equal(got, []string{old}) {
		t.Fatalf("dropped %q, want %q; failed %+v", got, old, report.Failed)
	}
	if n := query[int](s, "SELECT count(*) FROM pg_roles WHERE rolname = $1", old); n != 0 {
		t.Error("the role is still there")
	}
	remake := query[[]string](s, "SELECT array(SELECT jsonb_array_elements_text(detail -> 'remake')) FROM user_login_action WHERE user_name = $1 AND action = 'deleted'", old)
	for _, sql := range remake {
		s.exec(sql)
	}
	if !query[bool](s, "SELECT rolcreatedb AND rolconnlimit = 3 AND rolconfig = '{\"search_path=a, b\"}' AND shobj_description(oid, 'pg_authid') = 'it''s old' AND pg_has_role(oid, $2, 'MEMBER WITH ADMIN OPTION') FROM pg_roles WHERE rolname = $1", old, s.prefix+"group") {
		t.Errorf("the statements %q do not make the role again", remake)
	}
}

func TestNeverLockedIsDroppedADayAfterTheMark(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.LockDays, s.options.DeleteDays = 0, 90
	s.settle()
	old, back := s.user("old", 100), s.user("back", 100)
	if s.run(); s.status(old) != "ReadyToDelete" || s.status(back) != "ReadyToDelete" || !s.canLogin(old) {
		t.Fatalf("status %s and %s, can log in: %v", s.status(old), s.status(back), s.canLogin(old))
	}
	if report := s.run(); len(report.Deleted) > 0 {
		t.Fatalf("dropped %q at once", closedUsers(report.Deleted))
	}
	s.visit(back)
	s.exec("UPDATE user_login_status SET status_changed_at = now() - interval '25 hours' WHERE status = 'ReadyToDelete'")
	report := s.run()
	if got := closedUsers(report.Deleted); !slices.Equal(got, []string{old}) || s.status(back) != "Active" {
		t.Errorf("dropped %q, want %q; %s is %s; failed %+v", got, old, back, s.status(back), report.Failed)
	}
}

func TestReadyToDeleteTellsHowToClear(t *testing.T) {
	t.Parallel()
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			testClearing(t, major)
		})
	}
}

// testClearing runs the statements of the report with psql, as a master that is no superuser.
func testClearing(t *testing.T, major int) {
	if major != 15 && !localpg.Available(major) {
		t.Skipf("PostgreSQL %d is not installed", major)
	}
	on := server
	if major != 15 {
		on = pgtest.Start(t, localpg.Options{Major: major})
	}
	s := newStage(t, on, localaws.PublishOptions{})
	s.options.DeleteDays = 180
	master := s.prefix + "master"
	s.exec(fmt.Sprintf("CREATE ROLE %s LOGIN CREATEROLE CREATEDB PASSWORD '%s'", master, password))
	s.setMaster(master)
	s.settle()
	owner, member := s.prefix+"owner", s.prefix+"member"
	old := s.prefix + "old"
	s.exec("ALTER DATABASE " + s.prefix + " OWNER TO " + master)
	s.asMaster(master, "CREATE ROLE "+old+" LOGIN", "CREATE ROLE "+owner+" LOGIN", "CREATE ROLE "+member+" LOGIN", "GRANT "+old+" TO "+member,
		"GRANT CREATE ON DATABASE "+s.prefix+" TO "+owner+", "+old)
	if major >= 16 {
		s.asMaster(master, "GRANT "+old+" TO "+s.prefix+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
	s.exec("CREATE DATABASE " + s.prefix + "two")
	for _, sql := range []string{
		"CREATE SCHEMA AUTHORIZATION " + owner, "CREATE SCHEMA AUTHORIZATION " + old,
		"SET ROLE " + owner, "CREATE TABLE " + owner + ".t (n int)", "GRANT SELECT ON " + owner + ".t TO " + old, "GRANT USAGE ON SCHEMA " + owner + " TO " + old, "RESET ROLE",
		"CREATE TABLE " + old + ".mine (n int)", "ALTER TABLE " + old + ".mine OWNER TO " + old,
		"INSERT INTO user_login_status (user_name, role_oid, last_login_time, status, locked_at) SELECT rolname, oid, now() - interval '200 days', 'Locked', now() - interval '100 days' FROM pg_roles WHERE rolname = '" + old + "'",
		"ALTER ROLE " + old + " NOLOGIN"} {
		s.exec(sql)
	}
	s.inDatabase(s.prefix+"two", "CREATE TABLE theirs (n int)", "ALTER TABLE theirs OWNER TO "+old)
	report := s.run()
	if len(report.ReadyToDelete) != 1 || s.status(old) != "ReadyToDelete" {
		t.Fatalf("ready to delete: %+v, status %s, reasons %q, failed %v", report.ReadyToDelete, s.status(old), report.Evidence.Reasons, report.Failed)
	}
	ready := report.ReadyToDelete[0]
	if len(ready.Owns) != 3 || ready.Owns[1].Objects == 0 {
		t.Errorf("owns %+v, want something shared and in both databases", ready.Owns)
	}
	s.psql(master, strings.Join(ready.Statements, "\n"))
	if report = s.run(); len(report.ReadyToDelete) > 0 || s.status(old) != "" {
		t.Errorf("afterwards the report has %+v, and the table %q", report.ReadyToDelete, s.status(old))
	}
	if n := query[int](s, "SELECT count(*) FROM pg_tables WHERE tablename IN ('mine', 't')"); n != 2 {
		t.Errorf("%d of 2 tables are left", n)
	}
}

func (s *stage) psql(user, script string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "psql", "-X", "-v", "ON_ERROR_STOP=1", s.server.URL(user, password, s.prefix))
	command.Stdin = strings.NewReader(script)
	if out, err := command.CombinedOutput(); err != nil {
		s.t.Fatalf("psql: %v\n%s\n%s", err, script, out)
	}
}

func (s *stage) asMaster(master string, statements ...string) {
	s.t.Helper()
	for _, sql := range statements {
		s.as(master, sql)
	}
}

func (s *stage) inDatabase(database string, statements ...string) {
	s.t.Helper()
	name, superPassword := s.server.Superuser()
	conn := pgtest.Connect(s.t, s.server.URL(name, superPassword, database))
	for _, sql := range statements {
		if _, err := conn.Exec(s.t.Context(), sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
}

func TestHeldDryAndTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.MaxChanges, s.hub = 1, true
	s.settle()
	one, two := s.user("one", 100), s.user("two", 100)
	if report := s.run(); len(report.Locked) > 0 || !slices.Equal(report.Held.Users, []string{one, two}) || !strings.Contains(report.Held.Reason, "MAX_CHANGES_PER_RUN") {
		t.Errorf("locked %v, held %+v", report.Locked, report.Held)
	}
	held := s.findings()
	if !slices.Contains(held, "inactive-account "+one+" ACTIVE MEDIUM") || !slices.Contains(held, "inactive-account "+two+" ACTIVE MEDIUM") {
		t.Errorf("Security Hub has %q", held)
	}
	s.options.MaxChanges = 2
	if report := s.dryRun(); !slices.Equal(closedUsers(report.Locked), []string{one, two}) || !s.canLogin(one) || s.status(one) != "Active" {
		t.Errorf("a dry run would lock %q, and %s can log in: %v", closedUsers(report.Locked), one, s.canLogin(one))
	}
	name, superPassword := s.server.Superuser()
	other := pgtest.Connect(t, s.server.URL(name, superPassword, s.prefix))
	if _, err := other.Exec(t.Context(), "BEGIN; LOCK TABLE user_login_action IN SHARE UPDATE EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	if report := s.run(); report.Evidence.Complete || !refusedForAnother(report) || !s.canLogin(one) {
		t.Errorf("beside another sweep: complete %v, reasons %q", report.Evidence.Complete, report.Evidence.Reasons)
	}
	if got := s.findings(); !slices.Equal(got, held) {
		t.Errorf("beside another sweep, Security Hub was told %q", got)
	}
	other.Close(t.Context())
	s.await("the end of the other session", "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'user_login_action'::regclass AND mode = 'ShareUpdateExclusiveLock')")
	if report := s.run(); len(report.Locked) != 2 {
		t.Errorf("locked %q, want both", closedUsers(report.Locked))
	}
}

func TestOneFailureDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	first, stubborn, last := s.user("a", 100), s.user("b", 100), s.user("c", 100)
	s.exec("ALTER ROLE " + stubborn + " REPLICATION") // only a superuser alters such, up to PostgreSQL 15
	report := s.run()
	if got := closedUsers(report.Locked); !slices.Equal(got, []string{first, last}) {
		t.Errorf("locked %q, want %q", got, []string{first, last})
	}
	if len(report.Failed) != 1 || report.Failed[0].User != stubborn || report.Failed[0].Fix == "" {
		t.Errorf("failed: %+v, want %s with what to do", report.Failed, stubborn)
	}
}

// Rows follow roles by their oid: one of the same name that was made since starts anew, and one that can no longer log in is nobody's account.
func TestRowsFollowRoles(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	again, shut, known := s.user("again", 100), s.user("shut", 100), s.user("known", 5)
	s.exec("UPDATE user_login_status SET first_seen_at = now() - interval '200 days', last_login_source = 'login', status = 'ReadyToDelete', locked_at = now() - interval '9 days' WHERE user_name = $1", again)
	s.exec("DROP ROLE " + again)
	s.exec("CREATE ROLE " + again + " LOGIN")
	s.exec("ALTER ROLE " + shut + " NOLOGIN")
	s.exec("UPDATE user_login_status SET role_oid = NULL WHERE user_name = $1", known)
	if report := s.run(); len(report.Locked)+len(report.Deleted) > 0 {
		t.Errorf("locked %q, dropped %q", closedUsers(report.Locked), closedUsers(report.Deleted))
	}
	const anew = `SELECT EXISTS (SELECT FROM user_login_status s JOIN pg_roles r ON r.rolname = s.user_name AND r.oid = s.role_oid WHERE user_name = $1
		AND status = 'Active' AND locked_at IS NULL AND last_login_source = 'first seen' AND least(first_seen_at, last_login_time, status_changed_at) > now() - interval '1 hour')`
	if !query[bool](s, anew, again) {
		t.Errorf("%s does not start anew", again)
	}
	if query[bool](s, "SELECT EXISTS (SELECT FROM user_login_status WHERE user_name = $1)", shut) {
		t.Errorf("%s still has a row", shut)
	}
	if !query[bool](s, "SELECT s.role_oid = r.oid AND last_login_time < now() - interval '4 days' FROM user_login_status s JOIN pg_roles r ON r.rolname = user_name WHERE user_name = $1", known) {
		t.Errorf("%s lost what was known of it", known)
	}
}

func TestLeftAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.Ignore = []account.Exception{{User: s.prefix + "batch*"}}
	s.settle()
	s.setMaster(s.user("master", 400))
	s.secret(map[string]any{"masteriam": s.user("token", 400)})
	ignored, super := s.user("batch_1", 400), s.user("super", 400)
	s.exec("ALTER ROLE " + super + " SUPERUSER")
	s.exec("CREATE ROLE " + s.prefix + "other NOLOGIN")
	for _, twin := range []string{"other_a", "other_b"} {
		s.user(twin, 400)
		s.exec("GRANT " + s.prefix + "other TO " + s.prefix + twin)
	}
	s.exec("CREATE ROLE " + s.prefix + "dbas NOLOGIN")
	for _, pair := range []string{"_a", "_b"} {
		s.exec("GRANT " + s.prefix + pair + " TO " + s.prefix + "dbas WITH ADMIN OPTION")
	}
	s.exec("GRANT " + s.prefix + "dbas TO " + s.user("admin", 400))
	half := s.user("half", 400)
	s.exec("GRANT " + s.prefix + "_a TO " + half + " WITH ADMIN OPTION")
	s.exec("GRANT " + s.prefix + "_b TO " + half)
	subscriber := s.user("subscriber", 400)
	s.exec("CREATE SUBSCRIPTION " + subscriber + " CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)")
	s.exec("ALTER ROLE " + subscriber + " SUPERUSER")
	s.exec("ALTER SUBSCRIPTION " + subscriber + " OWNER TO " + subscriber)
	s.exec("ALTER ROLE " + subscriber + " NOSUPERUSER")
	answer := s.run()
	if !slices.Equal(closedUsers(answer.Locked), []string{half}) || len(answer.Failed) > 0 || answer.Counts.Ignored != 1 || !s.canLogin(ignored) {
		t.Errorf("locked %q, failed %+v, counts %+v", closedUsers(answer.Locked), answer.Failed, answer.Counts)
	}
	for _, name := range []string{"master", "token", "super", "other_a", "other_b", "admin", "subscriber", "_a"} {
		if !slices.ContainsFunc(answer.NotManaged, func(n report.NotManaged) bool { return n.User == s.prefix+name && n.Reason != "" }) {
			t.Errorf("%s is not reported as not managed", name)
		}
	}
	s.exec("ALTER SUBSCRIPTION " + subscriber + " SET (slot_name = NONE)")
	s.exec("DROP SUBSCRIPTION " + subscriber)
}

func TestIAMUserNamesTheResource(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	s.exec("DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
	person := s.user("person", 100)
	s.exec("GRANT rds_iam TO " + person)
	report := s.run()
	if len(report.Locked) != 1 || !report.Locked[0].IAM || report.Locked[0].Resource != "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ABC/"+person {
		t.Errorf("locked %+v", report.Locked)
	}
}

func TestRotationBetweenTwoSweeps(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	idle := s.user("idle", 100)
	s.exec(fmt.Sprintf("ALTER ROLE %s_b LOGIN PASSWORD '%s'", s.prefix, password))
	s.exec("ALTER ROLE " + s.prefix + "_b SET role = " + s.prefix)
	s.secret(map[string]any{"username": s.prefix + "_b"})
	report := s.run()
	if !report.Evidence.Complete || !slices.Equal(closedUsers(report.Locked), []string{idle}) {
		t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
	}
	if !s.canLogin(s.prefix + "_a") {
		t.Error("a user of the pair was locked")
	}
}
