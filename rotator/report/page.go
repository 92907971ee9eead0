package report

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxRows is how many accounts the page's table holds at most, so that a browser can scroll and sort it. The lists hold all.
const MaxRows = 5_000

// Page is what page.html shows.
type Page struct {
	Report   Report
	Accounts iter.Seq[Account] // nil = they could not be read
	History  []Action          // newest first
	Version  string            // of pgrotator
}

// Action is something that was done to a role, as user_login_action keeps it. Whoever is the shared role may have written it.
type Action struct {
	At           time.Time
	User         string
	Action       string
	LastActivity string
	IdleDays     string
	EvidenceTo   string
	Reason       string
}

// By is who did it.
func (a Action) By() string {
	if a.Action == "reactivated" {
		return "somebody else, by ALTER ROLE"
	}
	return "the sweep"
}

//go:embed page/*.html page/page.css page/page.js
var pageFiles embed.FS

// pageTemplates are read when the first page is written: most invocations write none.
var pageTemplates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"plain": Plain, "day": dayOf, "minute": minuteOf, "moment": momentOf, "days": daysText, "join": strings.Join, "secret": SecretName, "count": count,
	}).ParseFS(pageFiles, "page/*.html")
})

// look is the style and the script that every page carries, and the policy by which a browser runs no other.
type look struct {
	Style  template.CSS
	Script template.JS
	Policy string
}

var pageLook = sync.OnceValues(func() (look, error) {
	style, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return look{}, err
	}
	script, err := pageFiles.ReadFile("page/page.js")
	if err != nil {
		return look{}, err
	}
	return look{Style: template.CSS(style), Script: template.JS(script), Policy: fmt.Sprintf(
		"default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", hashOf(style), hashOf(script))}, nil
})

// hashOf is a text as a Content Security Policy names it (W3C, "Content Security Policy Level 3", hash-source).
func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// WritePage writes the page, one HTML file that loads nothing from elsewhere. Names and texts of others become text in it, never markup.
func WritePage(w io.Writer, p Page) error {
	return writeTemplate(w, "page.html", p.view())
}

func writeTemplate(w io.Writer, name string, data interface{ setLook(look) }) error {
	templates, err := pageTemplates()
	if err != nil {
		return fmt.Errorf("reading the page's templates: %w", err)
	}
	l, err := pageLook()
	if err != nil {
		return fmt.Errorf("reading the page's style: %w", err)
	}
	data.setLook(l)
	out := bufio.NewWriter(w)
	if err := templates.ExecuteTemplate(out, name, data); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return out.Flush()
}

func (l *look) setLook(other look) { *l = other }

// view is what the template reads.
type view struct {
	look
	Page
	Totals   Totals
	Rows     []Account
	Known    bool // the accounts could be read
	TooMany  bool // there are more than MaxRows
	Idle     idleChart
	Timeline timeline
	Verdict  string
	Done     []done
}

// done is one thing that this run did to a role, or would do.
type done struct {
	What string
	Closed
}

func (p Page) view() *view {
	v := &view{Page: p, Known: p.Accounts != nil, Timeline: timelineOf(p.Report)}
	v.Idle = newIdleChart(p.Report.Policy)
	if v.Known {
		v.read(p.Accounts)
	}
	v.Idle.draw()
	v.Verdict = p.Report.verdict(v.Totals, v.Known)
	for _, list := range []struct {
		what   string
		closed []Closed
	}{{"locked", p.Report.Locked}, {"dropped", p.Report.Deleted}, {"unlocked", p.Report.Unlocked}} {
		for _, c := range list.closed {
			v.Done = append(v.Done, done{What: list.what, Closed: c})
		}
	}
	return v
}

// read goes through the accounts once, and keeps as many as the table holds.
func (v *view) read(accounts iter.Seq[Account]) {
	for a := range accounts {
		v.Totals.Add(a)
		v.Idle.add(a)
		if len(v.Rows) <= MaxRows {
			v.Rows = append(v.Rows, a)
		}
	}
	v.TooMany = len(v.Rows) > MaxRows
	if v.TooMany {
		v.Rows = nil
	}
	slices.SortStableFunc(v.Rows, soonestFirst)
}

// soonestFirst has what is due soonest come first, then whoever is idle for longest.
func soonestFirst(a, b Account) int {
	return cmp.Or(cmp.Compare(dueKey(a), dueKey(b)), -cmp.Compare(idleKey(a), idleKey(b)), strings.Compare(a.User, b.User))
}

func dueKey(a Account) string { return cmp.Or(a.DueOn, "~") }

func idleKey(a Account) int {
	if a.IdleDays == nil {
		return -1
	}
	return *a.IdleDays
}

// Totals are the numbers of a list of accounts. Every account is in one of them.
type Totals struct {
	All, Active, Locked, ReadyToDelete int // looked after, by status
	Dropped                            int // by this run
	Ignored                            int // exempt by the operator
	ByRule                             int // exempt by what they are
	NeverSeen                          int // of all, those of whom no activity is known
}

// Add counts an account.
func (t *Totals) Add(a Account) {
	t.All++
	if a.LastActivity == nil {
		t.NeverSeen++
	}
	switch {
	case a.Status == Dropped:
		t.Dropped++
	case a.Exemption == Rule:
		t.ByRule++
	case a.Exemption != "":
		t.Ignored++
	case a.Status == "Locked":
		t.Locked++
	case a.Status == "ReadyToDelete":
		t.ReadyToDelete++
	default:
		t.Active++
	}
}

// judged is how many accounts are looked after.
func (t Totals) judged() int { return t.All - t.Ignored - t.ByRule }

// verdict is what came of a run, in a sentence.
func (r Report) verdict(t Totals, known bool) string {
	acted := r.acted()
	switch {
	case !known:
		return "The accounts of this database could not be read, so nobody was judged."
	case !r.Evidence.Complete:
		return fmt.Sprintf("Nobody of %s was judged idle, since who was active cannot be told for certain: %s.", count(t.All, "account"), acted)
	case r.Policy.LockDays == nil && r.Policy.DeleteDays == nil:
		return fmt.Sprintf("%s were looked at on complete evidence; the policy sets no interval, so nobody is locked or dropped.", count(t.All, "account"))
	case len(r.Held.Users) > 0:
		return fmt.Sprintf("%s were judged on complete evidence; %s are due, and none was touched: %s", count(t.judged(), "account"), count(len(r.Held.Users), "role"), r.Held.Reason)
	}
	soon := ""
	if n := len(r.Upcoming); n > 0 {
		soon = fmt.Sprintf(" Within 14 days %s more will be due to be locked, if they stay idle.", count(n, "role"))
	}
	return fmt.Sprintf("%s were judged on complete evidence, and %d left alone: %s.%s", count(t.judged(), "account"), t.All-t.judged(), acted, soon)
}

// acted is how many roles the run has changed, or would have.
func (r Report) acted() string {
	how := "%s locked, %d dropped, %d unlocked"
	if r.DryRun {
		how = "%s would be locked, %d dropped, %d unlocked"
	}
	return fmt.Sprintf(how, count(len(r.Locked), "role"), len(r.Deleted), len(r.Unlocked))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func dayOf(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func minuteOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// momentOf is a time that stands in a text, or that text where it is none.
func momentOf(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return Plain(text)
	}
	return minuteOf(at)
}

// daysText is an interval of the policy as people read it.
func daysText(days *int) string {
	if days == nil {
		return "never"
	}
	return count(*days, "day")
}

// Kinds are what the page's filter tells accounts apart by.
func (a Account) Kinds() string {
	var kinds []string
	for _, kind := range []struct {
		is   bool
		name string
	}{
		{a.Due != "", "due"}, {a.Exemption == "" && a.Status == "Active", "active"}, {a.Status != "Active", "locked"}, {a.Exemption != "", "exempt"},
		{a.LastActivity == nil, "unseen"}, {a.Privileges == nil || len(a.Privileges) > 0, "power"}, {a.Login == ByIAM, "iam"},
	} {
		if kind.is {
			kinds = append(kinds, kind.name)
		}
	}
	return strings.Join(kinds, " ")
}

// ShownPrivileges, ShownExemption and ShownDue are cells of the page's table that stand for several keys.
func (a Account) ShownPrivileges() string { return Plain(a.privileges()) }

// ShownExemption is why an account is left alone, by what, and until when; "" = it is not.
func (a Account) ShownExemption() string {
	if a.Exemption == "" {
		return ""
	}
	text := Plain(a.ExemptionReason)
	if a.Exemption != Rule {
		text = strings.TrimPrefix(text+" ("+Plain(a.Exemption)+")", " ")
	}
	if a.ExemptionUntil != "" {
		text += ", until " + a.ExemptionUntil
	}
	return text
}

// ShownDue is what is due and when. It begins with the day, by which it sorts.
func (a Account) ShownDue() string {
	if a.Due == "" {
		return ""
	}
	return a.DueOn + " " + a.Due
}
