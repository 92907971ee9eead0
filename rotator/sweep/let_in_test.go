package sweep_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/report"
	"pgrotator/rotator/sweep"
)

// A locked role that a DBA lets in, that works, and that is shut again stays locked, by the later time, and is not dropped.
func TestLockedRoleThatWasLetIn(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.options.DeleteDays = 180
				s.settle()
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				letIn, tried, gone := s.closable("letin", 300), s.closable("tried", 300), s.closable("gone", 300)
				for _, name := range []string{letIn, tried, gone} {
					s.exec("ALTER ROLE " + name + " NOLOGIN")
					s.exec("UPDATE user_login_status SET status = 'Locked', locked_at = now() - interval '100 days' WHERE user_name = $1", name)
				}
				if _, err := s.login(letIn); err == nil {
					t.Fatal("the attempt was let in")
				}
				since := query[time.Time](s, "SELECT date_trunc('second', now())")
				s.exec("ALTER ROLE " + letIn + " LOGIN")
				s.visit(letIn)
				s.exec("ALTER ROLE " + letIn + " NOLOGIN")
				for range 2 {
					if _, err := s.login(tried); err == nil {
						t.Fatal("the attempt was let in")
					}
				}
				var deleted []string
				s.runUntil("the later time of the lock", func(r report.Report) bool { // an attempt of a locked role waits for its refusal
					deleted = append(deleted, closedUsers(r.Deleted)...)
					return query[bool](s, "SELECT last_login_time >= $2 AND locked_at = last_login_time FROM user_login_status WHERE user_name = $1", letIn, since)
				})
				deleted = append(deleted, closedUsers(s.run().Deleted)...)
				if slices.Sort(deleted); !slices.Equal(deleted, []string{gone, tried}) {
					t.Errorf("dropped %q, want %q", deleted, []string{gone, tried})
				}
				if s.status(letIn) != "Locked" || s.canLogin(letIn) {
					t.Errorf("%s is %s and can log in: %v", letIn, s.status(letIn), s.canLogin(letIn))
				}
			})
		})
	}
}

// Attempts that are not let in show nobody active, and make no evidence incomplete, whatever their names are.
func TestStrangers(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.settle()
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				// Names end at 63 bytes, so that the victim's is short.
				idle, stored := s.closable("i", 100), sweep.StoredName(s.options, s.prefix, 9999)
				second := ":[1]:LOG:  connection authorized: user=" + idle
				for _, names := range [][2]string{
					{idle, s.prefix},
					{idle, "nowhere"},
					{"*****", s.prefix}, {"*****", "*****"}, {idle, "*****"}, {"***@***", "***"},
					{idle + "@" + s.prefix + second[:20], "x"},
					{idle, s.prefix + second[:40]},
					{"x\n" + time.Now().UTC().Format(time.DateTime) + " UTC::@:[1]:LOG:  rece", "ived SIGHUP, reloading configuration files"},
					{"x", "y\n" + time.Now().UTC().Format(time.DateTime) + " UTC::@:[1]:FATAL:  "},
					{"jos\xe9", s.prefix}, {idle + "\x01", s.prefix},
					{"pgrotator-sweep-1", stored},
					{s.prefix + "_a", s.prefix + " application_name=" + stored},
				} {
					for range 3 {
						s.startup(names[0], names[1])
					}
				}
				for _, parameters := range []map[string]string{
					{"user": s.prefix + "_a", "database": s.prefix, "application_name": stored},
					{"user": idle, "database": s.prefix, "application_name": "x" + second},
					{"user": idle, "database": s.prefix, "nonsense": "on"},
					{"user": idle, "database": s.prefix, "replication": "perhaps"},
					{"user": idle, "database": s.prefix, "options": "-c work_mem=no"},
				} {
					s.startupWith(parameters)
				}
				for range 5 {
					if _, err := pgx.Connect(t.Context(), s.server.URL(idle, "wrong", s.prefix)); err == nil {
						t.Fatal("the attempt was let in")
					}
				}
				s.closes(s.run(), idle)
				again := s.closable("j", 100)
				s.closes(s.run(), again)
			})
		})
	}
}

// Whoever has credentials keeps himself alive and nobody else, whatever he writes.
func TestInsidersKeepThemselvesAliveOnly(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.settle()
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				idle, insider := s.closable("i", 100), s.closable("insider", 100)
				stored := sweep.StoredName(s.options, s.prefix, 9999)
				s.exec("GRANT TEMP ON DATABASE " + s.prefix + " TO " + insider)
				whole := s.entry(time.Now(), idle, "LOG:  ", "connection authorized: user="+idle+" database="+s.prefix)
				for _, text := range []string{
					whole, "x\n" + whole, "*****", "received SIGHUP, reloading configuration files", "starting PostgreSQL 15.1",
					`parameter "log_connections" changed to "off"`, "database system was not properly shut down; automatic recovery in progress",
					"connection authorized: user=" + s.prefix + "_a database=" + s.prefix + " application_name=" + stored,
				} {
					s.as(insider, fmt.Sprintf("DO $b$ BEGIN RAISE LOG '%%', $x$%s$x$; RAISE WARNING '%%', $x$%[1]s$x$; END $b$", text))
					s.raiseInParallel(insider, text)
				}
				conn, err := pgx.Connect(t.Context(), s.server.URL(insider, password, s.prefix)+"&application_name="+stored)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close(t.Context())
				s.closes(s.run(), idle)
				if last := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", insider); time.Since(last) > time.Hour {
					t.Errorf("%s is remembered as active at %s", insider, last)
				}
				s.closes(s.run())
			})
		})
	}
}

// raiseInParallel writes a text to the log from a parallel worker, whose entries have the server's prefix.
func (s *stage) raiseInParallel(name, text string) {
	s.t.Helper()
	conn, err := s.login(name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(s.t.Context())
	force := "force_parallel_mode"
	if s.server.Major() >= 16 {
		force = "debug_parallel_query"
	}
	for _, sql := range []string{
		"SET " + force + " = on",
		"CREATE FUNCTION pg_temp.raise(t text) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RAISE LOG ''%'', t; RETURN 1; END'",
	} {
		if _, err := conn.Exec(s.t.Context(), sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
	if _, err := conn.Exec(s.t.Context(), "SELECT pg_temp.raise($1)", text); err != nil {
		s.t.Fatal(err)
	}
}
