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
		printed := h.file("teardown.sql", "-v", "role=till", "-v", "sweep_tables=drop")
		statements := regexp.MustCompile(`ALTER ROLE [a-z_]+ (NO)?LOGIN;`).FindAllString(printed, -1)
		h.paste(lure, strings.Join(statements, "\n"))
		if got := ask[string](h, home, "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND rolname IN ('shut', 'till_a', 'till_b')"); got != "shut" {
			t.Errorf("after %q these log in: %s\n%s", statements, got, printed)
		}
		h.as(master, home, "DROP ROLE shut", "ALTER ROLE till_a LOGIN")
	})
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
	arguments = append([]string{"-Xq", "-v", "ON_ERROR_STOP=1", h.server.URL(master, password, database)}, append(arguments, "-f", "../../sql/"+name)...)
	printed, err := exec.CommandContext(h.t.Context(), "psql", arguments...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("psql %q: %v\n%s", arguments, err, printed)
	}
	return string(printed)
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
