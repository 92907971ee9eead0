package setup_test

import (
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
	"pgrotator/rotator/role"
)

// oldTables are the statements with which version 1.0 made the sweep's tables.
const oldTables = `
	CREATE TABLE public.user_login_status (user_name text PRIMARY KEY, last_login_time timestamptz NOT NULL DEFAULT now(),
		status text NOT NULL DEFAULT 'Active', status_changed_at timestamptz NOT NULL DEFAULT now(), locked_at timestamptz, role_oid oid);
	CREATE TABLE public.user_login_job_status (instance_name text PRIMARY KEY, last_processed_time timestamptz NOT NULL,
		evidence_from timestamptz NOT NULL, canary text, canary_at timestamptz, canary_seen_at timestamptz);
	CREATE TABLE public.user_login_action (happened_at timestamptz, user_name text, action text, detail jsonb);
	INSERT INTO public.user_login_status (user_name, last_login_time, status_changed_at) VALUES
		('watched', '2026-01-01Z', '2026-01-01Z'), ('active', '2026-02-01Z', '2026-01-01Z'), ('changed', '2026-01-01Z', '2026-03-01Z');
	INSERT INTO public.user_login_job_status VALUES ('orders-1', '2026-03-01Z', '2026-01-01Z', 'one', '2026-03-01Z', '2026-02-28Z');
	INSERT INTO public.user_login_action VALUES ('2026-03-01Z', 'changed', 'locked', '{}')`

// withOldTables has tables of version 1.0 in public, made by the shared role, as its sweep did.
func withOldTables(t *testing.T, s *localtest.Scene) {
	t.Helper()
	s.SQL("GRANT CREATE ON SCHEMA public TO " + s.Shared)
	s.SQLScript("SET ROLE " + s.Shared + ";" + oldTables)
}

// The tables of version 1.0 come along with all that is in them, whatever their rows can honestly be said to rest on.
func TestTablesOfTheFirstVersionMove(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		s.MustSetup()
		withOldTables(t, s)
		stranger := s.Shared + "stranger"
		s.SQL("CREATE ROLE "+stranger, "GRANT ALL ON public.user_login_status, public.user_login_action TO "+stranger, "GRANT UPDATE (last_login_time) ON public.user_login_status TO PUBLIC",
			"GRANT USAGE ON SCHEMA public TO "+stranger)
		s.MustSetup() // without "for" a pair keeps what it has
		if got := tablesIn(s, "public"); len(got) != 3 {
			t.Fatalf("public holds %q after a setup that was not for the sweep", got)
		}
		changed, err := s.SetupFor(role.ForSweep)
		if err != nil {
			t.Fatal(err)
		}
		place := "rotation_" + s.Shared
		for _, want := range []string{"moved table public.user_login_status to schema " + place, place + " owns table " + place + ".user_login_action now",
			"brought the tables of the sweep in schema " + place + " up to date"} {
			if !slices.Contains(changed, want) {
				t.Errorf("setup did not tell %q, but %q", want, changed)
			}
		}
		if got := tablesIn(s, "public"); len(got) != 0 {
			t.Errorf("public still holds %q", got)
		}
		var strangers string
		s.Ask(`SELECT concat_ws(' ', (SELECT string_agg(a.attacl::text, ' ') FROM pg_attribute a WHERE a.attrelid = ($1 || '.user_login_status')::regclass AND a.attacl <> '{}'),
			has_table_privilege($2, $1 || '.user_login_status', 'UPDATE'), has_table_privilege($2, $1 || '.user_login_action', 'INSERT'))`, []any{place, stranger}, &strangers)
		if strangers != "f f" {
			t.Errorf("others may write the tables: %s", strangers)
		}
		var rows string
		s.Ask(`SELECT string_agg(concat_ws(' ', user_name, last_login_source, first_seen_at AT TIME ZONE 'UTC'), ', ' ORDER BY user_name) FROM `+place+`.user_login_status`, nil, &rows)
		if want := "active sign of life 2026-01-01 00:00:00, changed first seen 2026-01-01 00:00:00, watched first seen 2026-01-01 00:00:00"; rows != want {
			t.Errorf("the rows are %q, want %q", rows, want)
		}
		var job, actions string
		s.Ask(`SELECT (SELECT concat_ws(' ', instance_name, canary, run_number) FROM `+place+`.user_login_job_status), (SELECT concat_ws(' ', user_name, action) FROM `+place+`.user_login_action)`, nil, &job, &actions)
		if job != "orders-1 one" || actions != "changed locked" {
			t.Errorf("the other tables hold %q and %q", job, actions)
		}
		mustChangeNothing(t, s)
	})
}

func tablesIn(s *localtest.Scene, schema string) (tables []string) {
	s.Ask(`SELECT coalesce(array_agg(c.relname ORDER BY c.relname), '{}') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname LIKE 'user\_login%' AND c.relkind IN ('r', 'v')`, []any{schema}, &tables)
	return tables
}

// What hangs code on a table is refused before the owner role, which has CREATEROLE, becomes its owner.
func TestTablesWithCodeAreNotTakenOver(t *testing.T) {
	t.Parallel()
	const function = "CREATE FUNCTION public.f(text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';"
	for name, c := range map[string]struct{ statements, fault string }{
		"trigger": {"CREATE FUNCTION public.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON public.user_login_status EXECUTE FUNCTION public.g()", "it has a trigger"},
		"rule":    {"CREATE RULE r AS ON INSERT TO public.user_login_action DO ALSO NOTIFY x", "it has a rule"},
		"policy":  {function + "CREATE POLICY p ON public.user_login_status USING (public.f(user_name)); ALTER TABLE public.user_login_status ENABLE ROW LEVEL SECURITY", "it has row security"},
		"check":   {function + "ALTER TABLE public.user_login_status ADD CHECK (public.f(user_name))", "that are not setup's"},
		"index":   {function + "CREATE INDEX ON public.user_login_status (public.f(user_name))", "that are not setup's"},
		"default": {function + "ALTER TABLE public.user_login_status ALTER status SET DEFAULT public.f('')::text", "defaults that are not setup's"},
		"domain":  {"CREATE DOMAIN public.d AS text CHECK (VALUE <> 'x'); ALTER TABLE public.user_login_action ALTER action TYPE public.d", "of a type that somebody made"},
		"child":   {"CREATE TABLE public.c () INHERITS (public.user_login_action)", "it is no plain table"},
		"view":    {"DROP TABLE public.user_login_action; CREATE VIEW public.user_login_action AS SELECT 1 AS n", "it is no plain table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, server, nil)
			s.MustSetup()
			withOldTables(t, s)
			s.SQLScript("SET ROLE " + s.Shared + ";" + c.statements)
			_, err := s.SetupFor(role.ForSweep)
			if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), "RENAME TO") {
				t.Errorf("setup: %v\nwant %q", err, c.fault)
			}
			if got := tablesIn(s, "rotation_"+s.Shared); len(got) != 0 {
				t.Errorf("the owner role's schema holds %q", got)
			}
		})
	}
}

// While a sweep holds its tables setup for the sweep waits a moment, and then says what it waits for; the pair's own part is done.
func TestTablesInUse(t *testing.T) {
	t.Parallel()
	s := newScene(t, server, nil)
	s.MustSetupFor(role.ForSweep)
	s.SQL("ALTER ROLE " + s.B + " RESET role")
	sweeper := pgtest.Connect(t, s.Superuser())
	if _, err := sweeper.Exec(t.Context(), "BEGIN; LOCK TABLE rotation_"+s.Shared+".user_login_action IN SHARE UPDATE EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetupFor(role.ForSweep); err == nil || !strings.Contains(err.Error(), "a sweep of this database is under way") {
		t.Errorf("setup: %v", err)
	}
	if _, err := sweeper.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	mustChangeNothing(t, s)
}

// A schema of the operator's choosing only where its owner could do no harm anyway.
func TestStateSchemaOfAStranger(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		owner   func(s *localtest.Scene) string
		refused bool
	}{
		"a stranger's":    {func(s *localtest.Scene) string { s.SQL("CREATE ROLE " + s.Shared + "spy"); return s.Shared + "spy" }, true},
		"the application": {func(s *localtest.Scene) string { return s.Shared }, true},
		"the master's":    {func(s *localtest.Scene) string { return s.Master }, false},
		"a superuser's":   {func(*localtest.Scene) string { return "postgres" }, true}, // where the master may not grant CREATE
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := localtest.New(t, server, map[string]string{"STATE_SCHEMA": "evidence"})
			s.CreateSecret(map[string]any{"masterarn": s.CreateMaster()})
			s.MustSetup()
			s.SQL("CREATE SCHEMA evidence AUTHORIZATION " + c.owner(s))
			_, err := s.SetupFor(role.ForSweep)
			if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "STATE_SCHEMA empty") {
				t.Errorf("setup: %v; want a refusal: %v", err, c.refused)
			}
			if got := tablesIn(s, "evidence"); c.refused == (len(got) == 3) {
				t.Errorf("the schema holds %q", got)
			}
		})
	}
}

// For rotation alone the functions that close people, EXECUTE on them and ADMIN on people are taken away; the tables stay.
func TestForRotationTakesAwayWhatTheSweepNeeds(t *testing.T) {
	t.Parallel()
	localtest.EachMajor(t, server, options, func(t *testing.T, pg *localpg.Server) {
		s := newScene(t, pg, nil)
		person := s.Shared + "jane"
		s.SQLAs(pg.URL(s.Master, localtest.PasswordMaster, s.Database), "CREATE ROLE "+person+" LOGIN")
		s.MustSetupFor(role.ForSweep)
		if got, want := functionsOf(s), "drop_role lock_role refuse_unless_closable set_other_user unlock_role"; got != want {
			t.Fatalf("functions %q, want %q", got, want)
		}
		if has := adminOn(s, person); has != (pg.Major() >= 16) {
			t.Fatalf("the owner role has ADMIN on %s: %v", person, has)
		}
		changed, err := s.SetupFor(role.ForRotation)
		if err != nil {
			t.Fatal(err)
		}
		if got := functionsOf(s); got != "set_other_user" {
			t.Errorf("functions %q remain; setup told %q", got, changed)
		}
		if adminOn(s, person) {
			t.Errorf("the owner role still has ADMIN on %s; setup told %q", person, changed)
		}
		if got := tablesIn(s, "rotation_"+s.Shared); len(got) != 3 {
			t.Errorf("the tables are %q", got)
		}
		mustChangeNothing(t, s)
		mustRotate(t, s)
		if answer, err := s.Invoke(map[string]any{"action": "check", "secretId": s.SecretID, "for": "sweep"}); err != nil ||
			!strings.Contains(answer, `{"name":"roles","ok":true,"detail":"the pair is not set up for the sweep`) {
			t.Errorf("check: %v\n%s", err, answer)
		}
	})
}

func functionsOf(s *localtest.Scene) (names string) {
	s.Ask(`SELECT coalesce(string_agg(p.proname, ' ' ORDER BY p.proname), '') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1`,
		[]any{"rotation_" + s.Shared}, &names)
	return names
}

func adminOn(s *localtest.Scene, person string) (has bool) {
	s.Ask(`SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = $1::regrole AND roleid = $2::regrole)`, []any{"rotation_" + s.Shared, person}, &has)
	return has
}
