package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgrotator/rotator/report"
	"pgrotator/rotator/terminal"
)

// Well is whether everybody was judged, all that was due was done, and what tells of it was delivered.
func (s swept) Well() bool { return s.Brief().OK && len(s.Undelivered()) == 0 }

// Show writes what the sweep knows, and then whom it did something to, or would.
func (s swept) Show(p *terminal.Page) {
	s.summary(p)
	for _, reason := range s.Evidence.Reasons {
		p.Hang(terminal.Yellow, "    ? ", reason)
	}
	for _, note := range s.Evidence.Notes {
		p.Hang(terminal.Dim, "    - ", note)
	}
	s.closed(p, "Locked", "Would be locked", s.Locked)
	s.closed(p, "Dropped", "Would be dropped", s.Deleted)
	s.closed(p, "Let in again", "Would count as let in again", s.Unlocked)
	s.undecided(p)
	s.ready(p)
	s.left(p)
	if s.IAM != nil {
		iam(p, *s.IAM)
	}
	s.undelivered(p)
}

// undelivered is what REPORT_BUCKET and Security Hub lack of this sweep.
func (s swept) undelivered(p *terminal.Page) {
	for n, line := range s.Undelivered() {
		if n == 0 {
			p.Title("Not delivered")
		}
		p.Hang(terminal.Red, "  ", line)
	}
}

func (s swept) summary(p *terminal.Page) {
	mode, evidence := "acts", terminal.Row{Ink: terminal.Green, Cells: []string{"evidence", "complete" + span(s.Evidence.From, s.Evidence.To)}}
	if s.DryRun {
		mode = "changes no role"
	}
	if !s.Evidence.Complete {
		evidence = terminal.Row{Ink: terminal.Red, Cells: []string{"evidence", "INCOMPLETE" + span(s.Evidence.From, s.Evidence.To) + ": nobody is judged"}}
	}
	c := s.Counts
	p.Table(nil, []terminal.Row{
		{Cells: []string{"policy", fmt.Sprintf("%s, %s, by %s; this run %s", interval("lock", s.Policy.LockDays), interval("drop", s.Policy.DeleteDays), s.Policy.Source, mode)}},
		evidence,
		{Cells: []string{"roles", fmt.Sprintf("%d looked after: %d active, %d locked, %d to be dropped; %d ignored", c.Tracked, c.Active, c.Locked, c.ReadyToDelete, c.Ignored)}},
	})
}

// interval is what a policy does after so many days; null = never.
func interval(act string, days *int) string {
	if days == nil {
		return "never " + act
	}
	return fmt.Sprintf("%s after %d days", act, *days)
}

func span(from, to *time.Time) string {
	if from == nil || to == nil {
		return ""
	}
	return ", from " + minute(*from) + " to " + minute(*to) + " UTC"
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// closed are roles to which something was done, or in a dry run would be.
func (s swept) closed(p *terminal.Page, done, would string, roles []report.Closed) {
	title := done
	if s.DryRun {
		title = would
	}
	var rows []terminal.Row
	for _, r := range roles {
		rows = append(rows, terminal.Row{Ink: terminal.Bold, Cells: []string{r.User, minute(r.LastActivity), fmt.Sprint(r.IdleDays), r.Reason}, Note: withdraw(r.IAMLogin)})
	}
	section(p, title, []string{"USER", "LAST ACTIVITY", "IDLE DAYS", ""}, rows)
}

// withdraw is what is left to do about a role that logs in by IAM token; "" = it does not.
func withdraw(l report.IAMLogin) string {
	if !l.IAM {
		return ""
	}
	return "it logs in by IAM: withdraw rds-db:connect on " + l.Resource
}

// undecided are roles that are due, or soon will be.
func (s swept) undecided(p *terminal.Page) {
	var spared, upcoming, held []terminal.Row
	for _, r := range s.Spared {
		spared = append(spared, terminal.Row{Ink: terminal.Bold, Cells: []string{r.User, minute(r.At), r.Instance, r.Kind}})
	}
	for _, r := range s.Upcoming {
		upcoming = append(upcoming, terminal.Row{Ink: terminal.Bold, Cells: []string{r.User, fmt.Sprint(r.IdleDays), fmt.Sprint(r.LockInDays)}})
	}
	for _, user := range s.Held.Users {
		held = append(held, terminal.Row{Ink: terminal.Bold, Cells: []string{user}})
	}
	section(p, "Due, but for an entry of the log", []string{"USER", "AT", "INSTANCE", "ENTRY"}, spared)
	section(p, "Due within 14 days", []string{"USER", "IDLE DAYS", "DAYS LEFT"}, upcoming)
	section(p, "Held back", nil, held)
	if s.Held.Reason != "" {
		p.Hang(terminal.Yellow, "    ? ", s.Held.Reason)
	}
}

// ready are roles to be dropped, each with the script that clears its way.
func (s swept) ready(p *terminal.Page) {
	for n, r := range s.ReadyToDelete {
		if n == 0 {
			p.Title("To be dropped, with something in the way")
		}
		var owns []string
		for _, o := range r.Owns {
			owns = append(owns, place(o))
		}
		p.Hang(terminal.Bold, "  ", fmt.Sprintf("%s, idle for %d days: %s. For psql, as the master user:", r.User, r.IdleDays, strings.Join(owns, ", ")))
		p.Paste(strings.Join(r.Statements, "\n"))
	}
}

func place(o report.Owned) string {
	if o.Database == "" {
		return fmt.Sprintf("%d objects shared by the cluster", o.Objects)
	}
	return fmt.Sprintf("%d objects in database %s", o.Objects, o.Database)
}

// left are roles that were not changed for a reason of their own.
func (s swept) left(p *terminal.Page) {
	var failed, notManaged []terminal.Row
	for _, r := range s.Failed {
		failed = append(failed, terminal.Row{Ink: terminal.Red, Cells: []string{r.User, r.Error}, Note: r.Fix})
	}
	for _, r := range s.NotManaged {
		notManaged = append(notManaged, terminal.Row{Cells: []string{r.User, r.Reason}})
	}
	section(p, "Due, and not done", []string{"USER", "WHY"}, failed)
	section(p, "Left alone", []string{"USER", "WHY"}, notManaged)
}

// section is a table with a title, where it has rows.
func section(p *terminal.Page, title string, head []string, rows []terminal.Row) {
	if len(rows) > 0 {
		p.Title(title)
		p.Table(head, rows)
	}
}

// iam is who may log in by IAM token, and whose permission is at fault.
func iam(p *terminal.Page, review report.IAM) {
	var access, faults []terminal.Row
	for _, a := range review.Access {
		for _, who := range a.Principals {
			access = append(access, terminal.Row{Ink: terminal.Bold, Cells: []string{a.User, who.ARN, strings.Join(append([]string{who.Policy, who.Statement}, who.Conditions...), ", ")}})
		}
	}
	for _, user := range review.Unreachable {
		faults = append(faults, terminal.Row{Cells: []string{user, "is a member of rds_iam, and no policy admits it"}})
	}
	for _, permit := range append(slices.Clone(review.Orphans), review.Broad...) {
		faults = append(faults, terminal.Row{Cells: []string{permit.Principal, fmt.Sprintf("%s, %s, on %s: %s", permit.Policy, permit.Statement, permit.Resource, permit.Why)}})
	}
	section(p, "Log in by IAM token", []string{"USER", "AS", "BY"}, access)
	section(p, "Permissions to look at", nil, faults)
}
