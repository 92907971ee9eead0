package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxSubject is the longest subject line that SNS takes; it must be ASCII (SNS API Reference, Publish).
const maxSubject = 100

// maxText bounds a notice, in bytes, below the 256 KB that SNS takes.
const maxText = 200_000

// Mail writes the notice of a sweep for people: a subject line of ASCII, at most 100 characters, and the text; "" twice where there is
// nothing to tell that has not been told before, and no weekly summary is due. after is what has been told once it is sent.
func (r Report) Mail(before Told, now time.Time) (subject, body string, after Told) {
	parts := r.parts()
	after = before.with(parts, now)
	weekly := before.summaryDue(now)
	if weekly {
		after.Summary = now
	}
	news := before.news(parts)
	if len(news) == 0 && !weekly {
		return "", "", after
	}
	var summary []string
	text := boundedText{left: maxText}
	for _, p := range news {
		summary = append(summary, p.summary())
		text.section(p.title, p.items)
	}
	if weekly {
		summary = append(summary, "weekly summary")
		r.writeSummary(&text, before, parts)
	}
	text.add(iamLine(r.IAM))
	text.add(fmt.Sprintf("Secret: %s\nSweep: %s to %s\n", r.SecretID, r.StartedAt.Format(time.RFC3339), r.FinishedAt.Format(time.RFC3339)))
	if r.ReportURI != "" {
		text.add(fmt.Sprintf("Page: %s\n", r.ReportURI))
	}
	for _, line := range tagLines(r.Policy.Tags, true) {
		text.add(fmt.Sprintf("Policy, by the secret's tag %s\n", line))
	}
	return subjectLine(r, summary), text.String(), after
}

// writeSummary tells how the database stands, and what has been told before and still holds.
func (r Report) writeSummary(text *boundedText, before Told, parts []part) {
	c := r.Counts
	text.add(fmt.Sprintf("How it stands this week\n  - %d accounts looked after: %d active, %d locked, %d ready to be dropped; %d left alone by exceptions, %d for what they are\n"+
		"  - locked after %s, dropped after %s; mode %s, by the %s\n",
		c.Tracked, c.Active, c.Locked, c.ReadyToDelete, c.Ignored, len(r.NotManaged), daysText(r.Policy.LockDays), daysText(r.Policy.DeleteDays), r.Policy.Mode, r.Policy.Source))
	if r.Evidence.From != nil && r.Evidence.To != nil {
		text.add(fmt.Sprintf("  - evidence from %s to %s\n", r.Evidence.From.Format(time.RFC3339), r.Evidence.To.Format(time.RFC3339)))
	}
	text.add("\n")
	for _, p := range before.standing(parts) {
		text.section("Still so. "+p.title, p.items)
	}
}

// boundedText is a notice as it is written. What it has no room for it counts.
type boundedText struct {
	strings.Builder
	left int
}

func (t *boundedText) add(text string) {
	t.left -= len(text)
	t.WriteString(text)
}

func (t *boundedText) section(title string, items []item) {
	t.add(title + "\n")
	for n, i := range items {
		if line := "  - " + i.line + "\n"; len(line) <= t.left {
			t.add(line)
			continue
		}
		t.add(fmt.Sprintf("  - and %d more: the report has them all\n", len(items)-n))
		break
	}
	t.add("\n")
}

// subjectLine names the cluster and what happened. An identifier is ASCII; a secret's name that stands in for it is too.
func subjectLine(r Report, summary []string) string {
	name := r.Cluster
	if name == "" {
		name = r.SecretID[strings.LastIndex(r.SecretID, ":")+1:]
	}
	prefix := ""
	if r.DryRun {
		prefix = "report only: "
	}
	return asciiSubject(fmt.Sprintf("%s: %s%s", name, prefix, strings.Join(summary, ", ")))
}

// asciiSubject is a text as SNS takes it for a subject.
func asciiSubject(line string) string {
	line = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, line)
	return line[:min(len(line), maxSubject)]
}

// section is one thing that happened.
type section struct {
	summary string
	title   string
	lines   []string
}

func closedItems(list []Closed) []item {
	var items []item
	for _, c := range list {
		line := fmt.Sprintf("%s, idle for %d days, last active %s", Plain(c.User), c.IdleDays, c.LastActivity.Format(time.RFC3339))
		if c.Unseen {
			line = fmt.Sprintf("%s, idle for %d days, never seen active since it was first seen %s", Plain(c.User), c.IdleDays, c.LastActivity.Format(time.RFC3339))
		}
		if c.Reason != "" {
			line = fmt.Sprintf("%s: %s", Plain(c.User), c.Reason)
		}
		if c.IAM {
			line += "; it logs in by IAM: " + c.Withdrawal()
		}
		items = append(items, item{c.User, line})
	}
	return items
}

// Withdrawal says what of IAM to take back of a role that is closed, or to be.
func (i IAMLogin) Withdrawal() string {
	if len(i.Withdraw) == 0 {
		return "withdraw rds-db:connect on " + i.Resource
	}
	var parts []string
	for _, p := range i.Withdraw {
		parts = append(parts, fmt.Sprintf("take back %s of %s (%q): %s", p.Statement, p.Policy, p.Resource, p.Why))
	}
	return strings.Join(parts, "; ")
}

// iamLine sums up who may log in by IAM; "" = nothing to say.
func iamLine(r *IAM) string {
	switch {
	case r == nil:
		return ""
	case !r.Complete:
		return "Logins by IAM: " + strings.Join(r.Notes, " ") + "\n\n"
	case len(r.Orphans)+len(r.Unreachable)+len(r.Broad) == 0:
		return ""
	}
	return fmt.Sprintf("Logins by IAM: %d permissions for users or databases that do not exist, %d members of rds_iam whom no policy admits, "+
		"%d permissions for every user or every database; the report names them.\n\n", len(r.Orphans), len(r.Unreachable), len(r.Broad))
}

// owned says where something depends on a role.
func owned(list []Owned) string {
	var places []string
	for _, o := range list {
		place := fmt.Sprintf("in database %q", o.Database)
		if o.Database == "" {
			place = "shared by all databases"
		}
		places = append(places, fmt.Sprintf("%s %s", count(o.Objects, "object"), place))
	}
	if len(places) == 0 {
		return "with members"
	}
	return strings.Join(places, ", ")
}

// readyItems are the roles that this run marked: those of earlier runs have been told.
func readyItems(r Report) []item {
	var items []item
	for _, ready := range r.ReadyToDelete {
		if slices.Contains(r.NewlyReady, ready.User) {
			items = append(items, item{ready.User, fmt.Sprintf("%s, idle for %d days, %s: the report has the script that clears the way, and why it may stay as it is",
				Plain(ready.User), ready.IdleDays, owned(ready.Owns))})
		}
	}
	return items
}

func upcomingItems(list []Upcoming) []item {
	var items []item
	for _, u := range list {
		items = append(items, item{fmt.Sprintf("%s\x00%d", u.User, warning(u.LockInDays)), fmt.Sprintf("%s, idle for %s: in %s", Plain(u.User), count(u.IdleDays, "day"), count(u.LockInDays, "day"))})
	}
	return items
}

// warning is which of the three warnings of a lock it is time for: at 14 days, 7 and 1.
func warning(days int) int {
	switch {
	case days <= 1:
		return 1
	case days <= 7:
		return 7
	}
	return 14
}

func heldItems(h Held) []item {
	var items []item
	for _, user := range h.Users {
		items = append(items, item{user, Plain(user)})
	}
	return items
}

func sparedItems(list []Spared) []item {
	var items []item
	for _, s := range list {
		at := s.At.Format(time.RFC3339)
		items = append(items, item{s.User + "\x00" + at, fmt.Sprintf("%s: %s at %s on instance %s", Plain(s.User), s.Kind, at, s.Instance)})
	}
	return items
}

func gapItems(list []Gap) []item {
	var items []item
	for _, g := range list {
		from := g.From.Format(time.RFC3339)
		items = append(items, item{g.Instance + "\x00" + from, fmt.Sprintf("instance %s, %s to %s: %s", g.Instance, from, g.To.Format(time.RFC3339), g.Cause)})
	}
	return items
}

func failedItems(list []Failed) []item {
	var items []item
	for _, f := range list {
		items = append(items, item{f.User + "\x00" + withoutNumbers(f.Error), fmt.Sprintf("%s: %s. %s", Plain(f.User), f.Error, f.Fix)})
	}
	return items
}

// exceptionItems are the exceptions that end soon, or have ended.
func exceptionItems(list []Exception) []item {
	var items []item
	for _, e := range list {
		switch {
		case e.Expired:
			items = append(items, item{e.User + "\x00expired\x00" + e.Until, fmt.Sprintf("%s: it held until %s, and protects nobody now", Plain(e.User), e.Until)})
		case e.Ends:
			items = append(items, item{e.User + "\x00" + e.Until, fmt.Sprintf("%s: it holds until %s, and protects nobody after that day", Plain(e.User), e.Until)})
		}
	}
	return items
}

// permitItems are the permissions of IAM that a review finds fault with.
func permitItems(r *IAM) []item {
	if r == nil {
		return nil
	}
	var items []item
	for _, p := range slices.Concat(r.Orphans, r.Broad) {
		line := fmt.Sprintf("%s, %s of %s on %s: %s", p.Principal, p.Statement, p.Policy, p.Resource, p.Why)
		items = append(items, item{line, line})
	}
	return items
}

// texts are lines that are told again where more than numbers and times of them has changed.
func texts(lines []string) []item {
	var items []item
	for _, line := range lines {
		items = append(items, item{withoutNumbers(line), line})
	}
	return items
}

// unwrittenItems are files that are not there, told once by their names, with which each line begins.
func unwrittenItems(lines []string) []item {
	var items []item
	for _, line := range lines {
		name, _, _ := strings.Cut(line, " ")
		items = append(items, item{name, line})
	}
	return items
}
