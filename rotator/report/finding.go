package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Finding is something that is so until it is settled, as Security Hub is told of it. Its JSON is what the next run remembers of it.
type Finding struct {
	Kind  string    `json:"kind"`
	About []string  `json:"about"` // whom or what, by its names: see the kinds
	Since time.Time `json:"since"` // when a sweep first told of it

	Text     string `json:"-"` // what is so, and what to do
	Severity string `json:"-"` // one of Security Hub's labels
	Settled  bool   `json:"-"`
}

// The kinds of findings. They are part of a finding's Id, and must not change between versions.
const (
	inactiveAccount   = "inactive-account"       // about a role
	permission        = "iam-permission"         // about principal, policy, statement and resource
	accountPermission = "iam-permission-account" // about the same: it is so whichever database of the account is reviewed
	unknownActivity   = "evidence-incomplete"    // about nothing but the database
)

// namesOf is how many names each kind is about.
var namesOf = map[string]int{inactiveAccount: 1, permission: 4, accountPermission: 4, unknownActivity: 0}

// Security Hub's labels of severity.
const (
	informational = "INFORMATIONAL"
	low           = "LOW"
	medium        = "MEDIUM"
)

// maxFindings bounds what one sweep tells: a hundred go in a call, and Security Hub takes ten calls a second of an account.
const maxFindings = 1000

// Findings are what Security Hub is to be told: what is so now, and what was so before and is settled. What was told before and cannot be
// judged by this run stays as it is, and is in kept. Permissions are judged only where all of IAM was seen. left counts what there is
// no room for.
func (r Report) Findings(before []Finding, iamSeen bool) (tell, kept []Finding, left int) {
	found := r.found()
	now := map[string]bool{}
	for _, f := range found {
		now[f.key()] = true
	}
	since := map[string]time.Time{}
	var settled []Finding
	for _, f := range before {
		since[f.key()] = f.Since
		switch {
		case now[f.key()]:
		case f.judged(r.Evidence.Complete, iamSeen):
			f.Settled = true
			f.Text = "It is settled: the sweep does not find it any more."
			settled = append(settled, f)
		default:
			kept = append(kept, f)
		}
	}
	for n := range found {
		found[n].Since = r.StartedAt
		if earlier := since[found[n].key()]; !earlier.IsZero() {
			found[n].Since = earlier
		}
	}
	left = max(0, len(found)-maxFindings)
	return slices.Concat(found[:len(found)-left], settled), kept, left
}

// maxName bounds a name, in bytes: a statement's resource is the longest.
const maxName = 8192

// Remembered are the findings that an earlier run has noted, but for what none has: others may write where they are kept.
func Remembered(list []Finding, now time.Time) []Finding {
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(f Finding) bool {
		names, known := namesOf[f.Kind]
		odd := !known || len(f.About) != names || seen[f.key()] || f.Since.Year() < 2000 || f.Since.After(now) ||
			slices.ContainsFunc(f.About, func(name string) bool { return len(name) > maxName })
		seen[f.key()] = true
		return odd
	})
	return list[:min(len(list), 2*maxFindings)]
}

func (f Finding) key() string { return f.Kind + "\x00" + strings.Join(f.About, "\x00") }

// judged reports that a run would have found it if it were still so.
func (f Finding) judged(evidence, iam bool) bool {
	if f.Kind == permission || f.Kind == accountPermission {
		return iam
	}
	return evidence
}

// found is what this run finds, each once, the weightiest first.
func (r Report) found() []Finding {
	var list []Finding
	if !r.Evidence.Complete {
		list = append(list, Finding{Kind: unknownActivity, Severity: medium,
			Text: "Nobody was locked or dropped, since who was active cannot be told for certain: " + strings.Join(r.Evidence.Reasons, " ")})
	}
	list = slices.Concat(list, r.dueAccounts(), r.badPermissions(), r.laterAccounts())
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(f Finding) bool {
		again := seen[f.key()]
		seen[f.key()] = true
		return again
	})
}

func accountFinding(user, severity, text string) Finding {
	return Finding{Kind: inactiveAccount, About: []string{user}, Severity: severity, Text: text}
}

// dueAccounts are roles for which something is due that this run has not done.
func (r Report) dueAccounts() []Finding {
	var list []Finding
	for _, f := range r.Failed {
		list = append(list, accountFinding(f.User, medium, fmt.Sprintf("What is due for the role was not done: %s. %s", f.Error, f.Fix)))
	}
	for _, user := range r.Held.Users {
		list = append(list, accountFinding(user, medium, "The role is due to be locked or dropped, and was held back. "+r.Held.Reason))
	}
	if !r.DryRun {
		return list
	}
	for _, c := range slices.Concat(r.Locked, r.Deleted) {
		list = append(list, accountFinding(c.User, medium, fmt.Sprintf("Nobody has used the role for %s: it is due to be locked or dropped, and is not, since the sweep only reports.", count(c.IdleDays, "day"))))
	}
	return list
}

// laterAccounts are roles that wait: for somebody to clear the way, or for their day.
func (r Report) laterAccounts() []Finding {
	var list []Finding
	for _, ready := range r.ReadyToDelete {
		list = append(list, accountFinding(ready.User, low, fmt.Sprintf("Nobody has used the role for %s: it is due to be dropped, with something in the way, %s. The report has the script that clears it, and why it may stay as it is.",
			count(ready.IdleDays, "day"), owned(ready.Owns))))
	}
	for _, u := range r.Upcoming {
		list = append(list, accountFinding(u.User, informational, fmt.Sprintf("Nobody has used the role for %s: it is locked in %s, unless somebody logs in as it.",
			count(u.IdleDays, "day"), count(u.LockInDays, "day"))))
	}
	return list
}

// badPermissions are the statements of IAM that a review finds fault with.
func (r Report) badPermissions() []Finding {
	if r.IAM == nil {
		return nil
	}
	var list []Finding
	for _, p := range r.IAM.Broad {
		list = append(list, p.finding(medium))
	}
	for _, p := range r.IAM.Orphans {
		list = append(list, p.finding(low))
	}
	return list
}

func (p Permit) finding(severity string) Finding {
	f := Finding{Kind: permission, About: []string{p.Principal, p.Policy, p.Statement, p.Resource}, Severity: severity,
		Text: fmt.Sprintf("%s of %s allows rds-db:connect on %s: %s.", p.Statement, p.Policy, p.Resource, p.Why)}
	if p.Everywhere {
		f.Kind = accountPermission
	}
	return f
}
