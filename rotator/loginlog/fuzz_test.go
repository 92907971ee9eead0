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

// requireTail reads a login once more: its prefix names the user and the database, and so does its message, before a tail.
func requireTail(t *testing.T, entry string, event loginlog.Event) {
	t.Helper()
	inMessage := func(name string) string { return strings.ReplaceAll(name, "\n", "\n\t") }
	database := event.Database
	if database == "" {
		database = "[unknown]"
	}
	_, message, named := strings.Cut(entry, event.User+"@"+database+":[")
	if !named || !strings.Contains(message, inMessage(event.User)) && !strings.Contains(message, "*") {
		t.Fatalf("login of %q in %q, whom the entry does not name twice: %q", event.User, database, entry)
	}
	const english = "connection authorized: user="
	if strings.Count(message, english) != 1 || strings.Contains(message, "*") || strings.Contains(message, ", Tds Version=0x") {
		return // Other languages, and names that hold a login.
	}
	_, tail, _ := strings.Cut(message, english+inMessage(event.User))
	if !event.Replication {
		_, tail, named = strings.Cut(tail, inMessage(database))
	}
	if !named || tail != "" && !strings.Contains(tail, "=") && !strings.HasSuffix(tail, ")") || strings.Contains(tail, "\n") {
		t.Fatalf("login of %q in %q with the tail %q: %q", event.User, database, tail, entry)
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

// strangers are what PostgreSQL writes of a client that it does not let in; %s is the user as a message has it.
var strangers = []struct{ severity, sqlstate, message string }{
	{"FATAL", "28P01", `password authentication failed for user "%s"`},
	{"FATAL", "3D000", `database "x" does not exist`},
	{"FATAL", "08P01", "expected SASL response, got message type 88"},
	{"LOG", "00000", "pam_authenticate failed: Permission denied"},
	{"LOG", "08006", "could not receive data from client: Connection reset by peer"},
	{"DETAIL", "28P01", `Connection matched file "/x/pg_hba.conf" line 9`},
	{"ВАЖНО", "28P01", `пользователь "%s" не прошёл проверку подлинности (по паролю)`},
}

// Whatever names a client without credentials sends, it shows nobody's activity, and turns nobody else's attempt away.
func FuzzStranger(f *testing.F) {
	p := loginlog.New(append(slices.Clone(roles), "*****"), databases)
	f.Add("alice", "app:[1]:LOG:  connection authorized: user=alice database=app", uint8(0))
	f.Add("a@b:[1]:LOG:  connection authorized: user=a database=b", "c", uint8(1))
	f.Add("jane@corp@app:[1]:LOG:  connection authorized: user=jane", "corp database=app application_name=", uint8(2))
	f.Add("alice", "app:[1]:ERROR:  x", uint8(3))
	f.Add("******", "app", uint8(4))
	f.Add("alice", "app:[1]:ERROR:  x"+strings.Repeat("\xff", 46), uint8(0))
	f.Add("alice", "app\n* ", uint8(5))
	f.Add("alice", "app:[1]:3:22012:2026-11-22 07:43:01 UTC:1/1:0:1.1:ERROR:  x", uint8(6))
	f.Fuzz(func(t *testing.T, user, database string, which uint8) {
		user, database = asSent(user), asSent(database)
		s := strangers[int(which)%len(strangers)]
		if user == "" || database == "" {
			return
		}
		message := strings.ReplaceAll(s.message, "%s", strings.ReplaceAll(user, "\n", "\n\t"))
		entries := forms(user+"@"+database, s.severity, s.sqlstate, message)
		for _, entry := range entries {
			entries = append(entries, inCloudWatch(entry))
		}
		for _, entry := range entries {
			e, kind := p.Parse(entry)
			switch kind {
			case loginlog.Login, loginlog.OtherLogin, loginlog.Disconnection, loginlog.Sign, loginlog.Unread:
				t.Fatalf("%v of a stranger: %+v\n%q", kind, e, entry)
			case loginlog.Refusal:
				// With a second @ the names can be cut in two places, and the catalogue decides.
				if e.User != "" && e.User != inCloudWatch(user) && e.User != user && strings.Count(user+"@"+database, "@") == 1 {
					t.Fatalf("refusal of another: %+v\n%q", e, entry)
				}
			}
		}
	})
}

// asSent is a name as the startup packet can hold it.
func asSent(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	return cut(name)
}
