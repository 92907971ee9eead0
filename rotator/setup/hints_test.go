package setup_test

import (
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

// told finds, in what psql printed, the statements that a pattern describes; it must find some.
func told(t *testing.T, printed, pattern string) []string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllString(printed, -1)
	if len(found) == 0 {
		t.Fatalf("nothing like %s in\n%s", pattern, printed)
	}
	return found
}

// What setup.sql tells a DBA to run, where it refuses, heals what it refuses for.
func TestHintsOfSetup(t *testing.T) {
	t.Parallel()
	const sweep, adopt = "; SET pgrotator.sweep = 'on'", "; SET pgrotator.adopt = 'on'"
	for name, c := range map[string]struct {
		provoke   []string // as a superuser, with USER_A, USER_B, SHARED and OWNROLE
		more      string   // settings
		statement string   // a pattern of what the hint names
		complete  string   // what a person adds to it
	}{
		"a stranger's schema, dropped": {[]string{"CREATE ROLE SHAREDspy", "CREATE SCHEMA OWNROLE AUTHORIZATION SHAREDspy"}, "", `DROP SCHEMA \S+ CASCADE`, ""},
		"a stranger's schema, renamed": {[]string{"CREATE ROLE SHAREDspy", "CREATE SCHEMA OWNROLE AUTHORIZATION SHAREDspy"}, "", `ALTER SCHEMA \S+ RENAME TO`, " SHAREDspy"},
		"a stranger's owner role":      {[]string{"CREATE ROLE OWNROLE LOGIN", "CREATE SCHEMA OWNROLEhome AUTHORIZATION OWNROLE"}, "", `DROP (OWNED BY|ROLE) [^,;\s]+`, ""},
		"a shared role that is there":  {[]string{"CREATE ROLE SHARED"}, "", `GRANT \S+ TO [^,]+|ALTER ROLE \S+ SET role = [^,]+`, ""},
		"a partner that is there":      {[]string{"CREATE ROLE USER_B LOGIN"}, "", `COMMENT ON ROLE \S+ IS '[^']+'`, ""},
		"no user":                      {[]string{"DROP ROLE USER_A"}, "", `CREATE ROLE \S+ LOGIN`, ""},
		"a table of somebody else": {[]string{"CREATE ROLE SHAREDspy", "CREATE SCHEMA SHAREDstate AUTHORIZATION postgres", "CREATE TABLE SHAREDstate.user_login_action ()", "ALTER TABLE SHAREDstate.user_login_action OWNER TO SHAREDspy"},
			sweep + "; SET pgrotator.state_schema = 'SHAREDstate'", `ALTER TABLE \S+ RENAME TO [^,]+`, ""},
		"a pair with the master's powers": {[]string{"GRANT rds_superuser TO USER_A"}, "", `REVOKE \S+ FROM [^,]+`, ""},
		"a user with the master's powers": {[]string{"GRANT rds_superuser TO USER_A"}, adopt, `REVOKE \S+ FROM [^,]+`, ""},
		"a user with REPLICATION":         {[]string{"ALTER ROLE USER_A REPLICATION"}, adopt, `ALTER ROLE \S+ NOREPLICATION`, ""},
		"a user that is NOINHERIT":        {[]string{"ALTER ROLE USER_A NOINHERIT"}, adopt, `ALTER ROLE \S+ INHERIT`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateMaster()
			names := strings.NewReplacer("USER_A", s.A, "USER_B", s.B, "SHARED", s.Shared, "OWNROLE", "rotation_"+s.Shared)
			s.SQL(login(s.A))
			for _, statement := range c.provoke {
				s.SQL(names.Replace(statement))
			}
			run := func() (string, error) {
				return psqlSetup(t, s.Superuser(), names.Replace("SET pgrotator.username = 'USER_A'"+c.more))
			}
			out, err := run()
			if err == nil {
				t.Fatalf("nothing is to be healed:\n%s", out)
			}
			_, hint, _ := strings.Cut(out, "HINT:")
			for _, statement := range told(t, hint, c.statement) {
				s.SQL(statement + names.Replace(c.complete))
			}
			if out, err := run(); err != nil {
				t.Errorf("%v\n%s\nafter the hint: %s", err, out, hint)
			}
		})
	}
}

// What the master may not take back from the owner role, whoever granted it can, by the statement that is told.
func revokedByItsGrantor(t *testing.T, s *localtest.Scene, pg *localpg.Server, team, member string) {
	t.Helper()
	answer, err := s.Invoke(map[string]any{"action": "setup", "secretId": s.SecretID, "for": "rotation"})
	if err != nil {
		t.Fatal(err)
	}
	s.SQLAs(pg.URL(team, "team", s.Database), told(t, answer, `REVOKE \S+ FROM [a-z0-9_]+`)...)
	if adminOn(s, member) {
		t.Errorf("the owner role still has ADMIN on %s: %s", member, answer)
	}
}

// From 16 on the master makes nobody a member of a group that a superuser made: who can is told, and that cures it.
func groupOfAnother(t *testing.T, pg *localpg.Server) {
	if pg.Major() < 16 {
		t.Skip("CREATEROLE is enough to grant any group")
	}
	s := newScene(t, pg, map[string]any{})
	asMaster(s, login(s.A))
	s.SQL("CREATE ROLE "+s.Shared+"group", "GRANT "+s.Shared+"group TO "+s.A)
	s.PutCurrent(s.Value(map[string]any{"masterarn": masterOf(t, s), "usernames": []string{s.A, s.B}, "role": s.Shared}))
	event := map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true}
	_, err := setupOf(t, s, event)
	if err == nil || !strings.Contains(err.Error(), "may not make "+s.Shared+" a member of") {
		t.Fatalf("setup: %v", err)
	}
	s.SQL(told(t, err.Error(), `GRANT \S+ TO [^.]+`)...)
	if _, err := setupOf(t, s, event); err != nil {
		t.Error(err)
	}
}
