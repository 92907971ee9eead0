package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/report"
)

// reader is somebody who gets the notices of one database, run after run.
type reader struct {
	t    *testing.T
	told report.Told
	now  time.Time
}

// gets is the notice of a run; "" = none. What has been told goes through JSON, as the sweep keeps it.
func (r *reader) gets(days int, of report.Report) (subject, body string) {
	r.t.Helper()
	r.now = r.now.AddDate(0, 0, days)
	subject, body, after := of.Mail(r.told, r.now)
	text, err := json.Marshal(after)
	if err != nil {
		r.t.Fatal(err)
	}
	r.told = report.Told{}
	if err := json.Unmarshal(text, &r.told); err != nil {
		r.t.Fatal(err)
	}
	return subject, body
}

func quiet(dryRun bool) report.Report {
	r := report.New("orders/app", dryRun, report.Policy{LockDays: ref(90), Mode: "act", Source: "environment"})
	r.Cluster, r.Evidence.Complete = "orders", true
	return r
}

// Whoever is to be locked is told at fourteen days, seven and one, each once, in report mode too; and again once it has been active.
func TestUpcomingLocksAreToldThreeTimes(t *testing.T) {
	t.Parallel()
	for _, dry := range []bool{false, true} {
		reader := &reader{t: t, now: begun}
		var told []int
		for _, left := range []int{15, 14, 13, 8, 7, 6, 2, 1, 0, 15, 12} {
			r := quiet(dry)
			if left <= 14 {
				r.Upcoming = []report.Upcoming{{User: "carol", IdleDays: 90 - left, LockInDays: left}}
			}
			reader.told.Summary = reader.now // no weekly summary
			if subject, body := reader.gets(1, r); body != "" {
				told = append(told, left)
				if !strings.Contains(subject, "1 to be locked soon") || !strings.Contains(body, "carol, idle for ") {
					t.Errorf("at %d days: %s\n%s", left, subject, body)
				}
			}
		}
		if fmt.Sprint(told) != "[14 7 1 12]" {
			t.Errorf("dry run %v: told at %v days", dry, told)
		}
	}
}

// What still holds is told once, whatever the numbers in it; what comes back is told again.
func TestNoticesTellWhatIsNew(t *testing.T) {
	t.Parallel()
	reader := &reader{t: t, now: begun}
	fault := func(user string, seconds int) report.Report {
		r := quiet(false)
		r.Evidence.Complete = false
		r.Evidence.Reasons = []string{fmt.Sprintf("Instance orders-1 has not answered for %d s, since 2026-11-%02dT03:00:00Z: RequestID: %x, no.", seconds, seconds, seconds)}
		r.Failed = []report.Failed{{User: user, Error: fmt.Sprintf("canceling statement due to lock timeout after %dms", seconds), Fix: "Try again."}}
		return r
	}
	for n, step := range []struct {
		of   report.Report
		want string // in the subject; "" = no notice
	}{
		{fault("role_1", 10), "orders: 1 failed, evidence incomplete"},
		{fault("role_1", 11), ""},
		{fault("role_2", 12), "orders: 1 failed"}, // another role, by its number only
		{quiet(false), ""},
		{fault("role_2", 13), "orders: 1 failed, evidence incomplete"},
	} {
		subject, body := reader.gets(0, step.of)
		if subject != step.want || (step.want == "") != (body == "") {
			t.Errorf("notice %d: subject %q, want %q", n, subject, step.want)
		}
	}
}

// What a run has done is told, whatever is kept of earlier notices: it may be a stranger's.
func TestWhatWasDoneIsAlwaysTold(t *testing.T) {
	t.Parallel()
	reader := &reader{t: t, now: begun}
	r := quiet(false)
	r.Locked = []report.Closed{{User: "alice", IdleDays: 90}}
	for n := range 2 {
		if subject, _ := reader.gets(0, r); subject != "orders: 1 locked" {
			t.Errorf("notice %d: %q", n, subject)
		}
	}
	reader.told.Summary = begun.AddDate(10, 0, 0) // to come
	reader.gets(0, quiet(false))
	if !reader.told.Summary.Equal(begun) {
		t.Errorf("a summary to come is believed: %v", reader.told.Summary)
	}
}

// A week later all that still holds is told once more, with the numbers.
func TestWeeklySummary(t *testing.T) {
	t.Parallel()
	reader := &reader{t: t, now: begun}
	r := quiet(true)
	r.Counts = report.Counts{Tracked: 212, Active: 208, Locked: 4}
	r.Exceptions = []report.Exception{{User: "batch_*", Until: "2026-12-01", Ends: true}, {User: "old", Until: "2026-01-01", Expired: true}}
	if subject, _ := reader.gets(0, r); subject != "orders: report only: 2 exceptions ending" {
		t.Errorf("first: %q", subject)
	}
	var days []int
	for day := range 15 {
		if subject, body := reader.gets(1, r); body != "" {
			days = append(days, day+1)
			if subject != "orders: report only: weekly summary" || !strings.Contains(body, "212 accounts looked after: 208 active") || !strings.Contains(body, "batch_*: it holds until 2026-12-01") || !strings.Contains(body, "old: it held until") {
				t.Errorf("%s\n%s", subject, body)
			}
		}
	}
	if fmt.Sprint(days) != "[7 14]" {
		t.Errorf("summaries on the days %v", days)
	}
}

// A notice of very many roles fits into SNS, and says what it leaves out.
func TestNoticeIsBounded(t *testing.T) {
	t.Parallel()
	r := quiet(false)
	for n := range 10_000 {
		r.Failed = append(r.Failed, report.Failed{User: fmt.Sprintf("%d\u202e", n), Error: strings.Repeat("x", 200), Fix: "None."})
	}
	_, body, _ := r.Mail(report.Told{}, begun)
	if len(body) > 256<<10 || !strings.Contains(body, "more: the report has them all") || strings.Contains(body, "\u202e") {
		t.Errorf("%d bytes", len(body))
	}
}
