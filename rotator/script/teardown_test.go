package script_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// allTeardowns: teardown.sql reads and drops no table but setup's, whatever stands in its place.
func allTeardowns(t *testing.T, h *hostile) {
	h.as(master, home, "CREATE ROLE till_a LOGIN PASSWORD '"+password+"'")
	t.Run("a stranger's view", func(t *testing.T) {
		h := h.in(t)
		h.setup("sweepstate")
		h.as("evil", home, "CREATE VIEW public.user_login_status AS SELECT public.now() AS locked_at, 'alice'::pg_catalog.text AS user_name", "GRANT ALL ON public.user_login_status TO PUBLIC")
		h.as("evil", home, "CREATE TABLE public.user_login_action ()")
		h.super(home, "SET ROLE till", "CREATE VIEW public.user_login_job_status AS SELECT 1 AS n")
		printed := h.file("teardown.sql", "-v", "role=till")
		for _, relation := range []string{"user_login_status", "user_login_action", "user_login_job_status"} {
			if !strings.Contains(printed, "left alone: public."+relation) {
				t.Errorf("it does not tell of %s:\n%s", relation, printed)
			}
		}
		h.super(home, "DROP VIEW public.user_login_status, public.user_login_job_status", "DROP TABLE public.user_login_action")
	})
	t.Run("the application's own table, with row security", func(t *testing.T) {
		h := h.in(t)
		h.setup("another")
		h.as(master, home, "CREATE ROLE closed NOLOGIN")
		h.super(home, "SET ROLE till", "CREATE TABLE public.user_login_status (user_name text, locked_at timestamptz)", "INSERT INTO public.user_login_status VALUES ('closed', now())",
			"ALTER TABLE public.user_login_status ENABLE ROW LEVEL SECURITY", "ALTER TABLE public.user_login_status FORCE ROW LEVEL SECURITY",
			"CREATE POLICY trap ON public.user_login_status USING (public.holds(1))")
		if printed := h.file("teardown.sql", "-v", "role=till"); strings.Contains(printed, "closed") {
			t.Errorf("it believes the application's table:\n%s", printed)
		}
	})
	t.Run("the application's own table, of a type that is converted by a function", func(t *testing.T) {
		h := h.in(t)
		h.setup("third")
		h.super(home, "DROP TABLE public.user_login_status", "SET ROLE till", "CREATE TYPE public.kind AS ENUM ('closed')",
			"CREATE FUNCTION public.read(public.kind) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN 'closed'; END $$",
			"CREATE CAST (public.kind AS pg_catalog.text) WITH FUNCTION public.read(public.kind) AS IMPLICIT",
			"CREATE TABLE public.user_login_status (user_name public.kind, locked_at pg_catalog.timestamptz)", "INSERT INTO public.user_login_status VALUES ('closed', pg_catalog.now())")
		if printed := h.file("teardown.sql", "-v", "role=till"); strings.Contains(printed, "closed") {
			t.Errorf("it believes the application's table:\n%s", printed)
		}
	})
	t.Run("tables in the owner role's schema", func(t *testing.T) {
		h := h.in(t)
		tables := "SELECT coalesce(string_agg(format('%s %s', c.relnamespace::regnamespace, pg_get_userbyid(c.relowner)), ', ' ORDER BY 1), '') FROM pg_class c WHERE c.relname = 'user_login_action' AND c.relnamespace::regnamespace::text ~ 'rotation'"
		h.super(home, "DROP TABLE public.user_login_status")
		for how, want := range map[string]string{"drop": "", "keep": "kept_rotation_till till"} {
			h.file("setup.sql", "-c", "SET pgrotator.username = 'till_a'", "-c", "SET pgrotator.sweep = 'on'")
			if made := ask[string](h, home, tables+" AND c.relnamespace::regnamespace::text !~ 'kept'"); made != "rotation_till rotation_till" {
				t.Fatalf("setup made the tables in %q", made)
			}
			h.file("teardown.sql", "-v", "role=till", "-v", "sweep_tables="+how)
			if left := ask[string](h, home, tables); left != want {
				t.Errorf("%s left the tables in %q, want %q", how, left, want)
			}
			h.super(home, "DROP SCHEMA IF EXISTS kept_rotation_till CASCADE")
		}
	})
	t.Run("what it tells to run", func(t *testing.T) {
		h := h.in(t)
		h.file("setup.sql", "-c", "SET pgrotator.username = 'till_a'", "-c", "SET pgrotator.sweep = 'on'")
		h.as(master, home, "CREATE ROLE shut NOLOGIN", "INSERT INTO rotation_till.user_login_status (user_name, locked_at) VALUES ('shut', now())")
		h.as(master, home, "CREATE ROLE bystander LOGIN")
		h.super(home, `COMMENT ON ROLE rotation_till IS '{"role" : "till", "users" : ["till_a", "bystander"]}'`) // up to 15 anybody's who may make roles
		printed := h.file("teardown.sql", "-v", "role=till", "-v", "sweep_tables=drop")
		statements := regexp.MustCompile(`ALTER ROLE [a-z_]+ (NO)?LOGIN;`).FindAllString(printed, -1)
		h.paste(lure, strings.Join(statements, "\n"))
		if got := ask[string](h, home, "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND rolname IN ('shut', 'till_a', 'bystander')"); got != "bystander shut" {
			t.Errorf("after %q these log in: %s\n%s", statements, got, printed)
		}
		h.as(master, home, "DROP ROLE shut, bystander", "ALTER ROLE till_a LOGIN")
	})
	t.Run("what is not setup's", func(t *testing.T) { tearsDownNobodyElse(h.in(t)) })
	t.Run("in a database of the stranger's", func(t *testing.T) { stagesElsewhere(h.in(t)) })
	if left := ask[int](h, home, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'rotation\\_%'"); left != 0 {
		t.Errorf("%d owner roles are left", left)
	}
}

// setup makes the pair till_a and till_b, with the sweep's tables in a schema of their own.
func (h *hostile) setup(schema string) {
	h.t.Helper()
	h.file("setup.sql", "-v", "state_schema="+schema, "-c", "SET pgrotator.username = 'till_a'", "-c", "SET pgrotator.state_schema = '"+schema+"'", "-c", "SET pgrotator.sweep = 'on'")
}

// file runs a script of sql/ as the master.
func (h *hostile) file(name string, arguments ...string) string {
	h.t.Helper()
	return h.fileIn(home, name, arguments...)
}

func (h *hostile) fileIn(database, name string, arguments ...string) string {
	h.t.Helper()
	printed, err := h.tryFile(database, name, arguments...)
	if err != nil {
		h.t.Fatalf("psql -f %s %q: %v\n%s", name, arguments, err, printed)
	}
	return printed
}

func (h *hostile) tryFile(database, name string, arguments ...string) (printed string, err error) {
	h.t.Helper()
	arguments = append([]string{"-Xq", "-v", "ON_ERROR_STOP=1", h.server.URL(master, password, database)}, append(arguments, "-f", "../../sql/"+name)...)
	said, err := exec.CommandContext(h.t.Context(), "psql", arguments...).CombinedOutput()
	return string(said), err
}

// stagesElsewhere runs every script of sql/ where somebody else settles search_path, encoding and standard_conforming_strings.
func stagesElsewhere(h *hostile) {
	h.super("postgres", "GRANT CREATE ON DATABASE "+ident(lure)+" TO "+master)
	pair := []string{"-c", "SET pgrotator.username = 'till_a'", "-c", "SET pgrotator.partner = 'till_b'", "-c", "SET pgrotator.role = 'till'"}
	h.fileIn(lure, "setup.sql", append(pair, "-v", "state_schema=elsewhere", "-c", "SET pgrotator.sweep = 'on'")...)
	h.fileIn(lure, "adopt.sql", pair...)
	h.fileIn(lure, "setup.sql", append(pair, "-c", "SET pgrotator.adopt = 'on'")...)
	h.fileIn(lure, "teardown.sql", "-v", "role=till", "-v", "state_schema=elsewhere")
}

// tearsDownNobodyElse: what setup did not make stops the script, which changes nothing then.
func tearsDownNobodyElse(h *hostile) {
	user, _ := h.server.Superuser()
	h.super(home, "CREATE ROLE odd", "CREATE ROLE rotation_odd LOGIN CREATEROLE", "CREATE ROLE stray", "CREATE SCHEMA rotation_stray AUTHORIZATION evil")
	for role, want := range map[string]string{"pg_monitor": "no pair's shared role", "rds_superuser": "no pair's shared role", master: "no pair's shared role", user: "no pair's shared role",
		"nobody": "does not exist", "odd": "rotation_odd is not as setup makes it", "stray": "schema rotation_stray belongs to evil"} {
		if printed, err := h.tryFile(home, "teardown.sql", "-v", "role="+role); err == nil || !strings.Contains(printed, want) {
			h.t.Errorf("%s: error %v, want %q:\n%s", role, err, want, printed)
		}
	}
	h.file("setup.sql", "-c", "SET pgrotator.username = 'till_a'", "-c", "SET pgrotator.sweep = 'on'")
	for made, gone := range map[string]string{
		"CREATE TABLE rotation_till.more ()":                                                      "DROP TABLE rotation_till.more",
		"CREATE FUNCTION rotation_till.more() RETURNS pg_catalog.int4 LANGUAGE sql AS 'SELECT 1'": "DROP FUNCTION rotation_till.more",
	} {
		h.super(home, "SET ROLE rotation_till", made)
		if printed, err := h.tryFile(home, "teardown.sql", "-v", "role=till"); err == nil || !strings.Contains(printed, "schema rotation_till holds what setup did not make") {
			h.t.Errorf("%s: error %v:\n%s", made, err, printed)
		}
		h.super(home, "SET ROLE rotation_till", gone)
	}
	h.file("teardown.sql", "-v", "role=till", "-v", "sweep_tables=drop")
	h.super(home, "DROP SCHEMA rotation_stray", "DROP ROLE odd, rotation_odd, stray")
}
