package report_test

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/report"
)

// fleetOf is a digest of n databases in all states, named by whoever is hostile.
func fleetOf(n int) report.Digest {
	d := report.Digest{At: time.Date(2026, 11, 22, 3, 17, 0, 0, time.UTC),
		Overdue: []report.Overdue{{SecretID: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:billing/app-AbCdEf", Since: begun.AddDate(0, 0, -12), Why: "it was to rotate by 2026-11-10"}},
		Faults:  []report.Fault{{Subject: "account 444455556666", Error: "AccessDenied: not authorized to perform sts:AssumeRole"}}}
	for i := range n {
		b := report.Brief{SecretID: fmt.Sprintf("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db%04d/app-AbCdEf", i), Database: fmt.Sprintf("database-%04d", i),
			OK: true, Counts: report.Counts{Tracked: 40 + i%7, Locked: i % 5}, DryRun: i%4 == 0, ReportURI: "s3://reports/x", Policy: &report.Policy{Mode: "act"}}
		one := report.Database{Brief: b, State: report.States[i%len(report.States)]}
		switch one.State {
		case report.SweepFailed:
			one.Error = "proving AWSCURRENT of secret db: " + hostile[i%len(hostile)]
		case report.Incomplete:
			one.Reasons = []string{"log_connections is off in the parameter group of instance " + hostile[i%len(hostile)]}
		case report.Undone:
			one.Did.Failed = []string{hostile[i%len(hostile)] + ": permission denied"}
		case report.Changed:
			one.Did = report.Did{Locked: []string{hostile[i%len(hostile)]}, Deleted: []string{"ann"}, Spared: []string{"jane"}, Left: 3}
			one.Policy.Tags = []report.Tag{{Key: "pgrotator:ignore", Value: hostile[i%len(hostile)], Used: true}}
		}
		d.Databases = append(d.Databases, one)
	}
	d.Sort()
	return d
}

func fleetPage(t *testing.T, d report.Digest) string {
	t.Helper()
	var page bytes.Buffer
	if err := report.WriteFleetPage(&page, report.FleetPage{Digest: d, Version: "1.1.0"}); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

var bodyRow = regexp.MustCompile(`(?m)^<tr class="[a-z-]+"><th scope="row"><bdi>`)

// Every database is in the table once, the numbers agree with the digest, and no name becomes markup.
func TestFleetPageHasEveryDatabaseOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 60, 2_000} {
		d := fleetOf(n)
		page := fleetPage(t, d)
		if rows := len(bodyRow.FindAllString(page, -1)); rows != n {
			t.Errorf("%d rows for %d databases", rows, n)
		}
		for _, one := range d.Databases[:min(n, 60)] {
			if strings.Count(page, "<th scope=\"row\"><bdi>"+one.Database+"</bdi></th><td>"+string(one.State)+"</td>") != 1 {
				t.Fatalf("%s is not in the table once", one.Database)
			}
		}
		for _, state := range report.States {
			if !strings.Contains(page, fmt.Sprintf(`<th scope="row">%s</th><td class="number">%d</td>`, state, d.Count(state))) {
				t.Errorf("of %d, the number of %s is not %d", n, state, d.Count(state))
			}
		}
		for _, name := range hostile[:3] {
			if strings.Contains(page, name) {
				t.Errorf("%q is markup", name)
			}
		}
		if n == 60 && !strings.Contains(page, html.EscapeString(hostile[0])) {
			t.Errorf("%q is not shown", hostile[0])
		}
		if len(page) > 3<<20 {
			t.Errorf("%d bytes for %d databases", len(page), n)
		}
	}
}

func TestFleetPageSaysHowItStands(t *testing.T) {
	t.Parallel()
	well := report.Digest{Databases: []report.Database{{Brief: report.Brief{SecretID: "a", OK: true}, State: report.Quiet}}}
	for want, d := range map[string]report.Digest{
		"The database was swept and judged.":                                                                            well,
		"No database is swept: no secret carries the tag pgrotator":                                                     {},
		"Of 6 databases: 1 sweep failed, 1 did not run, 1 evidence incomplete, 1 not all done, 1 with rotation overdue": fleetOf(6),
	} {
		page := fleetPage(t, d)
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
		if good := strings.Contains(page, `class="verdict good"`); good != (len(d.Databases) == 1) {
			t.Errorf("%q is good: %v", want, good)
		}
	}
}
