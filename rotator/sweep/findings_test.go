package sweep_test

import (
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/publish"
)

// findings are those that Security Hub has of the stage's database, as "kind role state severity".
func (s *stage) findings() []string {
	lines := []string{}
	for _, f := range s.stack.Findings() {
		lines = append(lines, strings.Join([]string{strings.TrimPrefix(f.GeneratorID, "pgrotator/"), f.ProductFields["pgrotator/role"], f.RecordState, f.FindingProviderFields.Severity.Label}, " "))
	}
	slices.Sort(lines)
	return lines
}

// Security Hub is told what is so, and that it is settled once it is, whatever it takes in between; and no sweep waits for it.
func TestFindingsInSecurityHub(t *testing.T) {
	t.Parallel()
	s := newStage(t, server, localaws.PublishOptions{})
	s.hub, s.reports = true, publish.Place{Bucket: "b" + s.prefix, Prefix: "audit"}
	s.stack.SetBucket(s.reports.Bucket, localaws.Bucket{})
	want := func(when string, lines ...string) {
		t.Helper()
		slices.Sort(lines)
		if got := s.findings(); !slices.Equal(got, lines) {
			t.Errorf("%s: %q, want %q", when, got, lines)
		}
	}
	s.settle()
	want("the first run has no evidence", "evidence-incomplete  ACTIVE MEDIUM")
	idle, soon := s.user("idle", 100), s.user("soon", 85)
	r := s.dryRun()
	want("report only", "evidence-incomplete  ARCHIVED INFORMATIONAL", "inactive-account "+idle+" ACTIVE MEDIUM", "inactive-account "+soon+" ACTIVE INFORMATIONAL")
	if f := s.stack.Findings()[1]; f.Resources[0].ID != "arn:aws:rds:us-east-1:123456789012:db:"+s.prefix || f.ProductFields["pgrotator/report"] != r.ReportURI || r.ReportURI == "" || r.NotImported != nil {
		t.Errorf("%+v of %q; not imported %q", f, r.ReportURI, r.NotImported)
	}
	first := s.stack.Findings()[1]

	s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Service == "securityhub" {
			return localaws.Fail("AccessDeniedException", 403)
		}
		return localaws.Pass
	})
	s.visit(soon)
	s.flush()
	if r := s.run(); len(r.Locked) != 1 || len(r.NotImported) != 1 || !strings.Contains(r.NotImported[0], "2 of 2 findings were not imported: importing findings into Security Hub") {
		t.Errorf("refused: locked %q, not imported %q", closedUsers(r.Locked), r.NotImported)
	}
	s.stack.Intercept(nil)
	s.run()
	want("told as soon as it is taken", "evidence-incomplete  ARCHIVED INFORMATIONAL", "inactive-account "+idle+" ARCHIVED INFORMATIONAL", "inactive-account "+soon+" ARCHIVED INFORMATIONAL")
	if f := s.stack.Findings()[1]; f.ID != first.ID || f.Title != first.Title || !f.CreatedAt.Equal(first.CreatedAt) || !f.UpdatedAt.After(first.UpdatedAt) {
		t.Errorf("archived %+v, imported as %+v", f, first)
	}
	calls := 0
	s.stack.Intercept(func(c localaws.Call) localaws.Outcome {
		if c.Service == "securityhub" {
			calls++
		}
		return localaws.Pass
	})
	if s.run(); calls != 0 {
		t.Errorf("%d calls with nothing to tell", calls)
	}
	if page := string(s.kept(s.run())["page.html"].Body); !strings.Contains(page, ">locked<") || strings.Contains(page, ">findings<") {
		t.Error("the page lacks the lock, or takes the note of what Security Hub was told for an act")
	}
}
