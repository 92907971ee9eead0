package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/report"
)

var begun = time.Date(2026, 11, 22, 3, 0, 0, 114e6, time.UTC)

func ref[T any](v T) *T { return &v }

// hostile are names that a page or a list could take for something else than a name.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</table></body>`, `{{.Version}}`, "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "'quoted", "\uff1d1+1", "\u200b=1", "\u3000=1",
	"a\u202etxt.exe", "\u05d0\u05d1\u05d2", "line\nbreak", `a"b,c;d`, strings.Repeat("<", 63), strings.Repeat("ü", 31), "../../etc/passwd", "&lt;", "javascript:alert(1)",
}

// population is a report and n accounts of all kinds, whose numbers agree.
func population(n int) (report.Report, iter.Seq[report.Account]) {
	r := report.New("arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/app-AbCdEf", false, report.Policy{
		LockDays: ref(90), DeleteDays: ref(180), Mode: "act", Source: "environment"})
	r.StartedAt, r.FinishedAt, r.Cluster = begun, begun.Add(41*time.Second), "orders"
	r.Evidence.Complete, r.Evidence.From, r.Evidence.To = true, ref(begun.AddDate(0, 0, -204)), ref(begun.Add(-5*time.Minute))
	accounts := func(yield func(report.Account) bool) {
		for i := range n {
			if !yield(account(i)) {
				return
			}
		}
	}
	for a := range accounts {
		switch {
		case a.Status == report.Dropped:
			r.Deleted = append(r.Deleted, report.Closed{User: a.User, LastActivity: begun, IdleDays: *a.IdleDays})
		case a.Exemption == report.Rule:
			r.NotManaged = append(r.NotManaged, report.NotManaged{User: a.User, Reason: a.ExemptionReason})
		case a.Exemption != "":
			r.Counts.Ignored++
		default:
			r.Counts.Tracked++
			switch a.Status {
			case "Locked":
				r.Counts.Locked++
			case "ReadyToDelete":
				r.Counts.ReadyToDelete++
			default:
				r.Counts.Active++
			}
		}
	}
	return r, accounts
}

// account is the ith account of a population: its name is its own, and hostile ones come first.
func account(i int) report.Account {
	idle := i * 7 % 220
	a := report.Account{User: fmt.Sprintf("role_%06d_of_the_department_of_long_names", i), Login: report.Password, Privileges: []string{}, Status: "Active",
		LastActivity: ref(begun.AddDate(0, 0, -idle)), LastActivitySource: "login", FirstSeen: ref(begun.AddDate(-1, 0, 0)), IdleDays: &idle,
		StatusSince: ref(begun.AddDate(-1, 0, 0)), Due: "lock", DueOn: begun.AddDate(0, 0, 90-idle).Format(time.DateOnly), OwnsObjects: ref(int64(i % 5)), FailedLogins: ref(i % 3)}
	if i < len(hostile) {
		a.User = hostile[i]
	}
	switch i % 11 {
	case 1:
		a.Status, a.Due = "Locked", "drop"
	case 2:
		a.Status, a.Due, a.Login = "ReadyToDelete", "drop", report.NoLogin
	case 3:
		a.Status, a.Due, a.DueOn, a.Login = report.Dropped, "", "", report.NoLogin
	case 4:
		a.Exemption, a.ExemptionReason, a.Due, a.DueOn = report.Rule, "It is a superuser.", "", ""
		a.Privileges = []string{"superuser", "createrole"}
	case 5:
		a.Exemption, a.ExemptionReason, a.ExemptionUntil, a.Due, a.DueOn = "IGNORE_USER_LIST: batch_*", "=nightly", "2027-01-31", "", ""
	case 6:
		a.LastActivity, a.LastActivitySource = nil, "first seen"
	case 7:
		a.Login, a.Privileges, a.OwnsObjects, a.FailedLogins, a.IdleDays = report.ByIAM, nil, nil, nil, nil
	}
	return a
}

// writePage gives the page of a population.
func writePage(t testing.TB, p report.Page) string {
	t.Helper()
	var page bytes.Buffer
	p.Version = "1.2.3"
	if err := report.WritePage(&page, p); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// Lists and page hold every account once, and add up to what the report says.
func TestAccountsAddUp(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, len(hostile), 5_000, 5_001, 100_000} {
		r, accounts := population(n)
		page := writePage(t, report.Page{Report: r, Accounts: accounts})
		for id, want := range map[string]int{"n-all": n, "n-active": r.Counts.Active, "n-locked": r.Counts.Locked, "n-ready": r.Counts.ReadyToDelete,
			"n-dropped": len(r.Deleted), "n-ignored": r.Counts.Ignored, "n-rule": len(r.NotManaged)} {
			if !strings.Contains(page, fmt.Sprintf(`id="%s">%d<`, id, want)) {
				t.Errorf("%d accounts: the page does not say %d for %s", n, want, id)
			}
		}
		_, table, _ := strings.Cut(page, `<table id="accounts">`)
		_, table, _ = strings.Cut(table, "<tbody>")
		rows := strings.Count(table, "<tr class=")
		if want := n; n > report.MaxRows && rows != 0 || n <= report.MaxRows && rows != want {
			t.Errorf("%d accounts: the page has %d rows", n, rows)
		}
		if n > report.MaxRows != strings.Contains(page, "too many for a page") {
			t.Errorf("%d accounts: the page does not say where the table is, or says it without need", n)
		}
		if len(page) > 3_000_000 {
			t.Errorf("%d accounts: the page has %d bytes", n, len(page))
		}
		if n <= 5_000 {
			equalLists(t, accounts)
		} else {
			countLines(t, accounts, n)
		}
	}
}

// countLines counts the lines of both lists, of which none is kept.
func countLines(t *testing.T, accounts iter.Seq[report.Account], n int) {
	t.Helper()
	var list, objects lineCounter
	if err := report.WriteCSV(&list, accounts); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteJSON(&objects, accounts); err != nil {
		t.Fatal(err)
	}
	if extra := strings.Count(strings.Join(hostile, ""), "\n"); int(list) != n+1+extra || int(objects) != n+2 {
		t.Errorf("%d accounts: %d lines of CSV, %d of JSON", n, list, objects)
	}
}

type lineCounter int

func (c *lineCounter) Write(text []byte) (int, error) {
	*c += lineCounter(bytes.Count(text, []byte("\n")))
	return len(text), nil
}

// equalLists reads both lists, and holds one to the other and to the accounts.
func equalLists(t *testing.T, accounts iter.Seq[report.Account]) {
	t.Helper()
	var list, objects bytes.Buffer
	if err := report.WriteCSV(&list, accounts); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteJSON(&objects, accounts); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&list).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var kept []report.Account
	if err := json.Unmarshal(objects.Bytes(), &kept); err != nil {
		t.Fatal(err)
	}
	want := slices.Collect(accounts)
	if len(rows) != len(want)+1 || len(kept) != len(want) {
		t.Fatalf("%d rows and %d objects of %d accounts", len(rows)-1, len(kept), len(want))
	}
	for i, a := range want {
		// An apostrophe in front is the guard's.
		if got := strings.TrimPrefix(rows[i+1][0], "'"); got != a.User || kept[i].User != a.User {
			t.Errorf("account %q is %q in the CSV and %q in the JSON", a.User, rows[i+1][0], kept[i].User)
		}
		if (a.LastActivity == nil) != (rows[i+1][3] == "") || (a.LastActivity == nil) != (kept[i].LastActivity == nil) {
			t.Errorf("account %q: last activity %q", a.User, rows[i+1][3])
		}
	}
}

func TestCSVHasNoFormula(t *testing.T) {
	t.Parallel()
	var list bytes.Buffer
	_, accounts := population(len(hostile))
	if err := report.WriteCSV(&list, accounts); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&list).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(rows[0], ","), "user,login,privileges,lastActivity,lastActivitySource,firstSeen,idleDays,status,statusSince,"+
		"exemption,exemptionReason,exemptionUntil,due,dueOn,ownsObjects,failedLogins"; got != want {
		t.Errorf("columns %s", got)
	}
	guarded := 0
	for _, row := range rows[1:] {
		for _, cell := range row {
			if trimmed := strings.TrimLeft(cell, " \u200b\u3000"); trimmed != "" && strings.ContainsRune("=+-@\uff1d\t\r\n", []rune(trimmed)[0]) {
				t.Errorf("a spreadsheet computes the cell %q", cell)
			}
			if strings.HasPrefix(cell, "'") {
				guarded++
			}
		}
	}
	if guarded < 11 {
		t.Errorf("only %d cells are guarded", guarded)
	}
}

// A name is text in the page, whatever it holds, and "none known" is never a time.
func TestNamesAreTextInThePage(t *testing.T) {
	t.Parallel()
	r, accounts := population(len(hostile))
	for _, name := range hostile {
		r.Locked = append(r.Locked, report.Closed{User: name, Reason: name})
		r.Failed = append(r.Failed, report.Failed{User: name, Error: name, Fix: name})
		r.Exceptions = append(r.Exceptions, report.Exception{User: name, Reason: name, By: name})
		r.ReadyToDelete = append(r.ReadyToDelete, report.Ready{User: name, Statements: []string{"DROP ROLE " + name + ";"}, Owns: []report.Owned{{Database: name, Objects: 2}}})
		r.Evidence.Reasons = append(r.Evidence.Reasons, name)
		r.Policy.Tags = append(r.Policy.Tags, report.Tag{Key: name, Value: name})
	}
	page := writePage(t, report.Page{Report: r, Accounts: accounts, History: []report.Action{{At: begun, User: hostile[0], Action: hostile[1], Reason: hostile[0]}}})
	for _, markup := range []string{"<script>alert", "<img", "</table></body>", "\u202e"} {
		if strings.Contains(strings.ReplaceAll(page, "DROP ROLE a\u202etxt.exe;", ""), markup) {
			t.Errorf("the page holds %q", markup)
		}
	}
	for _, text := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "a\\u202etxt.exe", "{{.Version}}", "DROP ROLE &lt;script&gt;", "\u05d0\u05d1\u05d2"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not show %q", text)
		}
	}
	for _, load := range []string{"src=", "url(", "http://", "https://", "@import"} {
		if strings.Contains(strings.ReplaceAll(page, html.EscapeString(hostile[1]), ""), load) {
			t.Errorf("the page loads something: it holds %q", load)
		}
	}
	if strings.Count(page, "<script>") != 1 || strings.Count(page, "<style>") != 1 {
		t.Error("the page has a script or a style that is not its own")
	}
	if !strings.Contains(page, "script-src &#39;sha256-") {
		t.Error("the page does not say which script may run")
	}
}

// What is not known does not look like nobody, and no activity is never a login.
func TestPageSaysWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	r, _ := population(0)
	unread := writePage(t, report.Page{Report: r})
	if !strings.Contains(unread, "could not be read") || strings.Contains(unread, `id="n-all"`) {
		t.Error("accounts that could not be read look like none")
	}
	_, accounts := population(7)
	row := writePage(t, report.Page{Report: r, Accounts: func(yield func(report.Account) bool) {
		for a := range accounts {
			if a.LastActivity == nil {
				yield(a)
				return
			}
		}
	}})
	if !strings.Contains(row, "<i>none known</i><td>first seen") {
		t.Error("a role that was never active has a last activity")
	}
}

// Of logins by IAM the page says what to take back by policy and statement, who was turned away, and what is not known.
func TestPageSaysWhoMayLogInByIAM(t *testing.T) {
	t.Parallel()
	r, accounts := population(7)
	permit := report.Permit{Principal: "arn:aws:iam::123456789012:role/app", Policy: "db", Statement: "statement 1", Resource: "dbuser:cluster-A/dave", Why: "it admits to the closed role alone"}
	login := report.IAMLogin{IAM: true, Resource: "dbuser:cluster-A/dave", Withdraw: []report.Permit{permit}}
	r.Locked = []report.Closed{{User: "dave", IAMLogin: login}, {User: "eve", IAMLogin: report.IAMLogin{IAM: true, Resource: "dbuser:cluster-A/eve"}}}
	r.ReadyToDelete = []report.Ready{{User: "fay", IAMLogin: login}}
	r.IAM = &report.IAM{Complete: true, Failed: []report.Failures{{User: "gus", Attempts: 3}}, Notes: []string{"Not judged: policies of the organization."}}
	const back = `take back statement 1 of db (&#34;dbuser:cluster-A/dave&#34;): it admits to the closed role alone`
	page := writePage(t, report.Page{Report: r, Accounts: accounts})
	if strings.Count(page, back) != 2 {
		t.Errorf("the page says what to take back %d times", strings.Count(page, back))
	}
	for _, want := range []string{"withdraw rds-db:connect on dbuser:cluster-A/eve", "<bdi>gus</bdi> 3", "Not judged: policies of the organization."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	const half = "Not everything could be read"
	r.IAM.Complete = false
	if strings.Contains(page, half) || !strings.Contains(writePage(t, report.Page{Report: r, Accounts: accounts}), half) {
		t.Error("a review that is not whole looks like one that is, or the other way round")
	}
}

// No name of a database leads a file anywhere but into a folder of its own.
func TestNamesAreNoPath(t *testing.T) {
	t.Parallel()
	folders := map[string]string{}
	for _, name := range append([]string{"..", ".", "", "a/b", "a%2Fb", "orders.v2", "/", ".hidden"}, hostile...) {
		r := report.Report{SecretID: name, StartedAt: begun}
		folder := r.Folder()
		parts := strings.Split(folder, "/")
		if len(parts) != 5 || strings.HasPrefix(parts[0], ".") || !regexp.MustCompile(`^[\w.%-]*$`).MatchString(parts[0]) || strings.Join(parts[1:], "/") != "2026/11/22/2026-11-22T03:00:00.114Z" {
			t.Errorf("%q is kept in %q", name, folder)
		}
		if other, taken := folders[folder]; taken {
			t.Errorf("%q and %q are both kept in %q", name, other, folder)
		}
		folders[folder] = name
	}
}
