package sweep_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/report"
)

// mailAddresses are what a data protection policy masks.
var mailAddresses = localaws.DataProtection{Status: types.DataProtectionStatusActivated, Sensitive: []*regexp.Regexp{regexp.MustCompile(`\w+@example\.com`)}}

// closes checks that a run on complete evidence locks a role, and no other.
func (s *stage) closes(report report.Report, want ...string) {
	s.t.Helper()
	if !report.Evidence.Complete || !slices.Equal(closedUsers(report.Locked), want) || len(report.Failed) > 0 {
		s.t.Errorf("complete %v %q, locked %q, want %q; failed %+v", report.Evidence.Complete, report.Evidence.Reasons, closedUsers(report.Locked), want, report.Failed)
	}
}

// closesNobody checks that a run knows that its evidence is not complete, says why, and locks nobody.
func (s *stage) closesNobody(report report.Report, reason string) {
	s.t.Helper()
	if report.Evidence.Complete || len(report.Locked)+len(report.Deleted) > 0 {
		s.t.Errorf("complete %v, locked %q, dropped %q", report.Evidence.Complete, closedUsers(report.Locked), closedUsers(report.Deleted))
	}
	if !strings.Contains(strings.Join(report.Evidence.Reasons, "\n"), reason) {
		s.t.Errorf("reasons %q, want one with %q", report.Evidence.Reasons, reason)
	}
}

// Where a policy masks names, logins are read unmasked or nobody is judged.
func TestMaskedNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		group, account, later localaws.DataProtection // of the group, of the account, and of the group once all is logged
		class                 types.LogGroupClass
		denied                bool
		reason                string // "" = the right roles are locked
	}{
		"unmasked":                          {group: mailAddresses, later: mailAddresses},
		"by a policy of the account":        {account: mailAddresses},
		"by a policy that is deleted since": {group: mailAddresses, later: localaws.DataProtection{Status: types.DataProtectionStatusDeleted}},
		"not permitted to unmask":           {group: mailAddresses, later: mailAddresses, denied: true, reason: "logs:Unmask"},
		"in a class that unmasks for nobody": {group: mailAddresses, later: mailAddresses, class: types.LogGroupClassInfrequentAccess,
			reason: "INFREQUENT_ACCESS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.stack.SetAccountDataProtection(c.account)
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Protection: c.group})
				s.settle()
				idle, busy := s.closable("idle@example.com", 100), s.closable("busy@example.com", 100)
				before := query[time.Time](s, "SELECT now()")
				s.visit(busy)
				s.flush()
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Protection: c.later, Class: c.class})
				s.stack.DenyUnmask(c.denied)
				report := s.run()
				if c.reason == "" {
					s.closes(report, idle)
					return
				}
				s.closesNobody(report, c.reason)
				if after := query[time.Time](s, "SELECT last_processed_time FROM user_login_job_status"); after.After(before) {
					t.Errorf("what cannot be read counts as read, up to %s", after)
				}
			})
		})
	}
}

// A group of a class that FilterLogEvents does not read.
func TestLogClasses(t *testing.T) {
	t.Parallel()
	for class, reason := range map[types.LogGroupClass]string{types.LogGroupClassInfrequentAccess: "", types.LogGroupClassDelivery: "DELIVERY"} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			onBoth(t, localaws.PublishOptions{}, func(t *testing.T, s *stage) {
				s.settle()
				s.stack.SetLogGroup(s.group, localaws.LogGroup{Class: class})
				idle, busy := s.closable("idle", 100), s.closable("busy", 100)
				s.visit(busy)
				report := s.run()
				if reason != "" {
					s.closesNobody(report, reason)
					return
				}
				s.closes(report, idle)
				if report.Evidence.Reader != "LogsInsights" || report.Evidence.SecondReading.Reader != "LogsInsights" {
					t.Errorf("read by %q and %q", report.Evidence.Reader, report.Evidence.SecondReading.Reader)
				}
			})
		})
	}
}

// readerClasses are a class of log groups that is read whole, and one that is read in rows.
var readerClasses = []types.LogGroupClass{types.LogGroupClassStandard, types.LogGroupClassInfrequentAccess}

// logs stores an entry of a session of a role in the stage's database.
func (s *stage) logs(at time.Time, user, severity, message string) {
	s.t.Helper()
	s.stack.AppendLog(s.group, s.stream, localaws.Event{Time: at, Message: s.entry(at, user, severity, message)})
}

func (s *stage) entry(at time.Time, user, severity, message string) string {
	return s.entryOf(at, 5000, 4711, user, severity, message)
}

// entryOf is an entry of a session in the form of the server's prefix.
func (s *stage) entryOf(at time.Time, port, pid int, user, severity, message string) string {
	names := user + "@" + s.prefix
	if s.server.Major() < 18 {
		return fmt.Sprintf("%s UTC:127.0.0.1(%d):%s:[%d]:%s%s", at.UTC().Format(time.DateTime), port, names, pid, severity, message)
	}
	return fmt.Sprintf("%s UTC:127.0.0.1(%d):%s:[%d]:1:00000:%s UTC:3/7:0:65f1.1267:[unknown]%s%s",
		at.UTC().Format("2006-01-02 15:04:05.000"), port, names, pid, at.UTC().Format(time.DateTime), severity, message)
}

func mentions(texts []string, part string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, part) })
}
