package loginlog_test

import (
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/loginlog"
)

// Whatever the event: no panic; no name that is not in the catalogue; and a login's message ends, after the names of
// its own prefix, as PostgreSQL ends it.
func FuzzParse(f *testing.F) {
	for _, c := range readCases(f) {
		for _, event := range append(wholeEntries(c.Raw), everyLine(c.Raw)...) {
			f.Add(event)
		}
	}
	allRoles := append(slices.Clone(roles), otherRoles...)
	allDatabases := append(slices.Clone(databases), otherDatabases...)
	p := loginlog.New(allRoles, allDatabases)
	f.Fuzz(func(t *testing.T, message string) {
		event, kind := p.Parse(message)
		if kind == loginlog.Bystander || kind == loginlog.Tampering {
			if event != (loginlog.Event{}) {
				t.Fatalf("%v with %+v", kind, event)
			}
			return
		}
		if !slices.Contains(allRoles, event.User) {
			t.Fatalf("%v of %q, no role", kind, event.User)
		}
		if event.Database != "" && !slices.Contains(allDatabases, event.Database) {
			t.Fatalf("%v in %q, no database", kind, event.Database)
		}
		if kind == loginlog.Login {
			requireTail(t, strings.TrimSuffix(message, "\n"), event)
		}
	})
}

func requireTail(t *testing.T, entry string, event loginlog.Event) {
	t.Helper()
	inMessage := func(name string) string { return strings.ReplaceAll(name, "\n", "\n\t") }
	before, named := "LOG:  connection authorized: user=", inMessage(event.User)+" database="+inMessage(event.Database)
	if event.Replication {
		before, named = "LOG:  replication connection authorized: user=", inMessage(event.User)
	}
	database := event.Database
	if database == "" {
		database = "[unknown]"
	}
	at := strings.Index(entry, event.Session.Host)
	if at < 0 || !strings.Contains(entry[at:], event.User+"@"+database+":[") {
		t.Fatalf("login of %q in %q, whom the prefix does not name: %q", event.User, database, entry)
	}
	for rest := entry; ; {
		_, after, found := strings.Cut(rest, before)
		if !found {
			t.Fatalf("login of %q in %q without its message and tail: %q", event.User, database, entry)
		}
		tail, ok := strings.CutPrefix(after, named)
		if ok && (tail == "" || strings.HasPrefix(tail, " application_name=") && !strings.ContainsAny(tail, "\n\x00") || strings.HasSuffix(tail, ")")) {
			return
		}
		rest = after
	}
}
