package script_test

import (
	"os/exec"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localtest"
)

// teardown.sql reads and drops no table but setup's, whatever stands in its place.
func TestMatrixTeardownInHostileDatabase(t *testing.T) {
	t.Parallel()
	needsPsql(t)
	localtest.EachMajor(t, server, localpg.Options{}, func(t *testing.T, server *localpg.Server) {
		h := newHostile(t, server)
		h.as(master, home, "CREATE ROLE app_a LOGIN PASSWORD '"+password+"'")
		h.setup("sweepstate")
		h.as("evil", home, "CREATE VIEW public.user_login_status AS SELECT public.now() AS locked_at, 'alice'::pg_catalog.text AS user_name", "GRANT ALL ON public.user_login_status TO PUBLIC")
		t.Run("a stranger's view", func(t *testing.T) {
			if printed := h.in(t).file("teardown.sql", "-v", "role=app"); !strings.Contains(printed, "left alone: public.user_login_status") {
				t.Errorf("it does not tell of the view:\n%s", printed)
			}
		})
		t.Run("the application's own table, with row security", func(t *testing.T) {
			h := h.in(t)
			h.super(home, "DROP VIEW public.user_login_status")
			h.setup("another")
			h.super(home, "SET ROLE app", "CREATE TABLE public.user_login_status (user_name text, locked_at timestamptz)", "ALTER TABLE public.user_login_status ENABLE ROW LEVEL SECURITY",
				"ALTER TABLE public.user_login_status FORCE ROW LEVEL SECURITY", "CREATE POLICY trap ON public.user_login_status USING (public.holds(1))", "INSERT INTO public.user_login_status VALUES ('evil', now())")
			h.as(master, home, "ALTER ROLE evil NOLOGIN")
			h.super(home, "SELECT setval('public.sprung', 1, false)") // what was just inserted has sprung it
			if printed := h.file("teardown.sql", "-v", "role=app"); strings.Contains(printed, "evil") {
				t.Errorf("it believes the application's table:\n%s", printed)
			}
		})
		if left := ask[int](h, home, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'rotation\\_%'"); left != 0 {
			t.Errorf("%d owner roles are left", left)
		}
		h.nothingSprung()
	})
}

// setup makes the pair app_a and app_b, with the sweep's tables in a schema of their own.
func (h *hostile) setup(schema string) {
	h.t.Helper()
	h.file("setup.sql", "-v", "state_schema="+schema, "-c", "SET pgrotator.username = 'app_a'", "-c", "SET pgrotator.state_schema = '"+schema+"'", "-c", "SET pgrotator.sweep = 'on'")
}

// file runs a script of sql/ as the master.
func (h *hostile) file(name string, arguments ...string) string {
	h.t.Helper()
	arguments = append([]string{"-Xq", "-v", "ON_ERROR_STOP=1", h.server.URL(master, password, home)}, append(arguments, "-f", "../../sql/"+name)...)
	printed, err := exec.CommandContext(h.t.Context(), "psql", arguments...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("psql %q: %v\n%s", arguments, err, printed)
	}
	return string(printed)
}
