package account

import (
	"strings"
	"time"
)

// Exception is an entry of IGNORE_USER_LIST: whom the sweep leaves alone because the operator says so.
type Exception struct {
	User   string    // a name, or a pattern in which * stands for any text
	Reason string    // why, for an auditor; "" = not said
	Until  time.Time // the last day, in UTC, on which it protects; zero = for good
	By     string    // who allowed it; "" = not said
}

// Expired reports that the entry protects nobody any more: from the day after Until.
func (e Exception) Expired(now time.Time) bool {
	return !e.Until.IsZero() && !now.Before(e.Until.AddDate(0, 0, 1))
}

// Covers reports that the entry is of a role, expired or not.
func (e Exception) Covers(name string) bool { return matches(e.User, name) }

// Excepted finds the first entry that protects a role now.
func Excepted(list []Exception, name string, now time.Time) (Exception, bool) {
	for _, e := range list {
		if e.Covers(name) && !e.Expired(now) {
			return e, true
		}
	}
	return Exception{}, false
}

// Ignored holds a name against names and patterns that hold for good.
func Ignored(list []string, name string) bool {
	for _, pattern := range list {
		if matches(pattern, name) {
			return true
		}
	}
	return false
}

// matches holds a name against a pattern: what stands between two stars is looked for as early as possible.
func matches(pattern, name string) bool {
	first, rest, starred := strings.Cut(pattern, "*")
	if !starred {
		return name == pattern
	}
	name, ok := strings.CutPrefix(name, first)
	for ok {
		next, more, another := strings.Cut(rest, "*")
		if !another {
			return strings.HasSuffix(name, next)
		}
		_, name, ok = strings.Cut(name, next)
		rest = more
	}
	return false
}
