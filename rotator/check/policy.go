package check

import (
	"fmt"
	"strings"

	"pgrotator/rotator/sweep/policy"
)

// terms is the sweep's policy for the database, with the secret's tags that speak of it.
func (c *Check) terms(s subject) (policy.Terms, []policy.Tag) {
	return policy.Terms{LockDays: c.options.LockDays, DeleteDays: c.options.DeleteDays}.Gentler(s.description.Tags)
}

// policy tells of the secret's tags that make the policy gentler, and of those that do not. Without tags there is nothing to tell.
func (c *Check) policy(l *list, s subject) {
	_, tags := c.terms(s)
	var followed, not []string
	unreadable := false
	for _, tag := range tags {
		line := fmt.Sprintf("%s = %q", tag.Key, tag.Value)
		if tag.Why == "" {
			followed = append(followed, line)
			continue
		}
		not = append(not, line+": "+tag.Why)
		unreadable = unreadable || tag.Unreadable
	}
	detail := strings.Join(append(followed, not...), "; ")
	const fix = "Correct the secret's tag, or take it away."
	switch {
	case unreadable:
		l.fail("policy", detail, fix)
	case len(not) > 0:
		l.advise("policy", detail, fix)
	case len(followed) > 0:
		l.pass("policy", "by the secret's tags: "+detail)
	}
}
