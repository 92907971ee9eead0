package report

import (
	"fmt"
	"strings"
	"time"
)

// maxSubject is the longest subject line that SNS takes; it must be ASCII (SNS API Reference, Publish).
const maxSubject = 100

// Mail writes the notice of a sweep for people: a subject line of ASCII, at most 100 characters, and the text; "" twice where there is
// nothing to tell.
func Mail(r Report) (subject, body string) {
	parts := sections(r)
	if len(parts) == 0 {
		return "", ""
	}
	var summary []string
	var text strings.Builder
	for _, p := range parts {
		summary = append(summary, p.summary)
		fmt.Fprintf(&text, "%s\n", p.title)
		for _, line := range p.lines {
			fmt.Fprintf(&text, "  - %s\n", line)
		}
		fmt.Fprintf(&text, "\n")
	}
	fmt.Fprintf(&text, "Secret: %s\nSweep: %s to %s\n", r.SecretID, r.StartedAt.Format(time.RFC3339), r.FinishedAt.Format(time.RFC3339))
	if r.ReportURI != "" {
		fmt.Fprintf(&text, "Page: %s\n", r.ReportURI)
	}
	for _, line := range tagLines(r.Policy.Tags, true) {
		fmt.Fprintf(&text, "Policy, by the secret's tag %s\n", line)
	}
	return subjectLine(r, summary), text.String()
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

func sections(r Report) []section {
	would := "were "
	if r.DryRun {
		would = "would be "
	}
	var list []section
	add := func(summary, title string, lines []string) {
		if len(lines) > 0 {
			list = append(list, section{fmt.Sprintf("%d %s", len(lines), summary), title, lines})
		}
	}
	add("locked", "Roles that "+would+"locked (ALTER ROLE ... LOGIN lets one in again, and the next sweep takes note):", closedLines(r.Locked))
	add("dropped", "Roles that "+would+"dropped (user_login_action holds the statements that would make them again):", closedLines(r.Deleted))
	add("unlocked", "Roles that "+would+"unlocked:", closedLines(r.Unlocked))
	add("ready to delete", "Roles that are ready to be dropped, but for what stands in the way; these statements clear it away:", readyLines(r))
	add("failed", "Roles for which something is due that was not done:", failedLines(r.Failed))
	add("held back", "Roles held back. "+r.Held.Reason, r.Held.Users)
	add("spared", "Roles that were due, and are left alone, since the second reading of the log found them active:", sparedLines(r.Spared))
	add(gapsFound(len(r.Evidence.Gaps)), "Parts of the log that nobody can vouch for; that time counts against nobody:", gapLines(r.Evidence.Gaps))
	add("tags not as they stand", "Tags of the secret that the policy does not follow as they stand:", tagLines(r.Policy.Tags, false))
	add("files not written", "Files of REPORT_BUCKET that are not there:", r.Unwritten)
	if !r.Evidence.Complete {
		list = append(list, section{"evidence incomplete", "Nobody was locked or dropped, since who was active cannot be told for certain:", r.Evidence.Reasons})
	}
	return list
}

func closedLines(list []Closed) []string {
	var lines []string
	for _, c := range list {
		line := fmt.Sprintf("%s, idle for %d days, last active %s", c.User, c.IdleDays, c.LastActivity.Format(time.RFC3339))
		if c.Reason != "" {
			line = fmt.Sprintf("%s: %s", c.User, c.Reason)
		}
		if c.IAM {
			line += fmt.Sprintf("; it logs in by IAM: withdraw rds-db:connect on %s", c.Resource)
		}
		lines = append(lines, line)
	}
	return lines
}

// owned says where something depends on a role.
func owned(list []Owned) string {
	var places []string
	for _, o := range list {
		place := fmt.Sprintf("in database %q", o.Database)
		if o.Database == "" {
			place = "shared by all databases"
		}
		places = append(places, fmt.Sprintf("%d objects %s", o.Objects, place))
	}
	if len(places) == 0 {
		return "with members"
	}
	return strings.Join(places, ", ")
}

// readyLines are the roles that this run marked: those of earlier runs have been told.
func readyLines(r Report) []string {
	var lines []string
	for _, ready := range r.ReadyToDelete {
		for _, name := range r.NewlyReady {
			if name == ready.User {
				lines = append(lines, fmt.Sprintf("%s, idle for %d days, %s: the report has the script that clears the way, and why it may stay as it is", name, ready.IdleDays, owned(ready.Owns)))
			}
		}
	}
	return lines
}

func sparedLines(list []Spared) []string {
	var lines []string
	for _, s := range list {
		lines = append(lines, fmt.Sprintf("%s: %s at %s on instance %s", s.User, s.Kind, s.At.Format(time.RFC3339), s.Instance))
	}
	return lines
}

func gapsFound(n int) string {
	if n == 1 {
		return "gap in the log"
	}
	return "gaps in the log"
}

func gapLines(list []Gap) []string {
	var lines []string
	for _, g := range list {
		lines = append(lines, fmt.Sprintf("instance %s, %s to %s: %s", g.Instance, g.From.Format(time.RFC3339), g.To.Format(time.RFC3339), g.Cause))
	}
	return lines
}

func failedLines(list []Failed) []string {
	var lines []string
	for _, f := range list {
		lines = append(lines, fmt.Sprintf("%s: %s. %s", f.User, f.Error, f.Fix))
	}
	return lines
}
