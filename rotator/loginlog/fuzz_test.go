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
		if event.User != "" && !slices.Contains(allRoles, event.User) {
			t.Fatalf("%v of %q, no role", kind, event.User)
		}
		switch kind {
		case loginlog.Login:
			requireTail(t, strings.TrimSuffix(message, "\n"), event)
		case loginlog.Sign, loginlog.Disconnection, loginlog.Ambiguous:
			if event.User == "" || !event.Prefixed {
				t.Fatalf("%v of nobody: %+v", kind, event)
			}
		case loginlog.Unread, loginlog.Unknown:
			if !slices.Contains(shapes, event.Shape) {
				t.Fatalf("%v with shape %q", kind, event.Shape)
			}
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

// shapes are all that a report can show of entries that were not read.
var shapes = func() []string {
	shapes := []string{"entry without a known severity", "server entry in an unknown form", "entry under another log_line_prefix"}
	for _, entry := range []string{"login", "login for replication", "disconnection", "LOG", "FATAL", "ERROR", "WARNING",
		"NOTICE", "INFO", "DEBUG", "PANIC", "STATEMENT"} {
		shapes = append(shapes, entry+" under a masked name")
	}
	return shapes
}()
