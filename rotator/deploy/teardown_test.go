package deploy_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// dba is a database of its own with a master user who is no superuser, as on RDS, and psql to work in it.
type dba struct {
	server                 *localpg.Server
	database, master, role string
}

// newDBA makes the master, the database and the first user of the pair, whose names begin with prefix.
func newDBA(t *testing.T, server *localpg.Server, prefix, role string) dba {
	t.Helper()
	d := dba{server, prefix + "_db", prefix + "_master", role}
	pgtest.Exec(t, server,
		fmt.Sprintf("CREATE ROLE %s LOGIN CREATEROLE CREATEDB PASSWORD 'master'", d.master),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s", d.database, d.master))
	d.must(t, "-c", fmt.Sprintf("CREATE ROLE %s_a LOGIN PASSWORD 'pair'", role))
	return d
}

// psql runs psql as the master and returns what it printed.
func (d dba) psql(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	return d.psqlAs(t, d.server.URL(d.master, "master", d.database), arguments...)
}

func (d dba) psqlAs(t *testing.T, url string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "psql", append([]string{url, "-XqAt", "-v", "ON_ERROR_STOP=1"}, arguments...)...)
	printed, err := command.CombinedOutput()
	return strings.TrimSpace(string(printed)), err
}

func (d dba) must(t *testing.T, arguments ...string) string {
	t.Helper()
	printed, err := d.psql(t, arguments...)
	if err != nil {
		t.Fatalf("psql %q: %v\n%s", arguments, err, printed)
	}
	return printed
}

func (d dba) setup(t *testing.T, schema string) {
	t.Helper()
	d.must(t, "-v", "state_schema="+schema, "-c", fmt.Sprintf("SET pgrotator.username = '%s_a'", d.role),
		"-c", "SET pgrotator.sweep = 'on'", "-f", "../../sql/setup.sql")
}

func (d dba) teardown(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	return d.psql(t, append([]string{"-v", "role=" + d.role, "-f", "../../sql/teardown.sql"}, arguments...)...)
}

// traces is what setup leaves in the catalogs, other than the pair and its shared role: owner roles, memberships that the
// master can use, schemas, functions and the tables of the sweep.
func (d dba) traces(t *testing.T) []string {
	t.Helper()
	return strings.Split(d.must(t, "-c", fmt.Sprintf(`
		SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'rotation\_%%' AND rolname LIKE '%%%[1]s%%'
		UNION ALL SELECT 'membership ' || r.rolname FROM pg_roles r
			WHERE r.rolname LIKE '%%%[1]s%%' AND r.rolname <> current_user AND pg_has_role(r.oid, 'USAGE')
		UNION ALL SELECT 'schema ' || nspname || coalesce(' ' || nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
		UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			WHERE n.nspname !~ '^(pg_|information_schema)'
		UNION ALL SELECT 'table ' || c.oid::regclass FROM pg_class c WHERE c.relname ~ '^user_login_' AND c.relkind = 'r'
		ORDER BY 1`, strings.Trim(d.role[:min(len(d.role), 20)], `"`))), "\n")
}

// everyMajor runs a test on each PostgreSQL that is here, with psql.
func everyMajor(t *testing.T, test func(*testing.T, *localpg.Server)) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed")
	}
	for major := 14; major <= 18; major++ {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			if major != 15 && major != 18 && !localtest.Soaking() {
				t.Skip("the long campaign plays this major: PGROTATOR_SOAK=1")
			}
			if !localpg.Available(major) {
				t.Skipf("PostgreSQL %d is not here", major)
			}
			test(t, pgtest.Start(t, localpg.Options{Major: major}))
		})
	}
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	everyMajor(t, func(t *testing.T, server *localpg.Server) {
		t.Run("undoes setup", func(t *testing.T) { undoesSetup(t, newDBA(t, server, "plain", "plain"), "public") })
		t.Run("undoes setup with a schema of its own", func(t *testing.T) {
			undoesSetup(t, newDBA(t, server, "state", "state"), "state_of_sweep")
		})
		t.Run("undoes setup of a role whose owner's name is hashed", func(t *testing.T) {
			undoesSetup(t, newDBA(t, server, "long", strings.Repeat("long", 15)), "public")
		})
		t.Run("keeps the sweep's history", func(t *testing.T) { keepsHistory(t, newDBA(t, server, "kept", "kept")) })
		t.Run("stops at what setup did not make", func(t *testing.T) { stopsAtStrangers(t, newDBA(t, server, "odd", "odd")) })
		t.Run("refuses a role that does not exist", func(t *testing.T) {
			d := newDBA(t, server, "absent", "absent")
			if printed, err := d.teardown(t); err == nil || !strings.Contains(printed, "role absent does not exist") {
				t.Errorf("error %v:\n%s", err, printed)
			}
		})
	})
}

func undoesSetup(t *testing.T, d dba, schema string) {
	before := d.traces(t)
	d.setup(t, schema)
	if slices.Equal(before, d.traces(t)) {
		t.Fatal("setup left no trace that this test could miss")
	}
	for _, time := range []string{"first", "second"} {
		if printed, err := d.teardown(t, "-v", "sweep_tables=drop", "-v", "state_schema="+schema); err != nil {
			t.Fatalf("the %s time: %v\n%s", time, err, printed)
		}
	}
	if after := d.traces(t); !slices.Equal(before, after) {
		t.Errorf("before setup:\n%s\nafter teardown:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	became, err := d.psqlAs(t, d.server.URL(d.role+"_a", "pair", d.database), "-c", "SELECT current_user")
	if err != nil || became != d.role {
		t.Errorf("the pair's user logs in and is %q, error %v", became, err)
	}
}

func keepsHistory(t *testing.T, d dba) {
	d.setup(t, "public")
	pair := d.server.URL(d.role+"_a", "pair", d.database)
	d.must(t, "-c", "CREATE ROLE kept_idle NOLOGIN")
	if printed, err := d.psqlAs(t, pair, "-c", "INSERT INTO user_login_status (user_name, status, locked_at) VALUES ('kept_idle', 'Locked', now())"); err != nil {
		t.Fatal(printed)
	}
	printed, err := d.teardown(t)
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	if !strings.Contains(printed, "ALTER ROLE kept_idle LOGIN") {
		t.Errorf("it does not say that kept_idle stays locked:\n%s", printed)
	}
	if kept, err := d.psqlAs(t, pair, "-c", "SELECT user_name FROM user_login_status"); err != nil || kept != "kept_idle" {
		t.Errorf("the history is %q, error %v", kept, err)
	}
}

func stopsAtStrangers(t *testing.T, d dba) {
	d.setup(t, "public")
	before := d.traces(t)
	name, password := d.server.Superuser()
	if printed, err := d.psqlAs(t, d.server.URL(name, password, d.database), "-c", "CREATE TABLE rotation_odd.stranger ()"); err != nil {
		t.Fatal(printed)
	}
	if printed, err := d.teardown(t); err == nil || !strings.Contains(printed, "rotation_odd") {
		t.Errorf("error %v:\n%s", err, printed)
	}
	if after := d.traces(t); !slices.Equal(before, after) {
		t.Errorf("it stopped halfway:\n%s\nbecame\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}
