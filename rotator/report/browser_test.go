package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/report"
)

// looked is what look.mjs has seen of a page.
type looked struct {
	Faults, Requests, Violations           []string
	Names, Scripts                         []string
	Elements                               int
	Ascending, Descending                  []string
	AscendingMilliseconds                  int
	FilterMilliseconds                     int
	Filtered, FilteredTwice                []string
	Told                                   string
	WithoutScripts, ControlsWithoutScripts int
	Sheets                                 int
	Roles                                  []string // of accessibility, in the table of accounts
}

// visit is what somebody does with the page's table.
type visit struct {
	Sorted string `json:"sorted"` // a column of numbers
	Typed  string `json:"typed"`  // a part of names
	Kind   string `json:"kind"`   // a choice beside it
	Column string `json:"column"` // to look at then
	Axe    bool   `json:"axe"`    // ask axe, and print
}

var auditor = visit{Sorted: "Idle, days", Typed: "ROLE_00002", Kind: "exempt", Column: "Left alone"}

// browserFolder is where make browser has npm put what look.mjs needs, and where the pictures are.
const browserFolder = "../../build/browser"

// look opens a page in Chromium. It skips where make browser has not prepared that.
func look(t *testing.T, name, page string, by visit) looked {
	t.Helper()
	if os.Getenv("PGROTATOR_BROWSER") == "" {
		t.Skip("PGROTATOR_BROWSER is not set: make browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	folder, err := filepath.Abs(filepath.Join(browserFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "page.html")
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/browser/look.mjs")
	if err != nil {
		t.Fatal(err)
	}
	does, err := json.Marshal(by)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("node", script, chromium, file, folder, string(does))
	command.Dir = browserFolder
	var faults bytes.Buffer
	command.Stderr = &faults
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, faults.String())
	}
	var seen looked
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return seen
}

// crowded is the page of a population with something in every section.
func crowded(t *testing.T, n int) (report.Page, []string) {
	t.Helper()
	r, accounts := population(n)
	var scripts []string
	for _, name := range hostile {
		script := "-- " + name + "\nDROP ROLE " + name + ";"
		scripts = append(scripts, strings.ReplaceAll(script, "\r", "\n")) // HTML has no other line ends
		r.Locked = append(r.Locked, report.Closed{User: name, Reason: name, IAMLogin: report.IAMLogin{IAM: true, Resource: "arn:aws:rds-db:eu-west-1:123456789012:dbuser:cluster-ABC/" + name}})
		r.Failed = append(r.Failed, report.Failed{User: name, Error: name, Fix: name})
		r.Exceptions = append(r.Exceptions, report.Exception{User: name, Reason: name, By: name, Until: "2027-01-31"})
		r.ReadyToDelete = append(r.ReadyToDelete, report.Ready{User: name, Statements: strings.Split(script, "\n"), Owns: []report.Owned{{Database: name, Objects: 2}}})
		r.Spared = append(r.Spared, report.Spared{User: name, At: begun, Instance: "orders-1", Kind: name})
		r.Upcoming = append(r.Upcoming, report.Upcoming{User: name, IdleDays: 80, LockInDays: 10})
	}
	r.Evidence.Instances = []report.Instance{{Name: "orders-1", From: begun.AddDate(0, 0, -204), To: begun, Events: 88211, Logins: 22018}, {Name: "orders-2", From: begun.AddDate(0, 0, -60), To: begun}}
	r.Evidence.Gaps = []report.Gap{{Instance: "orders-2", From: begun.AddDate(0, 0, -62), To: begun.AddDate(0, 0, -60), Cause: "unclean restart"}}
	r.Evidence.Notes, r.NotImported = hostile, hostile
	r.IAM = &report.IAM{Notes: hostile, Unreachable: hostile}
	for _, name := range hostile {
		permit := report.Permit{Principal: "arn:aws:iam::123456789012:role/app", Policy: name, Statement: name, Resource: name, Why: name}
		r.IAM.Orphans = append(r.IAM.Orphans, permit)
		r.IAM.Broad = append(r.IAM.Broad, permit)
		r.IAM.Failed = append(r.IAM.Failed, report.Failures{User: name, Attempts: 2})
		r.IAM.Access = append(r.IAM.Access, report.Access{User: name, Principals: []report.Principal{{ARN: permit.Principal, Policy: name, Statement: name, Conditions: []string{name}}}})
		r.ReadyToDelete[0].IAMLogin = report.IAMLogin{IAM: true, Withdraw: append(r.ReadyToDelete[0].Withdraw, permit)}
	}
	history := []report.Action{{At: begun, User: hostile[0], Action: "locked", LastActivity: begun.Format(time.RFC3339), IdleDays: "90", EvidenceTo: begun.Format(time.RFC3339), Reason: hostile[1]}}
	return report.Page{Report: r, Accounts: accounts, History: history}, scripts
}

// A person reads, sorts, filters and prints the page; nothing in it runs, loads or breaks it, and what axe finds wrong is nothing.
func TestPageInABrowser(t *testing.T) {
	const n = 120
	page, scripts := crowded(t, n)
	by := auditor
	by.Axe = true
	seen := look(t, "few", writePage(t, page), by)
	if len(seen.Faults)+len(seen.Requests)+len(seen.Violations)+seen.Elements > 0 {
		t.Errorf("faults %q, requests %q, violations %q, %d elements of others", seen.Faults, seen.Requests, seen.Violations, seen.Elements)
	}
	want := map[string]bool{}
	for a := range page.Accounts {
		want[report.Plain(a.User)] = true
	}
	for _, name := range seen.Names {
		delete(want, name)
	}
	if len(want) > 0 || len(seen.Names) != n {
		t.Errorf("%d names are shown, and not %v", len(seen.Names), want)
	}
	if !slices.Equal(seen.Scripts, scripts) {
		t.Errorf("copying gives\n%q, want\n%q", seen.Scripts, scripts)
	}
	seen.inOrder(t, n)
	if len(seen.Filtered) == 0 || len(seen.FilteredTwice) == 0 || slices.ContainsFunc(seen.Filtered, func(name string) bool { return !strings.HasPrefix(name, "role_00002") }) ||
		slices.Contains(seen.FilteredTwice, "") || seen.Told != fmt.Sprintf("%d of %d accounts shown", len(seen.FilteredTwice), n) {
		t.Errorf("filtered %q, then %q; told %q", seen.Filtered, seen.FilteredTwice, seen.Told)
	}
	if seen.WithoutScripts != n || seen.ControlsWithoutScripts != 0 {
		t.Errorf("without scripts %d rows and %d controls are shown", seen.WithoutScripts, seen.ControlsWithoutScripts)
	}
	if want := []string{"columnheader", "row", "rowheader", "table"}; !slices.Equal(slices.DeleteFunc(seen.Roles, func(role string) bool { return strings.HasSuffix(role, "cell") }), want) {
		t.Errorf("the table is told as %q", seen.Roles)
	}
	if seen.Sheets < 3 {
		t.Errorf("printed on %d sheets", seen.Sheets)
	}
}

// inOrder holds the sorted columns to be sorted as numbers, with what is not known last or first.
func (l looked) inOrder(t *testing.T, n int) {
	t.Helper()
	numbers := func(column []string) []int {
		var list []int
		for _, cell := range column {
			if number, err := strconv.Atoi(cell); err == nil {
				list = append(list, number)
			}
		}
		return list
	}
	up, down := numbers(l.Ascending), numbers(l.Descending)
	slices.Reverse(down)
	if len(l.Ascending) != n || len(up) < n/2 || !slices.IsSorted(up) || !slices.IsSorted(down) {
		t.Errorf("of %d rows, %d sorted: %v and %v", len(l.Ascending), len(up), up, down)
	}
}

// The fleet's page is read, sorted, filtered and printed as that of one database is.
func TestFleetPageInABrowser(t *testing.T) {
	const n = 60
	d := fleetOf(n)
	seen := look(t, "fleet", fleetPage(t, d), visit{Sorted: "Looked after", Typed: "BASE-000", Kind: "changed", Column: "State", Axe: true})
	if len(seen.Faults)+len(seen.Requests)+len(seen.Violations)+seen.Elements > 0 {
		t.Errorf("faults %q, requests %q, violations %q, %d elements of others", seen.Faults, seen.Requests, seen.Violations, seen.Elements)
	}
	names := slices.Sorted(slices.Values(seen.Names))
	if len(names) != n || len(slices.Compact(names)) != n || names[n-1] != "database-0059" {
		t.Errorf("%d names are shown: %q", len(seen.Names), seen.Names)
	}
	seen.inOrder(t, n)
	if len(seen.Filtered) != 10 || len(seen.FilteredTwice) == 0 || slices.ContainsFunc(seen.FilteredTwice, func(state string) bool { return state != string(report.Changed) }) ||
		seen.Told != fmt.Sprintf("%d of %d databases shown", len(seen.FilteredTwice), n) {
		t.Errorf("filtered %q, then %q; told %q", seen.Filtered, seen.FilteredTwice, seen.Told)
	}
	if seen.WithoutScripts != n || seen.ControlsWithoutScripts != 0 || seen.Sheets < 2 {
		t.Errorf("without scripts %d rows and %d controls are shown; printed on %d sheets", seen.WithoutScripts, seen.ControlsWithoutScripts, seen.Sheets)
	}
}

// The largest table that a page holds can still be sorted and filtered.
func TestLargestPageInABrowser(t *testing.T) {
	page, _ := crowded(t, report.MaxRows)
	seen := look(t, "many", writePage(t, page), auditor)
	if len(seen.Faults)+len(seen.Requests) > 0 || seen.WithoutScripts != report.MaxRows {
		t.Errorf("faults %q, requests %q, %d rows", seen.Faults, seen.Requests, seen.WithoutScripts)
	}
	seen.inOrder(t, report.MaxRows)
	t.Logf("sorted in %d ms, filtered letter by letter in %d ms", seen.AscendingMilliseconds, seen.FilterMilliseconds)
}
