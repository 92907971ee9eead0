package sweep_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localaws"
	"pgrotator/rotator/internal/localpg"
)

// What others than the owners have granted is revoked too, in this database and in another, up to the DROP ROLE.
func TestStatementsRevokeWhatOthersGranted(t *testing.T) {
	t.Parallel()
	underBothRules(t, testOtherGrantors)
}

func testOtherGrantors(t *testing.T, on *localpg.Server) {
	s := newStage(t, on, localaws.PublishOptions{})
	s.options.DeleteDays = 180
	s.exec(fmt.Sprintf("CREATE ROLE dba LOGIN CREATEROLE CREATEDB PASSWORD '%s'", password))
	s.setMaster("dba")
	s.settle()
	old := `"it's $$ old"`
	s.asMaster("dba", "CREATE ROLE "+old+" NOLOGIN", "CREATE ROLE owner", `CREATE ROLE "the grantor"`, "CREATE ROLE reader")
	if on.Major() >= 16 {
		s.asMaster("dba", "GRANT "+old+" TO "+s.prefix+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
	s.exec("CREATE DATABASE " + s.prefix + "two")
	for _, database := range []string{s.prefix, s.prefix + "two"} {
		s.inDatabase(database, "CREATE SCHEMA AUTHORIZATION owner", "SET ROLE owner",
			"GRANT ALL ON SCHEMA owner TO PUBLIC", "CREATE TABLE owner.t (n int, m int)", "CREATE SEQUENCE owner.s",
			"CREATE FUNCTION owner.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE DOMAIN owner.d AS int",
			`GRANT SELECT ON owner.t, owner.s TO "the grantor", dba WITH GRANT OPTION`,
			`GRANT UPDATE (m) ON owner.t TO "the grantor" WITH GRANT OPTION`,
			`GRANT EXECUTE ON FUNCTION owner.f TO "the grantor" WITH GRANT OPTION`, `GRANT USAGE ON TYPE owner.d TO "the grantor" WITH GRANT OPTION`,
			"GRANT SELECT ON owner.t TO reader", "RESET ROLE",
			`SET ROLE "the grantor"`, "GRANT SELECT ON owner.t, owner.s TO "+old+" WITH GRANT OPTION", "GRANT UPDATE (m) ON owner.t TO "+old,
			"GRANT EXECUTE ON FUNCTION owner.f TO "+old, "GRANT USAGE ON TYPE owner.d TO "+old, "RESET ROLE",
			"SET ROLE dba", "GRANT SELECT ON owner.t TO "+old, "RESET ROLE",
			"SET ROLE "+old, "GRANT SELECT ON owner.s TO reader", "RESET ROLE")
	}
	s.exec("INSERT INTO user_login_status (user_name, role_oid, last_login_time, status, locked_at) SELECT rolname, oid, now() - interval '200 days', 'Locked', now() - interval '100 days' FROM pg_roles WHERE rolname LIKE 'it%old'")
	memberships := "SELECT coalesce(string_agg(format('%s %s', roleid::regrole, member::regrole), ',' ORDER BY 1), '') FROM (SELECT * FROM pg_auth_members WHERE roleid::regrole::text NOT LIKE '%old%' ORDER BY roleid, member) AS m"
	before := query[string](s, memberships)
	report := s.run()
	if len(report.ReadyToDelete) != 1 {
		t.Fatalf("ready to delete: %+v, reasons %q, failed %+v", report.ReadyToDelete, report.Evidence.Reasons, report.Failed)
	}
	s.psql("dba", strings.Join(report.ReadyToDelete[0].Statements, "\n"))
	if query[bool](s, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'it%old')") {
		t.Error("the role is still there")
	}
	if !query[bool](s, "SELECT has_table_privilege('reader', 'owner.t', 'SELECT') AND has_table_privilege('the grantor', 'owner.t', 'SELECT WITH GRANT OPTION')") {
		t.Error("grants of others are gone")
	}
	if after := query[string](s, memberships); after != before {
		t.Errorf("memberships were %s and are %s", before, after)
	}
}
