package check_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// given is what users of a pair have and their shared role lacks, each as it is made and as check tells it.
var given = []struct {
	make   []string // in the secret's database, as the superuser, of USER_A, USER_B, SHARED and DBA
	detail string
}{
	{[]string{"CREATE TABLE public.made (n int)", "ALTER TABLE public.made OWNER TO USER_A"}, "table public.made, which USER_A owns"},
	{[]string{"CREATE FUNCTION public.made() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION public.made OWNER TO USER_B"}, "function public.made(), which USER_B owns"},
	{[]string{"SELECT lo_create(4711)", "ALTER LARGE OBJECT 4711 OWNER TO USER_B"}, "large object 4711, which USER_B owns"},
	{[]string{"CREATE DATABASE SHAREDextra OWNER USER_A"}, "database SHAREDextra, which USER_A owns"},
	{[]string{"CREATE SCHEMA dba AUTHORIZATION DBA", "SET ROLE DBA", "CREATE TABLE dba.t (n int, m int)", "GRANT SELECT ON dba.t TO SHARED", "GRANT SELECT ON dba.t TO USER_B WITH GRANT OPTION"},
		"SELECT on TABLE dba.t, granted to USER_B with grant option"},
	{[]string{"GRANT UPDATE (m) ON dba.t TO USER_A"}, "UPDATE (m) on TABLE dba.t"},
	{[]string{"CREATE POLICY mine ON dba.t TO USER_A"}, "the row policy mine on table dba.t"},
	{[]string{"SET ROLE DBA", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO USER_A"}, "what DBA makes: GRANT SELECT ON TABLES TO the shared role"},
	{[]string{"SET ROLE USER_A", "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"}, "REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"},
	{[]string{"GRANT DBA TO USER_B"}, "membership in DBA"},
	{[]string{"ALTER ROLE USER_A CREATEDB"}, "the attribute CREATEDB"},
	{[]string{"CREATE POLICY own ON dba.t USING (current_user = 'somebody')"}, "the row policy own on table dba.t"},
	{[]string{"ALTER TABLE dba.t ADD made_by text DEFAULT USER"}, "the default of column made_by of table dba.t"},
	{[]string{"CREATE VIEW dba.ours AS SELECT n FROM dba.t WHERE made_by = 'USER_B'"}, "the view dba.ours"},
	{[]string{"CREATE FUNCTION dba.who() RETURNS text LANGUAGE sql AS 'SELECT SESSION_USER::text'"}, "the function dba.who()"},
}

// What a user of the pair has and the shared role lacks fails the check. The script that the check gives heals it, and so does setup with
// adopt.
func TestWhatTheSharedRoleLacksIsTold(t *testing.T) {
	t.Parallel()
	for how, heal := range map[string]func(*testing.T, *localtest.Scene, string){"script": byScript, "setup": bySetup} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
			s.MustSetup()
			if result := find(t, run(t, s, role.ForRotation), "adoption"); !result.OK {
				t.Fatalf("before: %+v", result)
			}
			names := strings.NewReplacer("USER_A", s.A, "USER_B", s.B, "SHARED", s.Shared, "DBA", s.Shared+"dba")
			s.SQLAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), "CREATE ROLE "+s.Shared+"dba")
			for _, g := range given {
				s.SQLScript(names.Replace(strings.Join(g.make, ";\n")))
			}
			result := find(t, run(t, s, role.ForRotation), "adoption")
			for _, g := range given {
				if result.OK || !strings.Contains(result.Detail, names.Replace(g.detail)) {
					t.Errorf("check says %q, want %q", result.Detail, names.Replace(g.detail))
				}
			}
			heal(t, s, result.Fix)
			if result := find(t, run(t, s, role.ForRotation), "adoption"); !result.OK {
				t.Errorf("afterwards: %s", result.Detail)
			}
		})
	}
}

func byScript(t *testing.T, s *localtest.Scene, script string) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not on this machine")
	}
	command := exec.CommandContext(t.Context(), psql, "-X", s.PG.URL(s.Master, localtest.PasswordMaster, s.Database))
	_, statements, _ := strings.Cut(script, "\n") // what is said of them comes first
	command.Stdin = strings.NewReader(statements + "\n")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func bySetup(t *testing.T, s *localtest.Scene, _ string) {
	t.Helper()
	if _, err := s.Invoke(map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true}); err != nil {
		t.Fatal(err)
	}
}

// What cannot be seen is not taken for nothing.
func TestDatabaseThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ hide, detail string }{
		"no CONNECT":     {"REVOKE CONNECT ON DATABASE %s FROM PUBLIC", "check cannot see"},
		"no connections": {"ALTER DATABASE %s ALLOW_CONNECTIONS false", "accepts no connections"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
			s.MustSetup()
			hidden := s.Shared + "hidden"
			s.SQL("CREATE DATABASE " + hidden)
			s.SQLAs(strings.Replace(s.Superuser(), s.Database, hidden, 1), "CREATE TABLE public.made (n int)", "ALTER TABLE public.made OWNER TO "+s.A)
			s.SQL(fmt.Sprintf(c.hide, hidden))
			result := find(t, run(t, s, role.ForRotation), "adoption")
			if result.OK || !strings.Contains(result.Detail, c.detail) || !strings.Contains(result.Detail, hidden) {
				t.Errorf("check says %+v, want %q", result, c.detail)
			}
		})
	}
}
