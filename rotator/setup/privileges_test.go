package setup_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// may lists whatever the shared role and its users may do in the scene's database beyond PUBLIC: functions, relations and schemas
// that carry a grant to them, their memberships, and who is a member of them.
func may(s *localtest.Scene) (list []string) {
	s.Ask(`WITH own AS (SELECT oid FROM pg_roles WHERE rolname IN ($1, $2, $3))
		SELECT coalesce(array_agg(what ORDER BY what), '{}') FROM (
			SELECT 'EXECUTE on function ' || p.proname FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee IN (SELECT oid FROM own)
			UNION ALL SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) || ' on table ' || c.relname
				FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee IN (SELECT oid FROM own) GROUP BY c.relname, a.grantee
			UNION ALL SELECT a.privilege_type || ' on schema ' || replace(n.nspname, $1, 'APP') FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee IN (SELECT oid FROM own)
			UNION ALL SELECT 'owns ' || pg_describe_object(d.classid, d.objid, 0) FROM pg_shdepend d WHERE d.deptype = 'o' AND d.refobjid IN (SELECT oid FROM own)
			UNION ALL SELECT 'membership of ' || replace(m.member::regrole::text, $1, 'APP') || ' in ' || replace(m.roleid::regrole::text, $1, 'APP')
				FROM pg_auth_members m WHERE m.member IN (SELECT oid FROM own)
			UNION ALL SELECT 'attributes of ' || rolname FROM pg_roles WHERE oid IN (SELECT oid FROM own) AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
		) AS x (what)`, []any{s.Shared, s.A, s.B}, &list)
	return list
}

// After setup for rotation the pair may do exactly one thing more than before: set each other.
func TestRotationGivesOneThing(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		s.ArticleRoles("")
		before := may(s)
		s.MustSetupFor(role.ForRotation)
		if got, want := gained(before, may(s)), []string{"EXECUTE on function set_other_user", "USAGE on schema rotation_APP"}; !slices.Equal(got, want) {
			t.Errorf("setup gave the pair\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// From 16 on whoever owns the database could have the master become a member of what it creates.
func TestMasterIsNoMemberOfWhatItCreates(t *testing.T) {
	t.Parallel()
	for name, setUp := range map[string]func(*testing.T, *localtest.Scene){
		"setup": func(_ *testing.T, s *localtest.Scene) {
			grantToMakers(s)
			s.MustSetupFor(role.ForSweep)
		},
		"psql": func(t *testing.T, s *localtest.Scene) {
			grantToMakers(s)
			s.SQL("CREATE ROLE "+s.A+" LOGIN", "GRANT "+s.A+" TO "+s.Master+" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE")
			master := s.PG.URL(s.Master, localtest.PasswordMaster, s.Database)
			if out, err := psqlSetup(t, master, "SET pgrotator.username = '"+s.A+"'"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		},
		"the master way": func(t *testing.T, s *localtest.Scene) {
			s.ArticleRoles("")
			s.SQL("DROP ROLE " + s.B)
			grantToMakers(s)
			if err := s.Rotate(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, pgtest.Shared(t, localpg.Options{Major: 18, TLS: true}), nil)
			setUp(t, s)
			var member []string
			s.Ask("SELECT coalesce(array_agg(roleid::regrole::text), '{}') FROM pg_auth_members WHERE member = $1::regrole AND grantor = member AND (inherit_option OR set_option)",
				[]any{s.Master}, &member)
			if len(member) > 0 {
				t.Errorf("the master is a member of %q", member)
			}
		})
	}
}

func grantToMakers(s *localtest.Scene) {
	s.SQL(fmt.Sprintf("ALTER DATABASE %s SET createrole_self_grant = 'set, inherit'", s.Database))
}

// After setup for the sweep it may do what the list of the security page says, and nothing that is not on it.
func TestSweepGivesWhatIsListed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../deploy/security.md")
	if err != nil {
		t.Fatal(err)
	}
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		s.ArticleRoles("")
		before := may(s)
		s.MustSetupFor(role.ForSweep)
		for _, what := range gained(before, may(s)) {
			line := "| " + strings.NewReplacer("rotation_APP", "rotation_app").Replace(what) + " |"
			if !strings.Contains(string(page), line) {
				t.Errorf("security.md lacks %q", line)
			}
		}
		if got := len(gained(before, may(s))); got != strings.Count(string(page), "| EXECUTE on function ")+strings.Count(string(page), " on table user_login_")+1 {
			t.Errorf("setup gave %d things, and security.md lists others", got)
		}
		ownerHolds(t, s)
	})
}

// ownerHolds: the owner role is a member of the pair and, from 16 on, of the people it may close, with ADMIN alone; of nothing else.
func ownerHolds(t *testing.T, s *localtest.Scene) {
	t.Helper()
	var beyond []string
	s.Ask(`SELECT coalesce(array_agg(m.roleid::regrole::text), '{}') FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
		WHERE m.member = $1::regrole AND (NOT m.admin_option OR NOT r.rolcanlogin AND r.rolname NOT IN ($2, $3))`,
		[]any{"rotation_" + s.Shared, s.A, s.B}, &beyond)
	if len(beyond) > 0 {
		t.Errorf("the owner role is a member of %q", beyond)
	}
}

func gained(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(what string) bool { return slices.Contains(before, what) })
}

// Bad input is a clear error, and nothing is changed.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event map[string]any
		text  string
	}{
		"for nothing known": {map[string]any{"for": "everything"}, `"for" is "everything"; expected "rotation" or "sweep"`},
		"for a number":      {map[string]any{"for": 1}, `key "for" is a number`},
		"a key too many":    {map[string]any{"dryRun": true}, `has no key "dryRun"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, server, nil)
			before := snapshot(t, s)
			event := map[string]any{"action": "setup", "secretId": s.SecretID}
			for key, value := range c.event {
				event[key] = value
			}
			if _, err := s.Invoke(event); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("setup: %v, want %q", err, c.text)
			}
			if after := snapshot(t, s); after != before {
				t.Errorf("the catalogs were\n%s\nand are\n%s", before, after)
			}
		})
	}
	t.Run("by psql", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, server, nil)
		out, err := setupByPsql(t, s, fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.sweep = 'yes'", s.A))
		if err == nil || !strings.Contains(out, "pgrotator.sweep is 'yes'; expected on, off or nothing") {
			t.Errorf("error %v\n%s", err, out)
		}
	})
}
