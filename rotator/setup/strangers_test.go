package setup_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
)

// forged is the record that setup would write for the scene's pair.
func forged(s *localtest.Scene) string {
	return fmt.Sprintf(`COMMENT ON ROLE rotation_%s IS '{"role" : "%[1]s", "users" : ["%s", "%s"]}'`, s.Shared, s.A, s.B)
}

// A CREATEROLE role makes the owner role beforehand, through a helper whom it then drops, with setup's own record and a door in
// another database. Setup hands it nothing, whoever runs it, and says who made it, what it holds and how to get rid of it.
func TestOwnerRoleMadeBeforehand(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		s.ArticleRoles("")
		spy, helper, door := s.Shared+"spy", s.Shared+"helper", s.Shared+"door"
		s.SQL("CREATE ROLE "+spy+" LOGIN CREATEROLE CREATEDB PASSWORD 'spy'", "CREATE DATABASE "+door+" OWNER "+spy)
		asSpy := pg.URL(spy, "spy", door)
		s.SQLAs(asSpy, "CREATE ROLE "+helper+" LOGIN CREATEROLE PASSWORD 'helper'", "GRANT CREATE ON SCHEMA public TO PUBLIC")
		s.SQLAs(pg.URL(helper, "helper", door), "CREATE ROLE rotation_"+s.Shared+" NOLOGIN CREATEROLE", forged(s), joining(pg, "rotation_"+s.Shared))
		conn := pgtest.Connect(t, pg.URL(helper, "helper", door))
		for _, statement := range []string{"SET ROLE rotation_" + s.Shared,
			"CREATE FUNCTION public.door(command text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE command; END'", "RESET ROLE",
			"REVOKE rotation_" + s.Shared + " FROM CURRENT_USER"} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		conn.Close(t.Context())
		s.SQLAs(asSpy, "DROP ROLE "+helper)
		before := snapshot(t, s)
		hint := mustRefuseDoor(t, s, door)
		if after := snapshot(t, s); after != before {
			t.Errorf("roles, memberships, settings and schemas were\n%s\nand are\n%s", before, after)
		}
		// The cure, as a superuser: the master of RDS is none from 16 on, and is told so.
		s.SQLAs(strings.Replace(s.Superuser(), s.Database, door, 1), told(t, hint, `DROP (OWNED BY|ROLE) [^,;\s]+`)...)
		s.MustSetup()
		mustRotate(t, s)
	})
}

// joining is the GRANT by which a role's maker may become it.
func joining(pg *localpg.Server, name string) string {
	if pg.Major() >= 16 {
		return "GRANT " + name + " TO CURRENT_USER WITH INHERIT TRUE, SET TRUE"
	}
	return "GRANT " + name + " TO CURRENT_USER"
}

// mustRefuseDoor runs setup through the function, as the master, and by psql, as a superuser.
func mustRefuseDoor(t *testing.T, s *localtest.Scene, door string) (hint string) {
	t.Helper()
	_, err := s.Setup()
	out, byPsql := psqlSetup(t, s.Superuser(), "SET pgrotator.username = '"+s.A+"'")
	if err == nil || byPsql == nil {
		t.Fatalf("setup: %v, by psql: %v", err, byPsql)
	}
	for _, said := range []string{err.Error(), out} {
		for _, want := range []string{"is not as setup makes it", "something in database " + door, "DROP OWNED BY rotation_" + s.Shared, "made"} {
			if !strings.Contains(said, want) {
				t.Errorf("setup says\n%s\nwithout %q", said, want)
			}
		}
	}
	_, hint, _ = strings.Cut(out, "HINT:")
	return hint
}

// From 16 on a CREATEROLE role can have a helper make the owner role, give it ADMIN on users of its own and drop the helper: nothing tells
// that role from one that a superuser has made. Its record hands out neither a shared role nor a partner of somebody else.
func TestForgedRecordTakesNobodyOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		others string // is somebody else's: SHARED or USER_B
		cure   string
	}{
		"a shared role": {"SHARED", "GRANT SHARED TO USER_A"},
		"a partner":     {"USER_B", "COMMENT ON ROLE USER_B"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
				if pg.Major() < 16 {
					t.Skip("any CREATEROLE role has power over all others")
				}
				s := newScene(t, pg, nil)
				names := strings.NewReplacer("USER_A", s.A, "USER_B", s.B, "SHARED", s.Shared, "OWNER", "rotation_"+s.Shared, "SPY", s.Shared+"spy")
				s.SQL(names.Replace("CREATE ROLE "+c.others), names.Replace("CREATE ROLE SPY LOGIN CREATEROLE PASSWORD 'spy'"))
				asSpy := pg.URL(s.Shared+"spy", "spy", s.Database)
				s.SQLAs(asSpy, names.Replace("CREATE ROLE SPYhelper LOGIN CREATEROLE PASSWORD 'helper'"), login(s.A))
				s.SQLAs(pg.URL(s.Shared+"spyhelper", "helper", s.Database), names.Replace("CREATE ROLE OWNER NOLOGIN CREATEROLE"), forged(s))
				s.SQLAs(asSpy, names.Replace("GRANT USER_A TO OWNER WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"), names.Replace("DROP ROLE SPYhelper"))
				before := snapshot(t, s)
				out, err := psqlSetup(t, s.Superuser(), names.Replace("SET pgrotator.username = 'USER_A'"))
				if err == nil || !strings.Contains(out, names.Replace(c.cure)) {
					t.Errorf("error %v, want %q:\n%s", err, names.Replace(c.cure), out)
				}
				if after := snapshot(t, s); after != before {
					t.Errorf("the catalogs were\n%s\nand are\n%s", before, after)
				}
			})
		})
	}
}

// A record forged at a role that could not set the pair is none from 16 on; before it counts, and is told by name.
func TestForgedRecordExemptsNobody(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		victim, other := s.Shared+"victim", s.Shared+"other"
		asMaster(s, "CREATE ROLE "+victim+" LOGIN", "CREATE ROLE "+other+" LOGIN")
		spy := s.Shared + "spy"
		s.SQL("CREATE ROLE " + spy + " LOGIN CREATEROLE PASSWORD 'spy'")
		s.SQLAs(pg.URL(spy, "spy", s.Database), "CREATE ROLE rotation_"+s.Shared+"x NOLOGIN CREATEROLE",
			fmt.Sprintf(`COMMENT ON ROLE rotation_%sx IS '{"role" : "%[1]sx", "users" : ["%s", "nobody"]}'`, s.Shared, victim),
			"CREATE ROLE rotation_"+s.Shared+"y NOLOGIN CREATEROLE", fmt.Sprintf(`COMMENT ON ROLE rotation_%sy IS '{"role" : "%s", "users" : ["%[2]s", "nobody"]'`, s.Shared, other))
		s.MustSetupFor(role.ForSweep)
		conn := pgtest.Connect(t, pg.URL(s.A, localtest.PasswordA, s.Database))
		_, err := conn.Exec(t.Context(), "SELECT rotation_"+s.Shared+".lock_role($1)", victim)
		if exempt := err != nil; exempt != (pg.Major() < 16) {
			t.Errorf("the forged record exempts %s: %v", victim, err)
		}
		if _, err := conn.Exec(t.Context(), "SELECT rotation_"+s.Shared+".lock_role($1)", other); err != nil {
			t.Errorf("what is no record exempts %s: %v", other, err)
		}
	})
}

// By psql too nobody is taken over whom somebody else may have made.
func TestSetupByPsqlTakesNobodyOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare []string // with USER_A, USER_B and SHARED
		refused string   // "" = not
	}{
		"a shared role that the user does not become": {[]string{"CREATE ROLE SHARED"}, "GRANT SHARED TO USER_A"},
		"a shared role that the user is only granted": {[]string{"CREATE ROLE SHARED", "GRANT SHARED TO USER_A"}, "ALTER ROLE USER_A SET role"},
		"a partner of somebody else":                  {[]string{"CREATE ROLE USER_B LOGIN"}, "COMMENT ON ROLE USER_B IS 'pgrotator: twin of USER_A'"},
		"a partner that only has the setting": {[]string{"CREATE ROLE SHARED", "GRANT SHARED TO USER_A", "ALTER ROLE USER_A SET role = SHARED",
			"CREATE ROLE USER_B LOGIN", "ALTER ROLE USER_B SET role = SHARED"}, "COMMENT ON ROLE USER_B"},
		"a partner with the comment": {[]string{"CREATE ROLE USER_B LOGIN", "COMMENT ON ROLE USER_B IS 'pgrotator: twin of USER_A'"}, ""},
		"the article's pair": {[]string{"CREATE ROLE SHARED", "GRANT SHARED TO USER_A", "ALTER ROLE USER_A SET role = SHARED",
			"CREATE ROLE USER_B LOGIN", "GRANT SHARED TO USER_B", "ALTER ROLE USER_B SET role = SHARED"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			s.CreateMaster()
			names := strings.NewReplacer("USER_A", s.A, "USER_B", s.B, "SHARED", s.Shared)
			s.SQL(login(s.A))
			for _, statement := range c.prepare {
				s.SQL(names.Replace(statement))
			}
			before := snapshot(t, s)
			out, err := setupByPsql(t, s, fmt.Sprintf("SET pgrotator.username = '%s'", s.A))
			if (err != nil) != (c.refused != "") || !strings.Contains(out, names.Replace(c.refused)) {
				t.Errorf("error %v, want %q:\n%s", err, names.Replace(c.refused), out)
			}
			if after := snapshot(t, s); c.refused != "" && after != before {
				t.Errorf("the catalogs were\n%s\nand are\n%s", before, after)
			}
		})
	}
}

// Each sign by which an owner role is known as setup's is asked for: without any single one it is refused, and with it again it is not.
func ownerRoleSigns(t *testing.T, pg *localpg.Server) {
	s := newScene(t, pg, nil)
	s.MustSetup()
	s.SQL("CREATE ROLE " + s.Shared + "spy")
	names := strings.NewReplacer("USER_A", s.A, "SHARED", s.Shared, "RECORDED", "rotation_"+s.Shared, "MASTER", s.Master)
	for _, c := range []struct {
		spoil, mend, fault string
		since              int
	}{
		{"COMMENT ON ROLE RECORDED IS NULL", forged(s), "it carries no record of setup", 0},
		{`COMMENT ON ROLE RECORDED IS '{"role" : "SHARED", "users" : ["x", "y"]}'`, forged(s), "its record is", 0},
		{"ALTER ROLE RECORDED LOGIN", "ALTER ROLE RECORDED NOLOGIN", "its attributes are not", 0},
		{"ALTER ROLE RECORDED NOCREATEROLE", "ALTER ROLE RECORDED CREATEROLE", "its attributes are not", 0},
		{"ALTER ROLE RECORDED CREATEDB", "ALTER ROLE RECORDED NOCREATEDB", "its attributes are not", 0},
		{"ALTER ROLE RECORDED REPLICATION", "ALTER ROLE RECORDED NOREPLICATION", "its attributes are not", 0},
		{"ALTER ROLE RECORDED BYPASSRLS", "ALTER ROLE RECORDED NOBYPASSRLS", "its attributes are not", 0},
		{"GRANT RECORDED TO SHAREDspy", "REVOKE RECORDED FROM SHAREDspy", "its members are SHAREDspy", 0},
		{"CREATE FUNCTION RECORDED.door() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION RECORDED.door OWNER TO RECORDED", "DROP FUNCTION RECORDED.door", "it owns function RECORDED.door()", 0},
		{"ALTER SCHEMA RECORDED OWNER TO SHAREDspy", "ALTER SCHEMA RECORDED OWNER TO RECORDED", "belongs to SHAREDspy", 0},
		{"REVOKE USER_A FROM RECORDED GRANTED BY MASTER", "GRANT USER_A TO RECORDED WITH ADMIN TRUE, INHERIT FALSE, SET FALSE GRANTED BY MASTER", "it does not hold ADMIN on USER_A", 16},
	} {
		if pg.Major() < c.since {
			continue
		}
		s.SQL(names.Replace(c.spoil))
		out, err := psqlSetup(t, s.Superuser(), "SET pgrotator.username = '"+s.A+"'")
		if err == nil || !strings.Contains(out, names.Replace(c.fault)) {
			t.Errorf("%s: %v\n%s\nwant %q", c.spoil, err, out, names.Replace(c.fault))
		}
		s.SQL(names.Replace(c.mend))
	}
	mustChangeNothing(t, s)
	if pg.Major() >= 16 {
		mustHaveMadeIt(t, pg)
	}
}

// mustHaveMadeIt: where none of the pair exists, nothing but its maker tells an owner role from a stranger's.
func mustHaveMadeIt(t *testing.T, pg *localpg.Server) {
	t.Helper()
	s := newScene(t, pg, nil)
	s.SQL("CREATE ROLE rotation_"+s.Shared+" NOLOGIN CREATEROLE NOINHERIT", forged(s))
	if _, err := s.Repair(); err == nil || !strings.Contains(err.Error(), "setup has made nothing of the pair") {
		t.Errorf("repair: %v", err)
	}
	out, err := psqlSetup(t, pg.URL(s.Master, localtest.PasswordMaster, s.Database), "SET pgrotator.username = '"+s.A+"'", "SET pgrotator.verifier = '"+verifier+"'")
	if err == nil || !strings.Contains(out, "the pair does not exist and the master did not make it") {
		t.Errorf("error %v\n%s", err, out)
	}
}

// Whoever may make roles makes the master a member of one, and has everybody become it in a database of his own: what setup made there
// would be that role's, which he administers. By psql the master, who may change nothing of that database, is told what makes it itself.
func TestMasterIsItself(t *testing.T) {
	t.Parallel()
	since16(t, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		spy, mask := s.Shared+"spy", s.Shared+"mask"
		s.SQL("CREATE ROLE "+spy+" LOGIN CREATEROLE PASSWORD 'spy'", "ALTER DATABASE "+s.Database+" OWNER TO "+spy)
		s.SQLAs(pg.URL(spy, "spy", s.Database), "CREATE ROLE "+mask+" CREATEROLE", "GRANT "+mask+" TO "+s.Master,
			"GRANT CREATE ON DATABASE "+s.Database+" TO "+mask+", "+s.Master, "ALTER DATABASE "+s.Database+" SET role = '"+mask+"'")
		byPsql := func(before ...string) (string, error) {
			return psqlSetup(t, pg.URL(s.Master, localtest.PasswordMaster, s.Database),
				append(before, "SET pgrotator.username = '"+s.Shared+"psql_a'", "SET pgrotator.verifier = '"+verifier+"'")...)
		}
		out, err := byPsql()
		if err == nil {
			t.Fatalf("by psql:\n%s", out)
		}
		_, hint, _ := strings.Cut(out, "HINT:")
		if out, err := byPsql(strings.Trim(told(t, hint, `"[^"]+"`)[0], `"`)); err != nil {
			t.Errorf("by psql, after %s: %v\n%s", hint, err, out)
		}
		s.MustSetup()
		var administered []string
		s.Ask("SELECT coalesce(array_agg(roleid::regrole::text), '{}') FROM pg_auth_members WHERE member = $1::regrole", []any{mask}, &administered)
		if len(administered) > 0 {
			t.Errorf("%s administers %q", mask, administered)
		}
	})
}

// By psql too a partner that exists has nothing beyond the user, whatever comment vouches for it; one that a DBA calls the twin, and that
// has not, is taken, by the event as by psql, also where the shared role is still to be made.
func TestTwinHasNothingBeyondTheUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ give, refused string }{
		"an attribute":  {"ALTER ROLE USER_B CREATEDB", "it has the attribute CREATEDB"},
		"a membership":  {"CREATE ROLE SHAREDpayroll ROLE USER_B", "it has membership in"},
		"an object":     {"CREATE SCHEMA SHAREDhome AUTHORIZATION USER_B", "it has objects or grants of its own"},
		"nothing of it": {"COMMENT ON ROLE USER_A IS NULL", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, server, nil)
			other := s.Shared + "x" // not of the stem, so that the pair is one that somebody has named
			names := strings.NewReplacer("USER_A", s.A, "USER_B", other, "SHARED", s.Shared)
			s.SQL(login(s.A), "CREATE ROLE "+other+" LOGIN", string(script.MarkTwin(other, s.A)), names.Replace(c.give))
			s.PutCurrent(s.Value(map[string]any{"masterarn": masterOf(t, s), "usernames": []string{s.A, other}, "role": s.Shared}))
			if c.refused == "" {
				s.MustSetup()
				return
			}
			out, err := psqlSetup(t, s.Superuser(), names.Replace("SET pgrotator.username = 'USER_A'; SET pgrotator.partner = 'USER_B'; SET pgrotator.role = 'SHARED'"))
			if err == nil || !strings.Contains(out, c.refused) {
				t.Errorf("psql: %v\n%s", err, out)
			}
			if _, err := s.Setup(); err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("setup: %v", err)
			}
		})
	}
}
