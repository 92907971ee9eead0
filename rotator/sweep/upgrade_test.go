package sweep_test

import (
	"strings"
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
		kept := time.Now().Add(-30*24*time.Hour + 2*time.Hour) // of what is about to expire nothing is counted on
		s.logs(kept, "somebody", "ERROR:  ", "division by zero")
		until := kept.Add(90 * 24 * time.Hour).UTC().Format(time.DateOnly)
		report := s.run()
		if !report.Evidence.Complete || len(report.Locked) > 0 || !s.canLogin(idle) {
			t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
		}
		if !mentions(report.Evidence.Notes, until) {
			t.Errorf("notes %q, want one that says that the cover suffices from %s on", report.Evidence.Notes, until)
		}
		if mentions(report.Evidence.Notes, "The sweep's tables are in schema") {
			t.Errorf("notes %q, though STATE_SCHEMA names the schema", report.Evidence.Notes)
		}
	})
}

// Tables of version 1.0, with a log that the second reading reads for the first time: what of it nobody can read, or what it does not hold,
// counts against nobody, whoever is idle by the tables.
func TestUpgradeWithALogThatDoesNotShowAll(t *testing.T) {
	t.Parallel()
	const masked = "****************"
	ago := func(days int) time.Time { return time.Now().Add(-time.Duration(days) * 24 * time.Hour) }
	for name, c := range map[string]struct {
		since  int // days ago, the log begins
		change func(*stage)
		closes bool
		told   string
	}{
		"all there": {400, func(*stage) {}, true, ""},
		"masked under a policy that is gone": {400, func(s *stage) {
			s.logs(ago(40), masked, "LOG:  ", "connection authorized: user="+masked+" database="+s.prefix)
			s.logs(ago(40).Add(time.Minute), masked, "ERROR:  ", "division by zero")
		}, false, "of which nobody can tell whose they are (masked "},
		"a stream under another prefix": {400, func(s *stage) {
			at := ago(40)
			s.stack.AppendLog(s.group, s.prefix+".1", localaws.Event{Time: at, Message: at.UTC().Format(time.DateTime) + " UTC [4711] busy@app LOG:  connection authorized: user=busy database=app"})
		}, false, "entry under another log_line_prefix"},
		"a group made anew":      {60, func(*stage) {}, false, "when log group"},
		"retention raised since": {60, func(s *stage) { s.stack.SetLogGroup(s.group, localaws.LogGroup{Created: ago(400)}) }, false, "begins, or goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, server, localaws.PublishOptions{})
			s.options.DeleteDays = 180
			s.settleOn(c.since)
			s.exec("UPDATE user_login_job_status SET streams = NULL, sessions = NULL, run_number = NULL")
			_, locked := s.closable("busy@example.com", 100), s.closable("old", 300)
			s.exec("ALTER ROLE " + locked + " NOLOGIN")
			s.exec("UPDATE user_login_status SET status = 'Locked', locked_at = now() - interval '100 days' WHERE user_name = $1", locked)
			c.change(s)
			report := s.run()
			if told := mentions(append(report.Evidence.Reasons, report.Evidence.Notes...), c.told); !told && c.told != "" {
				t.Errorf("reasons %q, notes %q, want one with %q", report.Evidence.Reasons, report.Evidence.Notes, c.told)
			}
			if strings.Contains(c.told, "(masked") && len(report.Evidence.Unread) == 0 {
				t.Error("nothing is reported as unread")
			}
			if got := append(closedUsers(report.Locked), closedUsers(report.Deleted)...); len(got) > 0 != c.closes {
				t.Errorf("closed %q, want any: %v", got, c.closes)
			}
		})
	}
}
