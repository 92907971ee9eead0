package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Told is what notices have told of one database, so that each tells only what is new.
type Told struct {
	Items   []string  `json:"told"`    // marks of what still holds and has been told, sorted
	Summary time.Time `json:"summary"` // when the last weekly summary was sent, or the first notice could have been
}

// summaryEvery is a week, less half a day: a schedule may run a little earlier than a week ago.
const summaryEvery = 7*24*time.Hour - 12*time.Hour

// summaryDue reports that a week has passed. A time that is to come is none that a sweep has written.
func (t Told) summaryDue(now time.Time) bool {
	return !t.Summary.IsZero() && now.Sub(t.Summary) >= summaryEvery
}

// part is one kind of thing that a notice tells.
type part struct {
	name  string // of the kind; it must not change between versions
	title string
	items []item
	done  bool // by this run: always new
}

// incomplete and gaps are the kinds whose summary is not their number and name.
const (
	incomplete = "evidence incomplete"
	gaps       = "gaps in the log"
)

// item is a line, and what it is about: the same thing is told once.
type item struct{ about, line string }

func (p part) summary() string {
	switch {
	case p.name == incomplete:
		return incomplete
	case p.name == gaps && len(p.items) == 1:
		return "1 gap in the log"
	}
	return fmt.Sprintf("%d %s", len(p.items), p.name)
}

// mark is a short text that stands for an item.
func (p part) mark(i item) string {
	sum := sha256.Sum256([]byte(p.name + "\x00" + i.about))
	return hex.EncodeToString(sum[:8])
}

// with is what has been told once all parts are.
func (t Told) with(parts []part, now time.Time) Told {
	after := Told{Items: []string{}, Summary: t.Summary}
	if t.Summary.IsZero() || t.Summary.After(now) {
		after.Summary = now
	}
	for _, p := range parts {
		for _, i := range p.items {
			if !p.done {
				after.Items = append(after.Items, p.mark(i))
			}
		}
	}
	slices.Sort(after.Items)
	after.Items = slices.Compact(after.Items)
	return after
}

// news is what has not been told.
func (t Told) news(parts []part) []part { return t.filter(parts, false) }

// standing is what has been told, and still holds.
func (t Told) standing(parts []part) []part { return t.filter(parts, true) }

func (t Told) filter(parts []part, told bool) []part {
	known := map[string]bool{}
	for _, mark := range t.Items {
		known[mark] = true
	}
	var list []part
	for _, p := range parts {
		all := p.items
		p.items = nil
		for _, i := range all {
			if (!p.done && known[p.mark(i)]) == told {
				p.items = append(p.items, i)
			}
		}
		if len(p.items) > 0 {
			list = append(list, p)
		}
	}
	return list
}

// parts are what a sweep has to tell. What it did is told whatever has been told before; what holds is told once, as long as it holds.
func (r Report) parts() []part {
	were, will := "were ", "will be "
	if r.DryRun {
		were, will = "would be ", "would be "
	}
	list := []part{
		{"locked", "Roles that " + were + "locked (ALTER ROLE ... LOGIN lets one in again, and the next sweep takes note):", closedItems(r.Locked), !r.DryRun},
		{"dropped", "Roles that " + were + "dropped (user_login_action holds the statements that would make them again):", closedItems(r.Deleted), !r.DryRun},
		{"unlocked", "Roles that " + were + "unlocked:", closedItems(r.Unlocked), !r.DryRun},
		{"ready to delete", "Roles that are ready to be dropped, but for what stands in the way; these statements clear it away:", readyItems(r), !r.DryRun},
		{"to be locked soon", "Roles that " + will + "locked if they stay idle (told at 14 days, 7 and 1):", upcomingItems(r.Upcoming), false},
		{"failed", "Roles for which something is due that was not done:", failedItems(r.Failed), false},
		{"held back", "Roles held back. " + r.Held.Reason, heldItems(r.Held), false},
		{"spared", "Roles that were due, and are left alone, since the second reading of the log found them active:", sparedItems(r.Spared), false},
		{gaps, "Parts of the log that nobody can vouch for; that time counts against nobody:", gapItems(r.Evidence.Gaps), false},
		{"exceptions ending", "Exceptions in IGNORE_USER_LIST that end soon, or have ended:", exceptionItems(r.Exceptions), false},
		{"tags not as they stand", "Tags of the secret that the policy does not follow as they stand:", texts(tagLines(r.Policy.Tags, false)), false},
		{"IAM permissions", "Permissions to log in by IAM that are for nobody, or for too many:", permitItems(r.IAM), false},
		{"files not written", "Files of REPORT_BUCKET that are not there:", unwrittenItems(r.Unwritten), false},
		{"findings not imported", "Findings that Security Hub has not taken:", texts(r.NotImported), false},
	}
	if !r.Evidence.Complete {
		list = append(list, part{incomplete, "Nobody was locked or dropped, since who was active cannot be told for certain:", texts(r.Evidence.Reasons), false})
	}
	return slices.DeleteFunc(list, func(p part) bool { return len(p.items) == 0 })
}

// number is a word that is a count, a time or a length of time; requestID is how AWS's errors name one call among all.
var (
	number    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\W*\d[\d:.,TZhmsµ+/-]*\W*$`) })
	requestID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(RequestID|HostID): [^\s,]*`) })
)

// withoutNumbers is a text but for its counts, times and ids of calls, by which it differs from one run to the next.
func withoutNumbers(text string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(requestID().ReplaceAllString(text, "")), number().MatchString), " ")
}
