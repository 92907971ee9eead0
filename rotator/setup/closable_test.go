package setup_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// asMaster runs statements as the scene's master.
func asMaster(s *localtest.Scene, statements ...string) {
	s.SQLAs(s.PG.URL(s.Master, localtest.PasswordMaster, s.Database), statements...)
}

// setupForSweep is setup for the sweep with what it leaves.
func setupForSweep(t *testing.T, s *localtest.Scene) (changed, left []string) {
	t.Helper()
	answer, err := s.Invoke(map[string]any{"action": "setup", "secretId": s.SecretID, "for": role.ForSweep})
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Changed, Left []string }
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		t.Fatal(err)
	}
	return report.Changed, report.Left
}

// since16 runs test on PostgreSQL 16 to 18, where ADMIN is what counts.
func since16(t *testing.T, test func(*testing.T, *localpg.Server)) {
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		if pg.Major() < 16 {
			t.Skip("before 16 CREATEROLE is enough")
		}
		test(t, pg)
	})
}

// A role that the master has ADMIN on only through one it does not inherit from cannot be granted: it is told, and the others are.
func TestOneRoleThatCannotBeGranted(t *testing.T) {
	t.Parallel()
	since16(t, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		team, member, person := s.Shared+"team", s.Shared+"member", s.Shared+"person"
		asMaster(s, "CREATE ROLE "+team+" LOGIN CREATEROLE PASSWORD 'team'", "CREATE ROLE "+person+" LOGIN")
		s.SQLAs(pg.URL(team, "team", s.Database), "CREATE ROLE "+member+" LOGIN")
		_, left := setupForSweep(t, s)
		cure := fmt.Sprintf("GRANT %s TO rotation_%s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", member, s.Shared)
		if len(left) != 1 || !strings.HasSuffix(left[0], cure) || adminOn(s, member) {
			t.Fatalf("setup left %q, want one that ends with %q", left, cure)
		}
		if !adminOn(s, person) || !adminOn(s, team) {
			t.Error("setup did not grant the others")
		}
		s.SQLAs(pg.URL(team, "team", s.Database), cure)
		if changed, left := setupForSweep(t, s); len(changed)+len(left) > 0 || !adminOn(s, member) {
			t.Errorf("after the cure setup changed %q and left %q", changed, left)
		}
		mustRotate(t, s)
		revokedByItsGrantor(t, s, pg, team, member)
	})
}

// A great many roles are granted in batches, none of which comes near the statement's time, and goes on where the function's time was up; 3,000
// in long campaigns.
func TestManyRoles(t *testing.T) {
	t.Parallel()
	since16(t, func(t *testing.T, pg *localpg.Server) {
		count := 120
		if localtest.Soaking() && pg.Major() == 17 { // one of them is long enough
			count = 3000
		}
		s := newScene(t, pg, nil)
		asMaster(s, fmt.Sprintf("DO $$ BEGIN FOR n IN 1..%d LOOP EXECUTE format('CREATE ROLE %%I LOGIN', '%sperson' || n); END LOOP; END $$", count, s.Shared))
		told := 0
		for {
			changed, left := setupForSweep(t, s)
			told += len(changed)
			if len(left) == 0 {
				break
			}
			if len(changed) == 0 || len(left) > 1 || !strings.Contains(left[0], "run setup again") {
				t.Fatalf("setup left %q", left)
			}
		}
		var granted int
		s.Ask("SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = $1::regrole AND r.rolname LIKE $2",
			[]any{"rotation_" + s.Shared, s.Shared + "person%"}, &granted)
		if granted != count || told < count {
			t.Errorf("%d roles were granted and %d changes told, of %d roles", granted, told, count)
		}
		mustChangeNothing(t, s)
	})
}

// Whoever is a member of the owner role is a member of what that is granted: a person in rds_iam would cost them their password.
func TestNobodyInIAMIsGrantedWhereAMemberLogsInByPassword(t *testing.T) {
	t.Parallel()
	since16(t, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		s.MustSetupFor(role.ForSweep)
		person := s.Shared + "token"
		s.SQL(`DO $$ BEGIN CREATE ROLE rds_iam; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
			"CREATE ROLE "+person+" LOGIN IN ROLE rds_iam")
		out, err := psqlSetup(t, s.Superuser(), "SET pgrotator.username = '"+s.A+"'", "SET pgrotator.sweep = 'on'")
		if err != nil || !strings.Contains(out, "left: the sweep cannot close "+person+": it is a member of rds_iam") || adminOn(s, person) {
			t.Errorf("error %v\n%s", err, out)
		}
		// Where the master made the person it is in rds_iam through that already, and loses nothing.
		own := s.Shared + "own"
		asMaster(s, "CREATE ROLE "+own+" LOGIN")
		s.SQL("GRANT rds_iam TO " + own)
		if _, left := setupForSweep(t, s); len(left) > 0 || !adminOn(s, own) {
			t.Errorf("setup left %q", left)
		}
	})
}

// What only rotation needs asks nothing of schema public.
func TestSetupForRotationNeedsNoSchemaPublic(t *testing.T) {
	t.Parallel()
	s := newScene(t, server, nil)
	s.SQL("ALTER SCHEMA public OWNER TO postgres", "REVOKE ALL ON SCHEMA public FROM PUBLIC")
	s.MustSetupFor(role.ForRotation)
	mustRotate(t, s)
}
