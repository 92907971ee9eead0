package sweep_test

import (
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

// Tables of version 1.0, and its tables restored in the middle of the work: nobody is closed until setup has brought them up to date,
// and nobody has lost idle time then.
func TestTablesOfVersion1(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		idle, busy, locked := s.closable("idle", 100), s.closable("busy", 100), s.closable("locked", 200)
		s.exec("ALTER ROLE " + locked + " NOLOGIN")
		s.exec("UPDATE user_login_status SET status = 'Locked', locked_at = now() - interval '100 days' WHERE user_name = $1", locked)
		s.exec("ALTER TABLE user_login_status DROP COLUMN last_login_source, DROP COLUMN first_seen_at")
		s.exec(`ALTER TABLE user_login_job_status DROP COLUMN resource_id, DROP COLUMN started_at, DROP COLUMN conf_loaded_at,
			DROP COLUMN sessions, DROP COLUMN run_number, DROP COLUMN streams`)
		began := query[time.Time](s, "SELECT evidence_from FROM user_login_job_status")
		for range 2 {
			s.visit(busy)
			s.closesNobody(s.run(), `run setup with "for":"sweep"`)
		}
		if last := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", busy); time.Since(last) > time.Hour {
			t.Errorf("a login is remembered as of %s", last)
		}
		s.makeTables()             // as setup does
		s.options.StateSchema = "" // they are found all the same
		report := s.run()
		s.closes(report, idle)
		if !mentions(report.Evidence.Notes, `The sweep's tables are in schema "public"`) {
			t.Errorf("notes %q do not tell where the tables are", report.Evidence.Notes)
		}
		if from := query[time.Time](s, "SELECT evidence_from FROM user_login_job_status"); !from.Equal(began) {
			t.Errorf("the evidence begins at %s, and began at %s", from, began)
		}
		if s.status(locked) != "Locked" || !query[bool](s, "SELECT locked_at < now() - interval '99 days' FROM user_login_status WHERE user_name = $1", locked) {
			t.Errorf("%s is %s; unlocked %q", locked, s.status(locked), closedUsers(report.Unlocked))
		}
		if source := query[string](s, "SELECT last_login_source FROM user_login_status WHERE user_name = $1", busy); source == "" {
			t.Error("nothing is told of what a login is known by")
		}
	})
}

// Where the log is kept for less than the interval, what 1.0 knew holds, and the second reading's cover has to grow first.
func TestUpgradeWithAShortRetention(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		s.exec("UPDATE user_login_job_status SET streams = NULL, sessions = NULL, run_number = NULL")
		idle := s.closable("idle", 100)
		s.stack.SetLogGroup(s.group, localaws.LogGroup{RetentionDays: 30, Created: time.Now().Add(-400 * 24 * time.Hour)})
		// 90 days after where the log begins, which is taken for an hour later than its retention says.
		until := func() string { return time.Now().Add(60*24*time.Hour + time.Hour).UTC().Format(time.DateOnly) }
		before := until()
		report := s.run()
		if !report.Evidence.Complete || len(report.Locked) > 0 || !s.canLogin(idle) {
			t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
		}
		if !mentions(report.Evidence.Notes, before) && !mentions(report.Evidence.Notes, until()) {
			t.Errorf("notes %q, want one that says that the cover suffices from %s on", report.Evidence.Notes, before)
		}
		if mentions(report.Evidence.Notes, "The sweep's tables are in schema") {
			t.Errorf("notes %q, though STATE_SCHEMA names the schema", report.Evidence.Notes)
		}
	})
}

// Tables of version 1.0, with a log that the second reading reads for the first time: what it does not hold, or nobody can read, counts
// against nobody, whoever is idle by the tables.
func TestUpgradeWithALogThatDoesNotShowAll(t *testing.T) {
	t.Parallel()
	const masked = "****************"
	ago := func(days int) time.Time { return time.Now().Add(-time.Duration(days) * 24 * time.Hour) }
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.DeleteDays = 180
	s.settle()
	idle, locked := s.closable("busy@example.com", 100), s.closable("locked", 300)
	s.exec("ALTER ROLE " + locked + " NOLOGIN")
	s.exec("UPDATE user_login_status SET status = 'Locked', locked_at = now() - interval '100 days' WHERE user_name = $1", locked)
	for _, c := range []struct {
		happened, told string
		change         func()
		complete       bool
	}{
		{"the group was made anew", "when log group", func() { s.stack.SetLogGroup(s.group, localaws.LogGroup{Created: ago(30)}) }, true},
		{"names were masked, under a policy that is gone", "of which nobody can tell whose they are (masked LOG)", func() {
			s.stack.SetLogGroup(s.group, localaws.LogGroup{Created: ago(400)})
			s.logs(ago(40), masked, "LOG:  ", "connection authorized: user="+masked+" database="+s.prefix)
		}, false},
	} {
		c.change()
		s.exec("UPDATE user_login_job_status SET streams = NULL, sessions = NULL, run_number = NULL")
		report := s.run()
		if report.Evidence.Complete != c.complete || !mentions(append(report.Evidence.Reasons, report.Evidence.Notes...), c.told) {
			t.Errorf("%s: complete %v, %q, %q, want one with %q", c.happened, report.Evidence.Complete, report.Evidence.Reasons, report.Evidence.Notes, c.told)
		}
		if unread := len(report.Evidence.Unread) > 0; unread == c.complete {
			t.Errorf("%s: unread %+v", c.happened, report.Evidence.Unread)
		}
		report = s.run()
		if got := append(closedUsers(report.Locked), closedUsers(report.Deleted)...); len(got) > 0 || !s.canLogin(idle) {
			t.Errorf("%s: closed %q", c.happened, got)
		}
	}
}
