package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The bounds of the fleet's mail, with which its parts stay within the 256 KB of SNS: the page and each database's own report have all.
const (
	maxLines = 30  // of a part
	maxLine  = 500 // bytes of a line
	maxNames = 20  // of roles, in a line
)

// Mail writes the notice of a fleet's sweeps, worst first, within SNS's bounds: as the notice of one sweep is written, "" twice where
// there is nothing to tell.
func (d Digest) Mail() (subject, body string) {
	parts := d.sections()
	if len(parts) == 0 {
		return "", ""
	}
	var summary []string
	var text strings.Builder
	for _, p := range parts {
		summary = append(summary, p.summary)
		fmt.Fprintf(&text, "%s\n", p.title)
		for _, line := range p.lines[:min(len(p.lines), maxLines)] {
			fmt.Fprintf(&text, "  - %s\n", shorten(line))
		}
		if more := len(p.lines) - maxLines; more > 0 {
			fmt.Fprintf(&text, "  - and %d more\n", more)
		}
		fmt.Fprintf(&text, "\n")
	}
	fmt.Fprintf(&text, "Databases: %d, of which nothing was to be done in %d\nDigest: %s\n", len(d.Databases), d.Count(Quiet), d.At.Format(time.RFC3339))
	if d.ReportURI != "" {
		fmt.Fprintf(&text, "Page: %s\n", d.ReportURI)
	}
	return asciiSubject(fmt.Sprintf("Fleet of %d databases: %s", len(d.Databases), strings.Join(summary, ", "))), text.String()
}

func (d Digest) sections() []section {
	var list []section
	add := func(summary, title string, lines []string) {
		if len(lines) > 0 {
			list = append(list, section{fmt.Sprintf("%d %s", len(lines), summary), title, lines})
		}
	}
	if len(d.Databases)+len(d.Overdue)+len(d.Faults) == 0 {
		list = append(list, section{"no database", "No secret of the fleet has its database swept: the tag pgrotator says which belong to it.", nil})
	}
	add("not told", "What cannot be told:", faultLines(d.Faults))
	add("failed", "Databases whose sweep failed:", d.lines(SweepFailed, Database.errors))
	add("not swept", "Databases that were not swept:", d.lines(NotRun, Database.errors))
	add("of incomplete evidence", "Databases where nobody was locked or dropped, since who was active cannot be told for certain:",
		d.lines(Incomplete, Database.reasons))
	add("overdue", "Secrets whose rotation has stopped:", overdueLines(d.Overdue))
	for _, kind := range didKinds {
		add(kind.summary, kind.title, d.did(kind.of))
	}
	add("with files or findings undelivered", "Databases whose files or findings could not be delivered:", d.undelivered())
	add("with tags", "Databases whose secret's tags speak of the policy:", d.tagged())
	return list
}

// didKinds are what a sweep may have done to people, in the order in which it is told.
var didKinds = []struct {
	summary, title string
	of             func(Did) []string
}{
	{"undone", "Roles for which something is due that was not done:", func(d Did) []string { return d.Failed }},
	{"held back", "Roles held back by MAX_CHANGES_PER_RUN:", func(d Did) []string { return d.Held }},
	{"with drops", "Roles that were dropped:", func(d Did) []string { return d.Deleted }},
	{"with locks", "Roles that were locked:", func(d Did) []string { return d.Locked }},
	{"with unlocks", "Roles that were unlocked:", func(d Did) []string { return d.Unlocked }},
	{"with roles ready", "Roles that are ready to be dropped, but for what stands in the way:", func(d Did) []string { return d.Ready }},
	{"with roles spared", "Roles that were due, and are left alone, since the second reading of the log found them active:", func(d Did) []string { return d.Spared }},
}

// lines are the databases in a state, each with why.
func (d Digest) lines(state State, why func(Database) []string) []string {
	var lines []string
	for _, b := range d.Databases {
		if b.State == state {
			lines = append(lines, strings.TrimSuffix(b.heading()+": "+Plain(strings.Join(why(b), " ")), ": "))
		}
	}
	return lines
}

func (b Database) errors() []string  { return []string{b.Error} }
func (b Database) reasons() []string { return b.Reasons }

// did are the databases in which something was done to somebody, each with their names.
func (d Digest) did(of func(Did) []string) []string {
	var lines []string
	for _, b := range d.Databases {
		if names := of(b.Did); len(names) > 0 {
			lines = append(lines, b.heading()+": "+enumerate(names))
		}
	}
	return lines
}

func (d Digest) undelivered() []string {
	var lines []string
	for _, b := range d.Databases {
		if len(b.Undelivered) > 0 {
			lines = append(lines, b.heading()+": "+Plain(strings.Join(b.Undelivered, " ")))
		}
	}
	return lines
}

func (d Digest) tagged() []string {
	var lines []string
	for _, b := range d.Databases {
		if b.Policy == nil || len(b.Policy.Tags) == 0 {
			continue
		}
		var tags []string
		for _, tag := range b.Policy.Tags {
			tags = append(tags, tag.Line())
		}
		lines = append(lines, b.heading()+": "+enumerate(tags))
	}
	return lines
}

// heading is the database's name, and that its sweep only reports.
func (b Database) heading() string {
	if b.DryRun {
		return Plain(b.Name()) + " (report only)"
	}
	return Plain(b.Name())
}

func enumerate(names []string) string {
	var plain []string
	for _, name := range names[:min(len(names), maxNames)] {
		plain = append(plain, Plain(name))
	}
	text := strings.Join(plain, ", ")
	if more := len(names) - maxNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func overdueLines(list []Overdue) []string {
	var lines []string
	for _, o := range list {
		lines = append(lines, fmt.Sprintf("%s: %s; since %s", Plain(SecretName(o.SecretID)), o.Why, o.Since.Format(time.DateOnly)))
	}
	return lines
}

func faultLines(list []Fault) []string {
	var lines []string
	for _, f := range list {
		lines = append(lines, fmt.Sprintf("%s: %s", Plain(f.Subject), Plain(f.Error)))
	}
	return lines
}

// Plain is a text as a line can hold it: quoted where it has what no line shows.
func Plain(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}

func shorten(line string) string {
	line = strings.ToValidUTF8(line, "?")
	if len(line) <= maxLine {
		return line
	}
	return strings.ToValidUTF8(line[:maxLine], "") + " ..."
}
