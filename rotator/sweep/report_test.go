package sweep_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localaws"
)

func TestReportHasTheKeysOfTheContract(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.options.DeleteDays = 180
	s.settle()
	s.user("idle", 100)
	s.user("soon", 80)
	text, err := json.Marshal(s.run())
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	keys := func(v any) string { return strings.Join(slices.Sorted(maps.Keys(v.(map[string]any))), " ") }
	first := func(v any) any { return v.([]any)[0] }
	evidence := report["evidence"].(map[string]any)
	for what, c := range map[string]struct{ got, want string }{
		"report":   {keys(report), "counts deleted dryRun evidence exceptions failed finishedAt held locked notManaged policy readyToDelete secretId spared startedAt unlocked upcoming"},
		"evidence": {keys(evidence), "bytes complete from gaps instances notes reader reasons secondReading to unread why"},
		"instance": {keys(first(evidence["instances"])), "events from logins longestDelay longestSilence name suspicious to"},
		"second":   {keys(evidence["secondReading"]), "bytes from reader roles to why"},
		"policy":   {keys(report["policy"]), "deleteDays lockDays mode source"},
		"counts":   {keys(report["counts"]), "active ignored locked readyToDelete tracked"},
		"locked":   {keys(first(report["locked"])), "idleDays lastActivity user"},
		"upcoming": {keys(first(report["upcoming"])), "idleDays lockInDays user"},
		"held":     {keys(report["held"]), "reason users"},
	} {
		if c.got != c.want {
			t.Errorf("keys of %s: %s, want %s", what, c.got, c.want)
		}
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("a list is null: %s", text)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.topic = "arn:aws:sns:us-east-1:123456789012:notices"
	s.settle()
	before := len(s.stack.Notices())
	if s.run(); len(s.stack.Notices()) != before {
		t.Fatalf("nothing happened, and a notice was sent: %+v", s.stack.Notices()[before])
	}
	idle := s.user("Ünidle", 100)
	s.run()
	sent := s.stack.Notices()[before:]
	if len(sent) != 1 || sent[0].Subject != s.prefix+": 1 locked" || !strings.Contains(sent[0].Message, idle) || !strings.Contains(sent[0].Message, "Roles that were locked") {
		t.Errorf("sent %+v", sent)
	}
}

// The second reading of a log that was read once before the first run finds an entry that the first reading did not look for; then a
// login of the sweep's own is missing.
func TestNoticesOfSparedRolesAndOfGaps(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.topic = "arn:aws:sns:us-east-1:123456789012:notices"
	s.settle()
	idle, then := s.user("idle", 100), time.Now().UTC().Add(-30*24*time.Hour).Truncate(time.Second)
	s.stack.SetLogGroup(s.group, localaws.LogGroup{Created: then.AddDate(-1, 0, 0)})
	s.stack.AppendLog(s.group, s.stream, localaws.Event{Time: then, Ingested: then,
		Message: fmt.Sprintf("%s UTC:10.0.0.1(4711):%s@%s:[99]:ERROR:  division by zero", then.Format(time.DateTime), idle, s.prefix)})
	s.exec("UPDATE user_login_job_status SET streams = NULL")
	told := func(subject string, lines ...string) {
		t.Helper()
		before := len(s.stack.Notices())
		report := s.run()
		sent := s.stack.Notices()[before:]
		if len(sent) != 1 || !strings.Contains(sent[0].Subject, subject) {
			t.Fatalf("sent %+v, want %q; reasons %q", sent, subject, report.Evidence.Reasons)
		}
		for _, line := range lines {
			if !strings.Contains(sent[0].Message, line) {
				t.Errorf("the notice lacks %q:\n%s", line, sent[0].Message)
			}
		}
	}
	told("1 spared", "Roles that were due", fmt.Sprintf("%s: ERROR entry at %s on instance %s", idle, then.Format(time.RFC3339), s.prefix))
	if noted := query[int](s, "SELECT count(*)::int FROM user_login_action WHERE action = 'spared' AND user_name = $1", idle); noted != 1 {
		t.Errorf("that it was spared is noted %d times", noted)
	}
	missing := time.Now().Add(-time.Hour)
	s.exec("UPDATE user_login_job_status SET canary = canary || ' pgrotator-sweep-' || $1 || '-0123456789ab'", strconv.FormatInt(missing.UnixMilli(), 36))
	told("1 gap in the log", "Parts of the log", "instance "+s.prefix+", ", "login of "+missing.UTC().Truncate(time.Millisecond).Format(time.RFC3339)+" is not in the log")
	before := len(s.stack.Notices())
	if s.run(); len(s.stack.Notices()) > before && strings.Contains(s.stack.Notices()[before].Subject, "spared") {
		t.Errorf("a role is told to be spared once more: %+v", s.stack.Notices()[before:])
	}
}

// The statements of a run are as many for ten thousand roles and lines as for one.
func TestStatementsDoNotGrow(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.settle()
	s.exec("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
	count := func() int {
		return query[int](s, "SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements WHERE userid IN ($1::regrole, $2::regrole) AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())", s.prefix, s.prefix+"_a")
	}
	runs := func() int {
		before := count()
		s.run()
		return count() - before
	}
	few := runs()
	s.exec("DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE format('CREATE ROLE %I LOGIN', '" + s.prefix + "many' || n); END LOOP; END $$")
	visitor := s.user("visitor", 1)
	for range 50 {
		s.visit(visitor)
	}
	if many := runs(); many != few {
		t.Errorf("%d statements for 1000 roles more, %d before", many, few)
	}
	s.exec("DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE format('DROP ROLE %I', '" + s.prefix + "many' || n); END LOOP; END $$")
	t.Logf("%d statements a run", few)
}
