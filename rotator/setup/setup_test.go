package setup_test

import (
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
	"pgrotator/rotator/role"
	"pgrotator/rotator/script"
)

var server *localpg.Server

var options = localpg.Options{Major: 15, TLS: true}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of a test's time is waiting for the server: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	pgtest.Main(m, options, &server)
}

// newScene has a master whose secret the scene's secret names.
func newScene(t *testing.T, pg *localpg.Server, keys map[string]any) *localtest.Scene {
	t.Helper()
	s := localtest.New(t, pg, nil)
	all := map[string]any{"masterarn": s.CreateMaster()}
	for key, value := range keys {
		all[key] = value
	}
	s.CreateSecret(all)
	return s
}

func mustRotate(t *testing.T, s *localtest.Scene) {
	t.Helper()
	if err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	s.MustLogin("AWSCURRENT")
	s.MustLogin("AWSPREVIOUS")
}

func TestMatrixOfSetup(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		t.Run("repeatable", func(t *testing.T) { repeatable(t, pg) })
		t.Run("functions refuse", func(t *testing.T) { functionsRefuse(t, pg) })
		t.Run("a group of somebody else's", func(t *testing.T) { groupOfAnother(t, pg) })
		t.Run("owner role's signs", func(t *testing.T) { ownerRoleSigns(t, pg) })
	})
}

// repeatable: setup tells each change once. Repeated, it finds all there, before and after a rotation.
func repeatable(t *testing.T, pg *localpg.Server) {
	s := newScene(t, pg, nil)
	changed, err := s.SetupFor(role.ForSweep)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"created role " + s.Shared, "created role " + s.A + " with the password of the secret",
		"created role " + s.B + ", which cannot log in until its first rotation",
		"created role rotation_" + s.Shared + ", which owns the functions of the pair",
		"created function rotation_" + s.Shared + ".set_other_user", "created the tables of the sweep in schema rotation_" + s.Shared} {
		if !slices.Contains(changed, want) {
			t.Errorf("setup did not tell %q, but %q", want, changed)
		}
	}
	mustChangeNothing(t, s)
	mustRotate(t, s)
	if pg.Major() >= 16 { // a GRANT that does not state the option changes nothing
		s.SQL("GRANT " + s.Shared + " TO " + s.B + " WITH SET FALSE GRANTED BY " + s.Master)
		s.MustSetup()
		mustRotate(t, s)
	}
	mustChangeNothing(t, s)
	nobodyBecomesTheOwner(t, s)
}

func mustChangeNothing(t *testing.T, s *localtest.Scene) {
	t.Helper()
	before := s.Verifiers()
	if changed, err := s.Setup(); err != nil || len(changed) > 0 {
		t.Errorf("setup again changed %q, error %v", changed, err)
	}
	if after := s.Verifiers(); after != before {
		t.Errorf("the roles were\n%s\nand are\n%s", before, after)
	}
}

// nobodyBecomesTheOwner: neither the pair nor, from 16 on, the master may act as the role that owns the functions; PUBLIC may not
// call them.
func nobodyBecomesTheOwner(t *testing.T, s *localtest.Scene) {
	t.Helper()
	logins := map[string]string{s.Credential("AWSCURRENT").Username: s.Credential("AWSCURRENT").Password}
	if s.PG.Major() >= 16 {
		logins[s.Master] = localtest.PasswordMaster
	}
	for user, password := range logins {
		conn := pgtest.Connect(t, s.PG.URL(user, password, s.Database))
		if _, err := conn.Exec(t.Context(), "SET ROLE rotation_"+s.Shared); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s becomes the owner: %v", user, err)
		}
	}
	var open []string
	s.Ask(`SELECT array_agg(p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
		WHERE n.nspname = $1 AND acl.grantee = 0`, []any{"rotation_" + s.Shared}, &open)
	if len(open) > 0 {
		t.Errorf("PUBLIC may call %q", open)
	}
}

// What is missing is made again, and nothing else.
func TestSetupMendsWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statement, change string }{
		"partner":       {"DROP ROLE USER_B", "created role USER_B, which"},
		"membership":    {"REVOKE SHARED FROM USER_B", "granted SHARED to USER_B"},
		"role setting":  {"ALTER ROLE USER_B RESET role", "USER_B becomes SHARED when it logs in"},
		"function":      {"DROP FUNCTION rotation_SHARED.lock_role", "created function rotation_SHARED.lock_role"},
		"function body": {"CREATE OR REPLACE FUNCTION rotation_SHARED.drop_role(target text) RETURNS void LANGUAGE sql AS ''", "mended function rotation_SHARED.drop_role"},
		"tables":        {"DROP TABLE rotation_SHARED.user_login_action", "created the tables of the sweep in schema rotation_SHARED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, server, nil)
			s.MustSetupFor(role.ForSweep)
			names := strings.NewReplacer("USER_B", s.B, "SHARED", s.Shared)
			s.SQL(names.Replace(c.statement))
			changed, err := s.SetupFor(role.ForSweep)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(changed, func(told string) bool { return strings.HasPrefix(told, names.Replace(c.change)) }) {
				t.Errorf("setup changed %q; want %q", changed, names.Replace(c.change))
			}
			mustRotate(t, s)
		})
	}
}

// After a restore the database has another password than the secret: only repair sets it again, and only for a recorded pair.
func TestRepair(t *testing.T) {
	t.Parallel()
	s := newScene(t, server, nil)
	s.MustSetup()
	s.SQL(fmt.Sprintf("ALTER ROLE %s PASSWORD 'of the snapshot' NOLOGIN", s.A))
	if _, err := s.Setup(); err == nil || !strings.Contains(err.Error(), `run setup with "repair": true`) {
		t.Fatalf("setup without repair: %v", err)
	}
	changed, err := s.Repair()
	if err != nil || !slices.Equal(changed, []string{"set the password of " + s.A + " to that of the secret"}) {
		t.Fatalf("repair changed %q, error %v", changed, err)
	}
	s.MustLogin("AWSCURRENT")
	mustRotate(t, s)
}

// refusals are what setup, which has the master's power, must not do for whoever wrote the secret.
var refusals = []struct {
	name    string
	prepare func(s *localtest.Scene) map[string]any // makes roles, gives keys
	text    string
}{
	{"no masterarn", func(*localtest.Scene) map[string]any { return map[string]any{"masterarn": nil} }, `the secret has neither the key "masterarn"`},
	{"host is not the master's", func(*localtest.Scene) map[string]any { return map[string]any{"host": "127.0.0.1"} },
		"the master must be of the same host or cluster"},
	{"masterarn is another application's, for a pair to be made", func(s *localtest.Scene) map[string]any {
		s.SQL(fmt.Sprintf("CREATE ROLE %selse LOGIN CREATEROLE PASSWORD '%s'", s.Shared, localtest.PasswordMaster))
		return map[string]any{"masterarn": s.PutNewSecret("application", s.Value(map[string]any{"username": s.Shared + "else",
			"password": localtest.PasswordMaster, "dbInstanceIdentifier": "of-master"}))}
	}, "is not the master user at"},
	{"user is the master", named(func(s *localtest.Scene) { s.A = s.Master }), "is the master user"},
	{"partner is the master", named(func(s *localtest.Scene) { s.B = s.Master }), "is the master user"},
	{"role is the master", named(func(s *localtest.Scene) { s.Shared = s.Master }), "is the master user"},
	{"role is rds_superuser", named(func(s *localtest.Scene) { s.Shared = "rds_superuser" }), "keeps for its own roles"},
	{"role is pg_monitor", named(func(s *localtest.Scene) { s.Shared = "pg_monitor" }), "keeps for its own roles"},
	{"partner is pg_monitor", named(func(s *localtest.Scene) { s.B = "pg_monitor" }), "keeps for its own roles"},
	{"role is one of the pair", named(func(s *localtest.Scene) { s.Shared = s.A }), "is one of the pair"},
	{"partner is a superuser", named(func(s *localtest.Scene) { s.B = "postgres" }), "is a superuser or a member of rds_superuser"},
	{"role is a superuser", named(func(s *localtest.Scene) { s.Shared = "postgres" }), "is a superuser or a member of rds_superuser"},
	{"user is a superuser", named(func(s *localtest.Scene) { s.A = "postgres" }), "is a superuser or a member"},
	{"partner is a member of rds_superuser", named(func(s *localtest.Scene) {
		s.SQL("CREATE ROLE " + s.B + " LOGIN IN ROLE rds_superuser")
	}), "is a superuser or a member of rds_superuser"},
	{"role is a member of rds_superuser", named(func(s *localtest.Scene) {
		s.ArticleRoles("")
		s.SQL("GRANT rds_superuser TO " + s.Shared)
	}), "is a superuser or a member of rds_superuser"},
	{"partner is a member of rds_iam", named(func(s *localtest.Scene) {
		s.SQL(`DO $$ BEGIN CREATE ROLE rds_iam; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
			"CREATE ROLE "+s.B+" LOGIN IN ROLE rds_iam")
	}), "is a member of rds_iam"},
	{"pair without a role", func(s *localtest.Scene) map[string]any {
		return map[string]any{"usernames": []string{s.A, s.A + "x"}}
	}, "has no shared role"},
	{"user exists and did not log in", named(func(s *localtest.Scene) { s.SQL("CREATE ROLE " + s.A + " LOGIN PASSWORD 'another'") }),
		"setup takes over nobody who has not logged in"},
	{"partner exists, user does not", named(func(s *localtest.Scene) { s.SQL("CREATE ROLE " + s.B + " LOGIN") }),
		"setup grants no role that it did not make"},
	{"role exists, user does not", named(func(s *localtest.Scene) { s.SQL("CREATE ROLE " + s.Shared) }),
		"setup grants no role that it did not make"},
	{"partner of an adopted user exists", named(func(s *localtest.Scene) {
		s.SQL(login(s.A), "CREATE ROLE "+s.B+" LOGIN")
	}), "setup takes over nobody who has not logged in"},
	{"twin of an adopted user has more", named(func(s *localtest.Scene) {
		s.SQL(login(s.A), "CREATE ROLE "+s.B+" LOGIN CREATEDB", string(script.MarkTwin(s.B, s.A)))
	}), "it has the attribute CREATEDB"},
	{"adopted user owns something", named(func(s *localtest.Scene) {
		s.SQL(login(s.A), "CREATE SCHEMA "+s.Shared+"home AUTHORIZATION "+s.A)
	}), "which it would lose on becoming the new role"},
	{"role exists and the user does not become it", named(func(s *localtest.Scene) {
		s.SQL(login(s.A), "CREATE ROLE "+s.Shared)
	}), "setup grants no role that it did not make"},
	{"partner exists and is no member", named(func(s *localtest.Scene) {
		s.ArticleRoles("")
		s.SQL(fmt.Sprintf("REVOKE %s FROM %s", s.Shared, s.B))
	}), "is not a member of"},
	{"partner has more than the user", named(func(s *localtest.Scene) {
		s.ArticleRoles("")
		s.SQL("CREATE ROLE "+s.Shared+"payroll", "GRANT "+s.Shared+"payroll TO "+s.B)
	}), "is no twin of"},
	{"partner is a person", named(func(s *localtest.Scene) {
		s.ArticleRoles("")
		s.SQL("CREATE SCHEMA " + s.Shared + "home AUTHORIZATION " + s.B)
	}), "it has objects or grants of its own"},
	{"owner role made by somebody else", named(func(s *localtest.Scene) {
		s.SQL("CREATE ROLE rotation_" + s.Shared + " LOGIN CREATEROLE")
	}), "is not as setup makes it"},
	{"owner role with a member", named(func(s *localtest.Scene) {
		s.SQL("CREATE ROLE rotation_"+s.Shared+" CREATEROLE", "CREATE ROLE "+s.Shared+"spy", "GRANT rotation_"+s.Shared+" TO "+s.Shared+"spy")
	}), "is not as setup makes it"},
	{"schema of somebody else", named(func(s *localtest.Scene) {
		s.SQL("CREATE ROLE "+s.Shared+"spy", "CREATE SCHEMA rotation_"+s.Shared+" AUTHORIZATION "+s.Shared+"spy")
	}), "not to the role of its own name"},
}

// named gives the keys usernames and role after prepare, for a pair that whoever wrote the secret chose.
func named(prepare func(s *localtest.Scene)) func(s *localtest.Scene) map[string]any {
	return func(s *localtest.Scene) map[string]any {
		prepare(s)
		return map[string]any{"username": s.A, "usernames": []string{s.A, s.B}, "role": s.Shared}
	}
}

func login(user string) string {
	return fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", user, localtest.PasswordA)
}

// What a DBA's event trigger says about setup is told with the function that says it.
func TestEventTriggerThatStopsSetup(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	s.SQL(`CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no changes before Monday'; END $$`,
		`CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.hold()`)
	_, err := s.Setup()
	for _, want := range []string{"no changes before Monday", "CONTEXT: PL/pgSQL function public.hold() line 1 at RAISE"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
	s.SQL("DROP EVENT TRIGGER hold")
	s.MustSetup()
}

func TestSetupRefuses(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			arn := s.CreateMaster()
			keys := r.prepare(s)
			if _, given := keys["masterarn"]; !given {
				keys["masterarn"] = arn
			}
			s.CreateSecret(keys)
			before := snapshot(t, s)
			for name, run := range map[string]func() ([]string, error){"setup": s.Setup, "repair": s.Repair} {
				changed, err := run()
				if err == nil || !strings.Contains(err.Error(), r.text) {
					t.Errorf("%s changed %q, error\n  %v\nwant %q", name, changed, err, r.text)
				}
			}
			if after := snapshot(t, s); after != before {
				t.Errorf("roles, memberships, settings and schemas were\n%s\nand are\n%s", before, after)
			}
		})
	}
}

// snapshot is what setup could change, of the scene's roles and schemas.
func snapshot(t *testing.T, s *localtest.Scene) (all string) {
	t.Helper()
	s.Ask(`SELECT concat(
		(SELECT string_agg(a::text, E'\n' ORDER BY a.rolname) FROM pg_authid a WHERE rolname ~ $1 OR rolname = 'postgres'),
		(SELECT string_agg(concat_ws(' ', E'\n', m.roleid::regrole, m.member::regrole), '' ORDER BY m.roleid, m.member) FROM pg_auth_members m
			WHERE m.roleid::regrole::text ~ $1 OR m.member::regrole::text ~ $1),
		(SELECT string_agg(r::text, E'\n' ORDER BY r.setrole) FROM pg_db_role_setting r WHERE r.setrole::regrole::text ~ $1),
		(SELECT string_agg(concat_ws(' ', E'\n', n.nspname, n.nspowner::regrole, n.nspacl), '' ORDER BY n.nspname) FROM pg_namespace n))`,
		[]any{"(^|_)" + strings.TrimSuffix(s.Master, "master") + "([^0-9]|$)"}, &all)
	return all
}

// One shared role serves one pair.
func TestSetupOfAnotherPairWithTheSameRole(t *testing.T) {
	t.Parallel()
	s := newScene(t, server, nil)
	s.MustSetup()
	other := localtest.New(t, server, nil)
	other.Master, other.Database = s.Master, s.Database
	other.CreateSecret(map[string]any{"role": s.Shared,
		"masterarn": other.PutMaster("master", s.Master)})
	if _, err := other.Setup(); err == nil || !strings.Contains(err.Error(), "serves the pair "+s.A+", "+s.B+" already") {
		t.Errorf("setup: %v", err)
	}
	var exists bool
	s.Ask("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", []any{other.A}, &exists)
	if exists {
		t.Errorf("setup made %s", other.A)
	}
}

// Setup that is cut or killed at any message, and run again, ends as if nothing had happened.
func TestSetupSurvivesEveryDatabaseFault(t *testing.T) {
	t.Parallel()
	s, proxy := newFaultScene(t)
	s.MustSetupFor(role.ForSweep)
	points := proxy.Points()
	for point := 1; point <= points; point++ {
		t.Run(fmt.Sprintf("point %d of %d", point, points), func(t *testing.T) {
			t.Parallel()
			for _, kind := range pgfault.Kinds() {
				s, proxy := newFaultScene(t)
				proxy.Inject(point, kind, s.Function.Kill)
				if _, err := s.SetupFor(role.ForSweep); err != nil && !strings.Contains(err.Error(), "Runtime exited") {
					t.Errorf("%s: %v", kind, err)
				}
				if !proxy.Reached() {
					t.Errorf("%s: setup never came to this point", kind)
				}
				s.MustSetupFor(role.ForSweep)
				mustChangeNothing(t, s)
				s.MustLogin("AWSCURRENT")
			}
		})
	}
}

func newFaultScene(t *testing.T) (*localtest.Scene, *pgfault.Proxy) {
	t.Helper()
	proxy, err := pgfault.Start(t.Context(), fmt.Sprintf("127.0.0.1:%d", server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	s := localtest.New(t, server, nil)
	s.Behind(proxy.Port())
	s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
	return s, proxy
}

// Where no master secret exists, a DBA runs the same script with psql, as its head says.
func TestSetupByPsql(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateMaster()
	s.SQLAs(server.URL(s.Master, localtest.PasswordMaster, s.Database), login(s.A))
	s.CreateSecret(nil)
	for _, changes := range []bool{true, false} {
		out, err := setupByPsql(t, s, fmt.Sprintf("SET pgrotator.username = '%s'", s.A))
		if err != nil || strings.Contains(out, "changed: ") != changes {
			t.Fatalf("%v\n%s\nwant changes: %v", err, out, changes)
		}
	}
	mustRotate(t, s)
	mustRotate(t, s)
}

// What the function refuses before it sends the script, the script refuses by itself.
func TestSetupByPsqlRefuses(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	s.CreateMaster()
	s.SQL(login(s.A), "CREATE ROLE "+s.Shared+"su SUPERUSER")
	for name, set := range map[string]string{
		"nobody":                     "SELECT 1",
		"pair unknown":               fmt.Sprintf("SET pgrotator.username = '%s'", s.Master),
		"user is the master":         fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.partner = 'p'; SET pgrotator.role = 'r'", s.Master),
		"partner is a superuser":     fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.partner = '%ssu'; SET pgrotator.role = 'r'", s.A, s.Shared),
		"role is a superuser":        fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.role = '%ssu'", s.A, s.Shared),
		"role has a reserved name":   fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.role = 'rds_superuser'", s.A),
		"role's name is too long":    fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.role = '%s'", s.A, strings.Repeat("x", 64)),
		"role is one of the pair":    fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.role = '%[1]s'", s.A),
		"partner is the user itself": fmt.Sprintf("SET pgrotator.username = '%s'; SET pgrotator.partner = '%[1]s'", s.A),
	} {
		out, err := setupByPsql(t, s, set)
		if err == nil || !strings.Contains(out, "two users and their shared role are needed") && !strings.Contains(out, "is the master, a superuser, longer than 63 bytes") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func setupByPsql(t *testing.T, s *localtest.Scene, set string) (out string, err error) {
	t.Helper()
	return psqlSetup(t, server.URL(s.Master, localtest.PasswordMaster, s.Database), set)
}

// psqlSetup runs the script of setup with psql, after commands.
func psqlSetup(t *testing.T, url string, commands ...string) (out string, err error) {
	t.Helper()
	var arguments []string
	for _, command := range commands {
		arguments = append(arguments, "-c", command)
	}
	return psqlFile(t, url, "setup.sql", arguments...)
}

// psqlFile runs a script of sql/ with psql.
func psqlFile(t *testing.T, url, name string, arguments ...string) (out string, err error) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not on this machine")
	}
	said, err := exec.Command(psql, append(append([]string{url, "-X"}, arguments...), "-f", "../../sql/"+name)...).CombinedOutput()
	return string(said), err
}
