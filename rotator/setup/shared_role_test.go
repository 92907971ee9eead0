package setup_test

import (
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/script"
)

// somebodys are roles that a secret may name as its pair's, each with what tells that whoever becomes it would gain by that.
var somebodys = map[string]struct {
	made  []string
	told  string
	since int // the first major whose catalogs tell it
}{
	"a grant":       {[]string{"CREATE ROLE {role}", "CREATE SCHEMA {role}", "GRANT USAGE ON SCHEMA {role} TO {role}"}, "grants or policies in database", 0},
	"an object":     {[]string{"CREATE ROLE {role}", "CREATE SCHEMA {role} AUTHORIZATION {role}"}, "objects in database", 0},
	"a membership":  {[]string{"CREATE ROLE {role} IN ROLE {people}"}, "membership in", 0},
	"a login":       {[]string{"CREATE ROLE {role} LOGIN"}, "the attribute LOGIN", 0},
	"a member":      {[]string{"CREATE ROLE {role}", "GRANT {role} TO {people} WITH ADMIN OPTION"}, "the member", 0},
	"its maker":     {[]string{"SET ROLE {people}", "CREATE ROLE {role}"}, "the member", 16},
	"the colleague": {[]string{"CREATE ROLE {role} ROLE {colleague}", "CREATE SCHEMA {role} AUTHORIZATION {role}"}, "objects in database", 0},
}

// Nobody is told to grant the role that a secret names, but where whoever becomes it gains nothing; else setup says what it has. The event,
// psql and check say the same.
func TestSharedRoleOfSomebodyElse(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, strangersSharedRole)
}

func strangersSharedRole(t *testing.T, pg *localpg.Server) {
	s := newScene(t, pg, nil)
	colleague, people := s.Shared+"colleague", s.Shared+"people"
	asMaster(s, login(s.A), "CREATE ROLE "+colleague+" LOGIN")
	s.SQL("CREATE ROLE " + people + " CREATEROLE")
	arn := masterOf(t, s)
	refused := func(role string) (event map[string]any, bySetup, byPsql string) {
		s.PutCurrent(s.Value(map[string]any{"masterarn": arn, "usernames": []string{s.A, colleague}, "role": role}))
		event = map[string]any{"action": "setup", "secretId": s.SecretID}
		_, err := s.Invoke(event)
		out, failed := psqlSetup(t, s.Superuser(), "SET pgrotator.username = '"+s.A+"'", "SET pgrotator.partner = '"+colleague+"'", "SET pgrotator.role = '"+role+"'")
		if err == nil || failed == nil {
			t.Fatalf("%s: setup %v, by psql %v", role, err, failed)
		}
		return event, err.Error(), out
	}
	for name, c := range somebodys {
		if pg.Major() < c.since {
			continue
		}
		role := s.Shared + strings.NewReplacer(" ", "").Replace(name)
		names := strings.NewReplacer("{role}", role, "{colleague}", colleague, "{people}", people)
		var made []string
		for _, statement := range c.made {
			made = append(made, names.Replace(statement))
		}
		s.SQL(made...)
		event, bySetup, byPsql := refused(role)
		for _, said := range []string{bySetup, byPsql} {
			if !strings.Contains(said, "setup grants no role that it did not make") || !strings.Contains(said, c.told) || strings.Contains(said, "GRANT") || strings.Contains(said, "ALTER ROLE") {
				t.Errorf("%s: setup says\n%s\nwant %q and no statement", name, said, c.told)
			}
		}
		if name != "the colleague" {
			continue // check does not look at what the role has
		}
		event["action"], event["for"] = "check", "rotation"
		if answer, err := s.Invoke(event); err != nil || strings.Contains(answer, "GRANT") {
			t.Errorf("%s: check, error %v, says\n%s", name, err, answer)
		}
	}
	empty := s.Shared + "empty"
	asMaster(s, "CREATE ROLE "+empty)
	s.SQL("REVOKE "+s.Shared+"thecolleague FROM "+colleague, string(script.MarkTwin(colleague, s.A)))
	event, bySetup, byPsql := refused(empty)
	want := "GRANT " + empty + " TO " + s.A + map[bool]string{true: " WITH INHERIT TRUE, SET TRUE"}[pg.Major() >= 16] + ", ALTER ROLE " + s.A + " SET role = " + empty + ","
	if !strings.Contains(byPsql, want) {
		t.Errorf("by psql setup says\n%s\nwithout %q", byPsql, want)
	}
	s.SQL(told(t, bySetup, `(GRANT|ALTER ROLE) [^;]+;`)...)
	s.SQL("GRANT " + empty + " TO " + colleague)
	if _, err := s.Invoke(event); err != nil {
		t.Errorf("after what it told: %v", err)
	}
}
