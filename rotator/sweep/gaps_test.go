package sweep_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/report"
)

// reload changes a setting of the whole server, and waits until new sessions have it. "" = as it was at first.
func (s *stage) reload(setting, value string) {
	s.t.Helper()
	change := fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", setting, value)
	if value == "" {
		change = "ALTER SYSTEM RESET " + setting
	}
	loaded := query[time.Time](s, "SELECT pg_conf_load_time()")
	s.exec(change)
	s.exec("SELECT pg_reload_conf()")
	s.await("the reload", "SELECT pg_conf_load_time() > $1", loaded)
}

func (s *stage) reconnect() {
	s.t.Helper()
	name, superPassword := s.server.Superuser()
	s.admin = pgtest.Connect(s.t, s.server.URL(name, superPassword, s.prefix))
}

// runUntil sweeps until a report is as it should be: what proves something must have been passed by the log. It returns that report,
// and whom all runs together have locked and not unlocked again.
func (s *stage) runUntil(what string, done func(report.Report) bool) (report report.Report, locked []string) {
	s.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		report = s.run()
		locked = append(locked, closedUsers(report.Locked)...)
		unlocked := closedUsers(report.Unlocked)
		locked = slices.DeleteFunc(locked, func(name string) bool { return slices.Contains(unlocked, name) })
		if done(report) {
			return report, locked
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s did not happen: %+v", what, report.Evidence)
		}
	}
}

func gapWith(cause string) func(report.Report) bool {
	return func(r report.Report) bool {
		return slices.ContainsFunc(r.Evidence.Gaps, func(g report.Gap) bool { return strings.Contains(g.Cause, cause) })
	}
}

// A setting that hid logins for a while between two sweeps leaves a gap, told with both ends.
func TestSettingsThatHideLoginsForAWhile(t *testing.T) {
	t.Parallel()
	onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		for _, c := range []struct{ setting, bad string }{
			{"log_connections", "off"}, {"log_min_messages", "fatal"}, {"log_min_messages", "panic"}, {"log_line_prefix", "%t:%u@%d:[%p]:"},
		} {
			s.settle()
			s.run()
			suffix := fmt.Sprintf("%s%d", c.setting, time.Now().UnixNano()%1000)
			busy, idle := s.closable("busy"+suffix, 100), s.closable("idle"+suffix, 100)
			s.await("the second after the last gap", "SELECT bool_and(clock_timestamp() >= evidence_from + interval '1 second') FROM user_login_job_status")
			s.reload(c.setting, c.bad)
			before := query[time.Time](s, "SELECT now()")
			s.visit(busy)
			after := query[time.Time](s, "SELECT now()")
			s.reload(c.setting, "")
			answer := s.run()
			s.closesNobody(answer, c.setting+" was set to a value that hides logins")
			if !slices.ContainsFunc(answer.Evidence.Gaps, func(g report.Gap) bool {
				return g.Instance == s.prefix && !g.From.After(before) && !g.To.Before(after.Truncate(time.Second)) && time.Since(g.From) < time.Hour
			}) {
				t.Errorf("%s was %s from %s to %s; gaps %+v", c.setting, c.bad, before, after, answer.Evidence.Gaps)
			}
			for range 2 {
				if answer := s.run(); len(answer.Locked) > 0 {
					t.Errorf("%s was %s: locked %q", c.setting, c.bad, closedUsers(answer.Locked))
				}
			}
			s.exec("DROP ROLE " + busy + ", " + idle)
		}
	})
}

// What changes the form of entries and hides none: log_error_verbosity for a while.
func TestVerboseLogins(t *testing.T) {
	t.Parallel()
	onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		idle, blocked := s.closable("idle", 100), s.closable("blocked", 100)
		s.exec("ALTER ROLE " + blocked + " CONNECTION LIMIT 0")
		var busy []string
		for n, verbosity := range []string{"verbose", "terse"} {
			s.reload("log_error_verbosity", verbosity)
			busy = append(busy, s.closable(fmt.Sprintf("busy%d", n), 100))
			s.visit(busy[n])
			if _, err := s.login(blocked); err == nil {
				t.Fatal("the attempt was let in")
			}
		}
		s.closes(s.run(), blocked, idle)
		s.reload("log_error_verbosity", "verbose") // and the sweep's own
		s.run()
		late := s.closable("late", 100)
		s.closes(s.run(), late)
	})
}

// An instance that tells of a reload or a restart that its log does not hold.
func TestReloadsAndRestarts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happen func(*stage)
		entry  string
	}{
		"reload": {func(s *stage) { s.reload("work_mem", fmt.Sprintf("%dkB", 5000+time.Now().UnixNano()%1000)) }, "received SIGHUP"},
		"restart": {func(s *stage) {
			if err := s.server.Restart(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
			s.reconnect()
		}, "starting PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				var lost atomic.Bool
				s.stopPublishing()
				s.publish(localaws.PublishOptions{Drop: func(e localaws.Event) bool { return lost.Load() && strings.Contains(e.Message, c.entry) }})
				s.settle()
				c.happen(s)
				known := s.closable("known", 100)
				s.closes(s.run(), known)
				s.flush()
				s.await("time enough to tell one entry from another", "SELECT clock_timestamp() > greatest(pg_conf_load_time(), pg_postmaster_start_time()) + interval '4 seconds'")
				lost.Store(true)
				c.happen(s)
				s.closable("idle", 100)
				s.closesNobody(s.run(), "tells of a "+name)
				_, locked := s.runUntil("the gap", gapWith(name))
				if len(locked) > 0 {
					t.Errorf("locked %q", locked)
				}
			})
		})
	}
}

// A server that was killed ships its last lines no more. That is told, and counts where it is longer than the lag.
func TestUncleanRestart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lag   time.Duration
		moved bool
	}{"within the lag": {10 * time.Minute, false}, "longer than the lag": {0, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.options.Lag = c.lag
				s.settle()
				idle := s.closable("idle", 100)
				s.run()
				s.exec("UPDATE user_login_status SET status = 'Active', locked_at = NULL")
				s.exec("ALTER ROLE " + idle + " LOGIN")
				s.exec("UPDATE user_login_status SET last_login_time = now() - interval '100 days' WHERE user_name = $1", idle)
				s.flush()
				s.publisher.Stop()
				last := query[time.Time](s, "SELECT now()")
				s.await("time that nothing is shipped of", "SELECT clock_timestamp() > $1::timestamptz + interval '3 seconds'", last)
				if err := s.server.Kill(); err != nil {
					t.Fatal(err)
				}
				s.flush()
				s.publisher.Start()
				if err := s.server.StartAgain(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.reconnect()
				report := s.run()
				if !gapWith("unclean restart")(report) {
					t.Errorf("gaps %+v, want one of an unclean restart", report.Evidence.Gaps)
				}
				from := query[time.Time](s, "SELECT evidence_from FROM user_login_job_status")
				if moved := time.Since(from) < time.Hour; moved != c.moved {
					t.Errorf("the evidence begins at %s; reasons %q", from, report.Evidence.Reasons)
				}
				if c.moved && len(report.Locked) > 0 {
					t.Errorf("locked %q", closedUsers(report.Locked))
				}
			})
		})
	}
}

// The export of the log was off for a while between two sweeps: the instance has counted sessions that the log does not show. A database
// that is made anew meanwhile, and begins to count at 0, does not hide it.
func TestExportThatWasOff(t *testing.T) {
	t.Parallel()
	onBothAlone(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.settle()
		s.exec("CREATE DATABASE staging")
		superuser, superPassword := s.server.Superuser()
		for range 3 {
			pgtest.Connect(s.t, s.server.URL(superuser, superPassword, "staging")).Close(s.t.Context())
		}
		s.runUntil("the log's agreement with the counts of sessions", func(report.Report) bool {
			return query[bool](s, "SELECT coalesce(sessions -> 'agreed' ? 'sessions', false) FROM user_login_job_status")
		})
		s.exec("UPDATE user_login_job_status SET evidence_from = now() - interval '400 days'")
		busy := s.closable("busy", 100)
		s.flush()
		s.publisher.Stop()
		s.exec("DROP DATABASE staging")
		s.exec("CREATE DATABASE staging")
		for range 100 { // more than runs log in themselves in the slack of a look
			s.visit(busy)
		}
		s.flush()
		s.publisher.Start()
		_, locked := s.runUntil("the gap", func(r report.Report) bool { return len(r.Evidence.Gaps) > 0 })
		if len(locked) > 0 || !s.canLogin(busy) {
			t.Errorf("locked %q", locked)
		}
		if report := s.run(); len(report.Locked) > 0 {
			t.Errorf("locked %q", closedUsers(report.Locked))
		}
	})
}

// Tables that were restored from a snapshot are older than the log.
func TestRestoredTables(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				s.settle()
				busy := s.closable("busy", 100)
				s.exec("CREATE TABLE snapshot AS SELECT * FROM user_login_status")
				s.exec("CREATE TABLE snapshot_job AS SELECT * FROM user_login_job_status")
				s.visit(busy)
				s.run()
				s.run()
				s.exec("TRUNCATE user_login_status, user_login_job_status")
				s.exec("INSERT INTO user_login_status SELECT * FROM snapshot")
				s.exec("INSERT INTO user_login_job_status SELECT * FROM snapshot_job")
				s.closesNobody(s.run(), "restored from a snapshot")
				if from := query[time.Time](s, "SELECT evidence_from FROM user_login_job_status"); time.Since(from) > time.Hour {
					t.Errorf("the evidence begins at %s", from)
				}
				if report := s.run(); !report.Evidence.Complete || len(report.Locked) > 0 {
					t.Errorf("the next run: complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
				}
			})
		})
	}
}

// A role whose logins are not in the log lives all the same, where its own entries are.
func TestSignsOfLifeWithoutALogin(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			login := func(e localaws.Event) bool {
				return strings.Contains(e.Message, "busy@") && (strings.Contains(e.Message, "connection ") || strings.Contains(e.Message, "disconnection: "))
			}
			onBoth(t, localaws.PublishOptions{Drop: login}, func(t *testing.T, s *stage) {
				s.settle()
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				busy, idle := s.closable("busy", 100), s.closable("idle", 100)
				s.as(busy, "DO $$ BEGIN RAISE WARNING 'at work'; END $$")
				s.closes(s.run(), idle)
				if source := query[string](s, "SELECT last_login_source FROM user_login_status WHERE user_name = $1", busy); source != "sign of life" {
					t.Errorf("%s is known to be active by %q", busy, source)
				}
			})
		})
	}
}
