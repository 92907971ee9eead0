package account_test

import (
	"testing"

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
