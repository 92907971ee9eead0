package report_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgrotator/rotator/report"
)

var found = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// judged is the report of a run that has judged everybody.
func judged(change func(*report.Report)) report.Report {
	r := report.New("orders", false, report.Policy{})
	r.StartedAt, r.Evidence.Complete = found, true
	change(&r)
	return r
}

// told are findings as "kind about severity", with a minus in front of what is settled.
func told(list []report.Finding) []string {
	lines := []string{}
	for _, f := range list {
		line := strings.Join(append([]string{f.Kind}, f.About...), " ")
		if f.Settled {
			line = "- " + line
		} else if f.Severity != "" {
			line += " " + f.Severity
		}
		lines = append(lines, line)
	}
	return lines
}

// Each account, permission and database has one finding at most, the weightiest, and it goes when what it tells of does.
func TestFindings(t *testing.T) {
	t.Parallel()
	dave := report.Finding{Kind: "inactive-account", About: []string{"dave"}, Since: found.AddDate(0, 0, -9)}
	rule := report.Finding{Kind: "iam-permission", About: []string{"arn", "p", "s", "r"}, Since: dave.Since}
	blind := report.Finding{Kind: "evidence-incomplete", About: []string{}, Since: dave.Since}
	permit := report.Permit{Principal: "arn", Policy: "p", Statement: "s", Resource: "r", Why: "why"}
	for name, c := range map[string]struct {
		report     report.Report
		before     []report.Finding
		iam        bool
		tell, kept []string
	}{
		"nothing": {report: judged(func(*report.Report) {})},
		"report mode": {report: judged(func(r *report.Report) {
			r.DryRun, r.Locked, r.Deleted = true, []report.Closed{{User: "dave"}}, []report.Closed{{User: "eve"}}
		}), tell: []string{"inactive-account dave MEDIUM", "inactive-account eve MEDIUM"}},
		"what was done is settled": {report: judged(func(r *report.Report) { r.Locked = []report.Closed{{User: "dave"}} }),
			before: []report.Finding{dave}, tell: []string{"- inactive-account dave"}},
		"the weightiest of a role": {report: judged(func(r *report.Report) {
			r.Failed = []report.Failed{{User: "dave", Error: "no", Fix: "yes"}}
			r.Upcoming = []report.Upcoming{{User: "eve"}, {User: "dave"}}
			r.ReadyToDelete = []report.Ready{{User: "dave"}, {User: "fay"}}
			r.Held = report.Held{Reason: "Too many.", Users: []string{"dave", "gus"}}
		}), tell: []string{"inactive-account dave MEDIUM", "inactive-account gus MEDIUM", "inactive-account fay LOW", "inactive-account eve INFORMATIONAL"}},
		"nobody judged: what was so stays": {report: judged(func(r *report.Report) { r.Evidence.Complete = false }), before: []report.Finding{dave},
			tell: []string{"evidence-incomplete MEDIUM"}, kept: []string{"inactive-account dave"}},
		"judged again":  {report: judged(func(*report.Report) {}), before: []report.Finding{blind, dave}, tell: []string{"- evidence-incomplete", "- inactive-account dave"}},
		"IAM not asked": {report: judged(func(*report.Report) {}), before: []report.Finding{rule}, kept: []string{"iam-permission arn p s r"}},
		"IAM not whole": {report: judged(func(r *report.Report) { r.IAM = &report.IAM{} }), before: []report.Finding{rule}, kept: []string{"iam-permission arn p s r"}},
		"IAM in order":  {report: judged(func(r *report.Report) { r.IAM = &report.IAM{} }), before: []report.Finding{rule}, iam: true, tell: []string{"- iam-permission arn p s r"}},
		"too broad, and for nobody": {report: judged(func(r *report.Report) {
			everywhere := permit
			everywhere.Everywhere = true
			r.IAM = &report.IAM{Orphans: []report.Permit{permit, everywhere}, Broad: []report.Permit{permit}}
		}), before: []report.Finding{rule}, iam: true, tell: []string{"iam-permission arn p s r MEDIUM", "iam-permission-account arn p s r LOW"}},
	} {
		tell, kept, left := c.report.Findings(c.before, c.iam)
		if !slices.Equal(told(tell), c.tell) || !slices.Equal(told(kept), c.kept) || left != 0 {
			t.Errorf("%s: tell %q, kept %q, left %d; want %q, %q", name, told(tell), told(kept), left, c.tell, c.kept)
		}
		for _, f := range tell {
			want := found
			if slices.ContainsFunc(c.before, func(b report.Finding) bool { return b.Kind == f.Kind && slices.Equal(b.About, f.About) }) {
				want = dave.Since
			}
			if !f.Since.Equal(want) || f.Text == "" {
				t.Errorf("%s: since %v, want %v; %q", name, f.Since, want, f.Text)
			}
		}
	}
}

// A cluster full of idle roles makes no more calls than a run has time for; what is left out is not settled.
func TestFindingsOfMany(t *testing.T) {
	t.Parallel()
	var before []report.Finding
	r := judged(func(r *report.Report) { r.DryRun = true })
	for n := range 1500 {
		name := strings.Repeat("r", n+1)
		r.Locked = append(r.Locked, report.Closed{User: name})
		before = append(before, report.Finding{Kind: "inactive-account", About: []string{name}, Since: found})
	}
	tell, kept, left := r.Findings(before, false)
	if len(tell) != 1000 || len(kept) != 0 || left != 500 || slices.ContainsFunc(tell, func(f report.Finding) bool { return f.Settled }) {
		t.Errorf("tell %d, kept %d, left %d", len(tell), len(kept), left)
	}
}

// What is noted where others may write counts only as a sweep notes it.
func TestRemembered(t *testing.T) {
	t.Parallel()
	dave := report.Finding{Kind: "inactive-account", About: []string{"dave"}, Since: found}
	with := func(change func(*report.Finding)) report.Finding {
		f := dave
		change(&f)
		return f
	}
	list := []report.Finding{dave, dave,
		with(func(f *report.Finding) { f.Kind = "anything" }),
		with(func(f *report.Finding) { f.About = []string{"dave", "eve"} }),
		with(func(f *report.Finding) { f.About = nil }),
		with(func(f *report.Finding) { f.About = []string{strings.Repeat("x", 1<<20)} }),
		with(func(f *report.Finding) { f.About, f.Since = []string{"eve"}, found.AddDate(9000, 0, 0) }),
		with(func(f *report.Finding) { f.About, f.Since = []string{"fay"}, time.Time{} }),
	}
	if got := report.Remembered(list, found); !slices.Equal(told(got), []string{"inactive-account dave"}) {
		t.Errorf("remembered %q", told(got))
	}
}

// securityFinding is what the tests look at.
type securityFinding struct {
	ID                    string `json:"Id"`
	Title, Description    string
	ProductArn            string
	RecordState           string
	CreatedAt, UpdatedAt  time.Time
	ProductFields         map[string]string
	Resources             []struct{ Type, ID string }
	FindingProviderFields struct{ Severity struct{ Label string } }
}

// Ids are the same in each run and of each database its own, but for what is so in the whole account; texts keep Security Hub's bounds.
func TestASFF(t *testing.T) {
	t.Parallel()
	orders := report.Origin{Partition: "aws-cn", Region: "cn-north-1", Account: "111122223333", Database: "arn:aws-cn:rds:cn-north-1:111122223333:cluster:orders", Name: "orders",
		SecretID: "orders-admin", ReportURI: "s3://audit/page.html", At: found}
	bills := orders
	bills.Database, bills.Name, bills.At = "arn:aws-cn:rds:cn-north-1:111122223333:db:bills", "bills", found.AddDate(0, 0, 1)
	ids := map[string]string{}
	for name, f := range map[string]report.Finding{
		"role":       {Kind: "inactive-account", About: []string{"dave"}, Text: "x"},
		"hostile":    {Kind: "inactive-account", About: []string{"<b>\u202eevil\x07  x" + strings.Repeat("é", 20)}, Text: strings.Repeat("long\nlong ", 1000)},
		"permission": {Kind: "iam-permission", About: []string{"arn:aws-cn:iam::111122223333:role/user/app", "policy " + strings.Repeat("p", 500), "Sid", strings.Repeat("r", 5000)}, Text: "x"},
		"everywhere": {Kind: "iam-permission-account", About: []string{"arn:aws-cn:iam::111122223333:user/eve", "p", "s", "*"}, Text: "x", Settled: true},
		"evidence":   {Kind: "evidence-incomplete", About: []string{}, Text: "x", Severity: "MEDIUM"},
	} {
		f.Since = found.AddDate(0, 0, -3)
		var one, again securityFinding
		for origin, into := range map[*report.Origin]*securityFinding{&orders: &one, &bills: &again} {
			if err := json.Unmarshal(f.ASFF(*origin), into); err != nil {
				t.Fatal(err)
			}
		}
		if one.ID != f.ID(orders) || ids[one.ID] != "" || (one.ID == again.ID) != (name == "everywhere") || len(one.ID) > 512 {
			t.Errorf("%s: Ids %q and %q", name, one.ID, again.ID)
		}
		ids[one.ID] = name
		if utf8.RuneCountInString(one.Title) > 256 || utf8.RuneCountInString(one.Description) > 1024 || strings.ContainsAny(one.Title+one.Description, "\n\x07\u202e") {
			t.Errorf("%s: title %q, description %q", name, one.Title, one.Description)
		}
		if one.ProductArn != "arn:aws-cn:securityhub:cn-north-1:111122223333:product/111122223333/default" || !one.CreatedAt.Equal(f.Since) || !one.UpdatedAt.Equal(found) ||
			(one.RecordState == "ARCHIVED") != f.Settled || one.FindingProviderFields.Severity.Label == "" || one.ProductFields["pgrotator/secret"] != "orders-admin" {
			t.Errorf("%s: %+v", name, one)
		}
		for _, value := range one.ProductFields {
			if len(value) > 2048 {
				t.Errorf("%s: a field of %d bytes", name, len(value))
			}
		}
	}
	want := map[string]string{"inactive-account": "AwsRdsDbCluster", "iam-permission": "AwsIamRole", "iam-permission-account": "AwsIamUser"}
	for kind, first := range want {
		about := []string{"dave"}
		if kind != "inactive-account" {
			about = []string{"arn:aws:iam::111122223333:" + strings.ToLower(strings.TrimPrefix(first, "AwsIam")) + "/x", "p", "s", "r"}
		}
		var one securityFinding
		if err := json.Unmarshal(report.Finding{Kind: kind, About: about}.ASFF(orders), &one); err != nil || one.Resources[0].Type != first {
			t.Errorf("%s: %+v, %v", kind, one.Resources, err)
		}
	}
}
