package setup_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/internal/pgfault"
)

// Whoever would give the pair, or get by it, more than the pair's own user has is refused, and nothing is changed.
func TestAdoptionRefuses(t *testing.T) {
	t.Parallel()
	named := func(s *localtest.Scene) map[string]any {
		return map[string]any{"username": s.A, "usernames": []string{s.A, s.B}, "role": s.Shared}
	}
	for name, c := range map[string]struct {
		prepare func(s *localtest.Scene)
		keys    func(s *localtest.Scene) map[string]any // nil = named
		event   map[string]any
		text    string
	}{
		"adopt is no bool":    {event: map[string]any{"adopt": "yes"}, text: `key "adopt" is a string`},
		"adopt is null":       {event: map[string]any{"adopt": nil}, text: `key "adopt" is null`},
		"adopt with repair":   {event: map[string]any{"repair": true}, text: `"adopt" does not go with "repair"`},
		"AWSCURRENT is wrong": {prepare: func(s *localtest.Scene) { s.SQL("ALTER ROLE " + s.A + " PASSWORD 'another'") }, text: "setup adopts nobody who has not logged in"},
		"no shared role": {keys: func(s *localtest.Scene) map[string]any {
			return map[string]any{"usernames": []string{s.A, s.A + "x"}}
		}, text: "has no shared role"},
		"a single user": {keys: func(s *localtest.Scene) map[string]any {
			return map[string]any{"usernames": []string{s.A}}
		}, text: "needs no setup"},
		"a superuser":               {prepare: func(s *localtest.Scene) { s.SQL("ALTER ROLE " + s.A + " SUPERUSER") }, text: "is a superuser"},
		"a member of rds_superuser": {prepare: func(s *localtest.Scene) { s.SQL("GRANT rds_superuser TO " + s.A) }, text: "is a superuser or a member of rds_superuser"},
		"a member of the master": {prepare: func(s *localtest.Scene) {
			s.SQL("REVOKE rds_superuser FROM "+s.Master, "GRANT "+s.Master+" TO "+s.A)
		}, text: "is a member of"},
		"the master": {keys: func(s *localtest.Scene) map[string]any {
			return map[string]any{"username": s.Master, "password": localtest.PasswordMaster, "usernames": []string{s.Master, s.B}, "role": s.Shared}
		}, text: "is the master user"},
		"a replication user": {prepare: func(s *localtest.Scene) { s.SQL("ALTER ROLE " + s.A + " REPLICATION") }, text: "has REPLICATION"},
		"NOINHERIT":          {prepare: func(s *localtest.Scene) { s.SQL("ALTER ROLE " + s.A + " NOINHERIT") }, text: "is NOINHERIT"},
		"a stranger's role":  {prepare: func(s *localtest.Scene) { s.SQL("CREATE ROLE " + s.Shared) }, text: "so it may be anybody's"},
		"a role with other members": {prepare: func(s *localtest.Scene) {
			s.SQL("CREATE ROLE "+s.Shared, "GRANT "+s.Shared+" TO "+s.A, "CREATE ROLE "+s.Shared+"spy", "GRANT "+s.Shared+" TO "+s.Shared+"spy")
		}, text: "who would get what the users own"},
		"a partner of somebody else": {prepare: func(s *localtest.Scene) { s.SQL("CREATE ROLE " + s.B + " LOGIN") }, text: "COMMENT ON ROLE"},
		"a clone by its name, that cannot do what the user can": {prepare: func(s *localtest.Scene) {
			s.SQL("CREATE ROLE "+s.A+"_clone LOGIN NOINHERIT", "GRANT "+s.A+" TO "+s.A+"_clone")
		}, keys: func(s *localtest.Scene) map[string]any {
			return map[string]any{"usernames": []string{s.A, s.A + "_clone"}, "role": s.Shared}
		}, text: "COMMENT ON ROLE"},
		"a clone that is none": {prepare: func(s *localtest.Scene) { s.SQL("CREATE ROLE " + s.A + "_clone LOGIN") }, keys: func(s *localtest.Scene) map[string]any {
			return map[string]any{"usernames": []string{s.A, s.A + "_clone"}, "role": s.Shared}
		}, text: "COMMENT ON ROLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			arn := s.CreateMaster()
			s.SQL(login(s.A), "CREATE SCHEMA "+s.Shared+"home AUTHORIZATION "+s.A)
			if c.prepare != nil {
				c.prepare(s)
			}
			keys := named(s)
			if c.keys != nil {
				keys = c.keys(s)
			}
			keys["masterarn"] = arn
			s.CreateSecret(keys)
			event := map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true}
			for key, value := range c.event {
				event[key] = value
			}
			before := snapshot(t, s)
			if changed, err := setupOf(t, s, event); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("setup changed %q, error\n  %v\nwant %q", changed, err, c.text)
			}
			if after := snapshot(t, s); after != before {
				t.Errorf("roles, memberships, settings and schemas were\n%s\nand are\n%s", before, after)
			}
		})
	}
}

// With "for" one setup adopts and makes what the sweep needs.
func TestAdoptionForTheSweep(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.SQL(login(s.A), "CREATE SCHEMA "+s.Shared+"home AUTHORIZATION "+s.A)
	s.CreateSecret(map[string]any{"username": s.A, "usernames": []string{s.A, s.B}, "role": s.Shared, "masterarn": arn})
	if _, err := setupOf(t, s, map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true, "for": "sweep"}); err != nil {
		t.Fatal(err)
	}
	var owner string
	s.Ask("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1", []any{s.Shared + "home"}, &owner)
	if tables := tablesIn(s, "rotation_"+s.Shared); owner != s.Shared || len(tables) != 3 || functionsOf(s) != "drop_role lock_role refuse_unless_closable set_other_user unlock_role" {
		t.Errorf("the schema is %s's, tables %q, functions %q", owner, tables, functionsOf(s))
	}
}

// What the master may not move stops the adoption of its database, is told with who can, and the users go on having everything; the cure
// that is given works.
func TestAdoptionIsStopped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hinder []string
		text   string
		cure   string // as the superuser
	}{
		"a superuser's grant": {[]string{"CREATE SCHEMA keep", "CREATE TABLE keep.t (n int)", "GRANT SELECT ON keep.t TO USER_A WITH GRANT OPTION"},
			"may not grant SELECT on TABLE keep.t as postgres", "GRANT SELECT ON TABLE keep.t TO SHARED WITH GRANT OPTION"},
		"BYPASSRLS": {[]string{"ALTER ROLE USER_A BYPASSRLS"}, "may not give SHARED the attribute BYPASSRLS", "ALTER ROLE SHARED BYPASSRLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, nil)
			arn := s.CreateMaster()
			names := strings.NewReplacer("USER_A", s.A, "SHARED", s.Shared)
			s.SQL(login(s.A), "CREATE SCHEMA own AUTHORIZATION "+s.A)
			for _, statement := range c.hinder {
				s.SQL(names.Replace(statement))
			}
			s.CreateSecret(map[string]any{"masterarn": arn, "usernames": []string{s.A, s.B}, "role": s.Shared})
			event := map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true}
			_, err := setupOf(t, s, event)
			if err == nil || !strings.Contains(err.Error(), names.Replace(c.text)) || !strings.Contains(err.Error(), names.Replace(c.cure)) {
				t.Fatalf("error %v, want %q and %q", err, names.Replace(c.text), names.Replace(c.cure))
			}
			if who, err := s.Login(s.Credential("AWSCURRENT")); err != nil || who != s.A {
				t.Errorf("%s logs in as %q: %v", s.A, who, err)
			}
			s.SQL(names.Replace(c.cure))
			if _, err := setupOf(t, s, event); err != nil {
				t.Fatal(err)
			}
			mustRotate(t, s)
		})
	}
}

// An adoption that is cut or killed at any message, and run again, ends as if nothing had happened; until then the user logs in and has
// what it had.
func TestAdoptionSurvivesEveryDatabaseFault(t *testing.T) {
	t.Parallel()
	_, proxy, adopt := newAdoptionUnderFault(t)
	if _, err := adopt(); err != nil {
		t.Fatal(err)
	}
	points := proxy.Points()
	for _, point := range localtest.Points(points, 5) {
		t.Run(fmt.Sprintf("point %d of %d", point, points), func(t *testing.T) {
			t.Parallel()
			kinds := pgfault.Kinds()
			if !localtest.Soaking() {
				kinds = kinds[point%len(kinds):][:1]
			}
			for _, kind := range kinds {
				s, proxy, adopt := newAdoptionUnderFault(t)
				proxy.Inject(point, kind, s.Function.Kill)
				if _, err := adopt(); err != nil && !strings.Contains(err.Error(), "Runtime exited") {
					t.Errorf("%s: %v", kind, err)
				}
				if !proxy.Reached() {
					t.Errorf("%s: the adoption never came to this point", kind)
				}
				mustWork(t, s)
				if _, err := adopt(); err != nil {
					t.Errorf("%s, again: %v", kind, err)
				}
				if changed, err := adopt(); err != nil || len(changed) > 0 {
					t.Errorf("%s, a third time: %q, error %v", kind, changed, err)
				}
				mustWork(t, s)
			}
		})
	}
}

func newAdoptionUnderFault(t *testing.T) (s *localtest.Scene, proxy *pgfault.Proxy, adopt func() ([]string, error)) {
	t.Helper()
	proxy, err := pgfault.Start(t.Context(), fmt.Sprintf("127.0.0.1:%d", server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	s = localtest.New(t, server, nil)
	s.Behind(proxy.Port())
	arn := s.CreateMaster()
	s.A, s.B, s.Shared = s.Shared, s.Shared+"_clone", s.Shared+"_owner"
	s.SQL(login(s.A), login(s.B), "GRANT "+s.A+" TO "+s.B, "CREATE SCHEMA own AUTHORIZATION "+s.A, "CREATE TABLE own.t (n int)", "ALTER TABLE own.t OWNER TO "+s.A,
		"CREATE SCHEMA made AUTHORIZATION "+s.B, "CREATE TABLE public.t (n int)", "GRANT SELECT ON public.t TO "+s.Master+" WITH GRANT OPTION")
	asMaster(s, "GRANT SELECT ON public.t TO "+s.A)
	s.CreateSecret(map[string]any{"masterarn": arn, "usernames": []string{s.A, s.B}, "role": s.Shared})
	proxy.Count()
	return s, proxy, func() ([]string, error) {
		return setupOf(t, s, map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true})
	}
}

// mustWork: AWSCURRENT logs in and does what it always could.
func mustWork(t *testing.T, s *localtest.Scene) {
	t.Helper()
	c := s.Credential("AWSCURRENT")
	s.SQLAs(s.PG.URL(c.Username, c.Password, s.Database), "INSERT INTO own.t VALUES (1)", "SELECT * FROM public.t", "CREATE TABLE own.job (n int)", "DROP TABLE own.job")
}

// A lock that a client holds is not waited for: nothing is moved meanwhile, nobody stands in a queue behind the adoption, and it goes on when
// the client is done.
func TestAdoptionKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	s := localtest.New(t, server, nil)
	arn := s.CreateMaster()
	s.SQL(login(s.A), "CREATE SCHEMA own AUTHORIZATION "+s.A, "CREATE TABLE own.a (n int)", "ALTER TABLE own.a OWNER TO "+s.A, "CREATE TABLE own.b (n int)", "ALTER TABLE own.b OWNER TO "+s.A)
	s.CreateSecret(map[string]any{"masterarn": arn, "usernames": []string{s.A, s.B}, "role": s.Shared})
	c := s.Credential("AWSCURRENT")
	client := pgtest.Connect(t, s.PG.URL(c.Username, c.Password, s.Database))
	transaction, err := client.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transaction.Exec(t.Context(), "INSERT INTO own.b VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.Invoke(map[string]any{"action": "setup", "secretId": s.SecretID, "adopt": true})
		ended <- err
	}()
	gaveUp := func() bool {
		text, err := os.ReadFile(s.PG.LogFile())
		return err != nil || strings.Contains(string(text), s.Master+"@"+s.Database+":") && strings.Contains(string(text), "canceling statement due to lock timeout")
	}
	for !gaveUp() {
		select {
		case err := <-ended:
			t.Fatalf("the adoption has ended, while a client works in what it is to move: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.SQLAs(s.PG.URL(c.Username, c.Password, s.Database), "SET statement_timeout = '5s'", "SELECT * FROM own.a", "SELECT * FROM own.b")
	if _, err := transaction.Exec(t.Context(), "INSERT INTO own.a VALUES (1)"); err != nil {
		t.Errorf("the client's transaction: %v", err)
	}
	if err := transaction.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var owners string
	s.Ask("SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class WHERE relnamespace = 'own'::regnamespace", nil, &owners)
	if owners != s.Shared {
		t.Errorf("what the user owned is %s's", owners)
	}
}
