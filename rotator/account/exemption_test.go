package account_test

import (
	"testing"
	"time"

	"pgrotator/rotator/account"
)

func TestIgnoredByPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"app", "app", true}, {"app", "App", false}, {"app", "apple", false}, {"app*", "apple", true}, {"*", "", true}, {"*", "x", true},
		{"*_ro", "app_ro", true}, {"*_ro", "app_ro_2", false}, {"a*c*e", "abcde", true}, {"a*c*e", "ace", true}, {"a*c*e", "aec", false},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"**", "x", true}, {"*ab", "aab", true}, {"[a]", "a", false}, {"?", "x", false},
	} {
		if got := account.Ignored([]string{"another", c.pattern}, c.name); got != c.want {
			t.Errorf("Ignored(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

// An exception protects up to the end of its last day, in UTC; of several entries the first that still protects counts.
func TestExceptionsEnd(t *testing.T) {
	t.Parallel()
	until := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	list := []account.Exception{{User: "batch_*", Until: until, Reason: "first"}, {User: "batch_1", Until: until.AddDate(0, 1, 0), Reason: "second"}, {User: "other"}}
	for _, c := range []struct {
		name string
		now  time.Time
		want string
		ok   bool
	}{
		{"batch_1", until.Add(-time.Hour), "first", true},
		{"batch_1", until.Add(24*time.Hour - time.Nanosecond), "first", true},
		{"batch_1", until.Add(24 * time.Hour), "second", true},
		{"batch_1", until.Add(24 * time.Hour).In(time.FixedZone("", -5*3600)), "second", true},
		{"batch_2", until.Add(24 * time.Hour), "", false},
		{"other", until.AddDate(10, 0, 0), "", true},
		{"nobody", until, "", false},
	} {
		if e, ok := account.Excepted(list, c.name, c.now); ok != c.ok || e.Reason != c.want {
			t.Errorf("%s at %v: %+v, %v", c.name, c.now, e, ok)
		}
	}
}
