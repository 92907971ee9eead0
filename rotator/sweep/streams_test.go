package sweep_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/report"
)

// publishTo divides the log among the instance's stream and a second one, which gets what belongs there.
func (s *stage) publishTo(second string, belongs func(localaws.Event) bool) {
	s.t.Helper()
	s.stopPublishing()
	s.publish(localaws.PublishOptions{Drop: belongs})
	s.publishLog(s.server, localaws.PublishOptions{Drop: func(e localaws.Event) bool { return !belongs(e) },
		Route: func(localaws.Event) (string, time.Duration) { return second, 0 }})
}

// A stream that is late is read when it comes, and what it shows undoes a lock that was made meanwhile.
func TestSecondStreamThatIsLate(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.publishTo(s.prefix+".1", func(e localaws.Event) bool {
			return strings.Contains(e.Message, "late@") || strings.Contains(e.Message, "early@")
		})
		s.settle()
		late, early, idle := s.closable("late", 100), s.closable("early", 100), s.closable("idle", 100)
		s.visit(early)
		s.closes(s.run(), idle, late)
		s.exec("UPDATE user_login_status SET last_login_time = now() - interval '100 days' WHERE user_name = $1", early)
		s.exec("UPDATE user_login_status SET status = 'Active', locked_at = NULL WHERE user_name = $1", late)
		s.exec("ALTER ROLE " + late + " LOGIN")
		s.exec("UPDATE user_login_status SET last_login_time = now() - interval '100 days' WHERE user_name = $1", late)
		s.publishers[1].Pause()
		s.visit(late)
		if report := s.run(); slices.Contains(closedUsers(report.Locked), early) {
			t.Errorf("locked %q, whose login in the stream that writes seldom is read again", early)
		}
		s.publishers[1].Resume()
		s.run()
		if last := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", late); time.Since(last) > time.Hour || !s.canLogin(late) {
			t.Errorf("%s is remembered as active at %s and can log in: %v, once its login has come", late, last, s.canLogin(late))
		}
	})
}

// A stream that is hours behind the other is read on from where it had come, and holds the evidence's end up.
func TestStreamThatIsHoursBehind(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		now := time.Now()
		first, second := s.stream, s.prefix+".1"
		s.stream = second
		s.logsLate(now.Add(-2*time.Hour), now.Add(-2*time.Hour+time.Second), "stranger", "FATAL:  ", `role "stranger" does not exist`)
		s.settle()
		busy, idle := s.closable("busy", 100), s.closable("idle", 100)
		s.logsLate(now.Add(-90*time.Minute), time.Now(), busy, "LOG:  ", fmt.Sprintf("connection authorized: user=%s database=%s", busy, s.prefix))
		s.stream = first
		report := s.run()
		s.closes(report, idle)
		if to := report.Evidence.To; to == nil || now.Sub(*to) < time.Hour {
			t.Errorf("the evidence ends at %v, and a stream is 90 minutes behind", to)
		}
	})
}

// What arrives hours after its time is measured, and read again from as far back.
func TestLatenessIsMeasured(t *testing.T) {
	t.Parallel()
	for _, class := range readerClasses {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				now := time.Now()
				first, second := s.stream, s.prefix+".1"
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				s.stream = second
				s.logsLate(now.Add(-50*time.Minute), now, "stranger", "FATAL:  ", `role "stranger" does not exist`)
				s.settle()
				busy := s.closable("busy", 100)
				s.logsLate(now.Add(-90*time.Minute), time.Now(), busy, "LOG:  ", fmt.Sprintf("connection authorized: user=%s database=%s", busy, s.prefix))
				s.stream = first
				report := s.run()
				if last := query[time.Time](s, "SELECT last_login_time FROM user_login_status WHERE user_name = $1", busy); now.Sub(last) > 2*time.Hour {
					t.Errorf("an event that came 90 minutes late was not read, where others come 50 minutes late: %s is active at %s; %+v", busy, last, report.Evidence)
				}
				if delay := report.Evidence.Instances[0].LongestDelay; delay < 49*60 {
					t.Errorf("the longest delay is told as %d s", delay)
				}
			})
		})
	}
}

// logsLate is logs for an entry that arrives later.
func (s *stage) logsLate(at, arrives time.Time, user, severity, message string) {
	s.t.Helper()
	s.stack.AppendLog(s.group, s.stream, localaws.Event{Time: at, Message: s.entry(at, user, severity, message), Ingested: arrives})
}

// A refusal that comes by another stream than its login refuses it all the same.
func TestRefusalByAnotherStream(t *testing.T) {
	t.Parallel()
	onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
		s.publishTo(s.prefix+".1", func(e localaws.Event) bool { return strings.Contains(e.Message, "FATAL:") })
		s.settle()
		blocked, busy := s.closable("blocked", 100), s.closable("busy", 100)
		s.exec("ALTER ROLE " + blocked + " CONNECTION LIMIT 0")
		for range 3 {
			if _, err := s.login(blocked); err == nil {
				t.Fatal("the attempt was let in")
			}
		}
		s.visit(busy)
		locked := closedUsers(s.run().Locked)
		if len(locked) == 0 { // while the other stream may still bring a refusal, a login waits
			s.visit(busy)
			locked = closedUsers(s.run().Locked)
		}
		if !slices.Equal(locked, []string{blocked}) {
			t.Errorf("locked %q, want %q", locked, blocked)
		}
	})
}

// An event that the publisher cut takes nobody's login away by its rest, which its sender chose.
func TestRestOfACutEventRefusesNobody(t *testing.T) {
	t.Parallel()
	disconnection := func(e localaws.Event) bool { return strings.Contains(e.Message, "disconnection: ") }
	onBoth(t, localaws.PublishOptions{MaxEventBytes: 9000, Drop: disconnection}, func(t *testing.T, s *stage) {
		s.settle()
		busy, attacker := s.closable("busy", 100), s.closable("attacker", 1)
		conn, err := s.login(busy)
		if err != nil {
			t.Fatal(err)
		}
		pid := conn.PgConn().PID()
		port := query[int](s, "SELECT client_port FROM pg_stat_activity WHERE pid = $1", pid)
		forged := s.entryOf(time.Now(), port, int(pid), busy, "FATAL:  ", `too many connections for role "`+busy+`"`)
		lead := len(s.entryOf(time.Now(), 65535, 4194304, attacker, "LOG:  ", ""))
		for shift := range 12 { // where the cut falls depends on the length of the attacker's own prefix
			s.as(attacker, fmt.Sprintf("DO $$ BEGIN RAISE LOG '%%', repeat('x', %d) || $x$%s$x$; END $$", 9000-lead+shift, forged))
		}
		conn.Close(t.Context())
		s.await("the session's end", "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = $1)", busy)
		report := s.run()
		if len(report.Locked) > 0 || !report.Evidence.Complete {
			t.Errorf("complete %v %q, locked %q", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked))
		}
		if source := query[string](s, "SELECT last_login_source FROM user_login_status WHERE user_name = $1", busy); source != "login" {
			t.Errorf("%s is known to be active by %q, want its login", busy, source)
		}
	})
}

// An instance that is renamed keeps its record, and two that are swapped keep each its own.
func TestRenamedAndSwappedInstances(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*stage) error
		names  [2]string // of the writer and the reader, afterwards
	}{
		"renamed": {func(s *stage) error { return s.stack.RenameDBInstance("db-1", "db-1-old") }, [2]string{"db-0", "db-1-old"}},
		"swapped": {func(s *stage) error { return s.stack.SwapDBInstances("db-0", "db-1") }, [2]string{"db-1", "db-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, reader := newClusterStage(t)
			s.stopPublishing()
			var streams [2]atomic.Value // string: the names follow the instances'
			for n, on := range []*localpg.Server{s.server, reader} {
				streams[n].Store(fmt.Sprintf("db-%d.0", n))
				s.publishLog(on, localaws.PublishOptions{Route: func(localaws.Event) (string, time.Duration) { return streams[n].Load().(string), 0 }})
			}
			s.settle()
			s.run()
			gone, busy, idle := s.user("gone", 100), s.user("busy", 100), s.user("idle", 100)
			pgtest.AwaitReplay(t, s.server, reader)
			s.visitOn(reader, gone) // under the reader's old name
			s.flush()
			if err := c.change(s); err != nil {
				t.Fatal(err)
			}
			for n, name := range c.names {
				streams[n].Store(name + ".0")
			}
			s.visitOn(reader, busy)
			var locked []string
			var report report.Report
			for range 3 { // each instance's own login under its new name comes first
				report = s.run()
				locked = append(locked, closedUsers(report.Locked)...)
			}
			if !slices.Equal(locked, []string{idle}) {
				t.Errorf("locked %q, want %q; %q, gaps %+v", locked, idle, report.Evidence.Reasons, report.Evidence.Gaps)
			}
		})
	}
}

// A cluster that RDS describes without its members has instances all the same.
func TestClusterWithoutMembers(t *testing.T) {
	t.Parallel()
	s, _ := newClusterStage(t)
	s.settle()
	s.user("idle", 100)
	s.stack.WithholdDBClusterMembers(s.prefix, true)
	s.closesNobody(s.run(), "no instance")
	s.stack.Intercept(func(call localaws.Call) localaws.Outcome {
		if call.Operation == "DescribeSecret" {
			return localaws.Fail("AccessDeniedException", 400)
		}
		return localaws.Pass
	})
	s.closesNobody(s.run(), "no instance") // also where there is another reason
	s.stack.Intercept(nil)
	s.stack.WithholdDBClusterMembers(s.prefix, false)
	s.closes(s.run(), s.prefix+"idle")
}

func (s *stage) visitOn(on *localpg.Server, name string) {
	s.t.Helper()
	pgtest.Connect(s.t, on.URL(name, password, s.prefix)).Close(s.t.Context())
}
