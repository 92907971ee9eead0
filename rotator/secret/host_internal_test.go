package secret

import (
	"strings"
	"testing"
)

// What DNS can hold, at its bounds.
func TestHostNames(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", longestLabel)
	longest := strings.Repeat("abcdefghi.", 25) + "abc"
	for name, is := range map[string]bool{
		"db": true, "db.": true, "DB-1.shop.internal": true, "_pg._tcp.shop": true, "1": true, label: true, label + ".shop": true, longest: true,
		"": false, ".": false, "db..": false, ".db": false, "a..b": false, "-db": false, "db-": false, "a.-b": false, "a-.b": false,
		label + "a": false, "shop." + label + "a": false, longest + "d": false, longest + ".": false, "db 1": false, "d\u00e4b": false, "db\n": false, "a:b": false,
	} {
		if isHostName(name) != is {
			t.Errorf("%q: told %v", name, !is)
		}
	}
}
