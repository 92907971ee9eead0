package script_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is a block of SQL in a page, by its first line: what the master had before, and what is true only afterwards.
type page struct {
	before []string
	healed string

	elsewhere string // the test that runs it, where it is for some versions only
}

var pages = map[string]page{
	"CREATE ROLE app NOLOGIN;": {
		healed: "SELECT pg_has_role('app_b', 'app', 'MEMBER') AND 'role=app' = ANY (rolconfig) FROM pg_roles WHERE rolname = 'app_b'",
	},
	`SET ROLE NONE; CREATE ROLE app_a LOGIN;  -- then \password app_a, and put both into the secret`: {
		before: []string{"CREATE ROLE app LOGIN"},
		healed: "SELECT pg_has_role('app_a', 'app', 'MEMBER') AND 'role=app' = ANY (rolconfig) FROM pg_roles WHERE rolname = 'app_a'",
	},
	"GRANT app TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;": {elsewhere: "rotator/setup TestPageOfAdoption"},
	"SET ROLE NONE; CREATE ROLE orders_readwrite NOLOGIN;": {
		before: []string{"CREATE ROLE app", "CREATE SCHEMA orders", "CREATE TABLE orders.lines ()"},
		healed: "SELECT has_table_privilege('app', 'orders.lines', 'UPDATE')",
	},
	"CREATE ROLE orders_read NOLOGIN;": {
		before: []string{"CREATE SCHEMA orders", "CREATE TABLE orders.lines (id serial)"},
		healed: "SELECT has_table_privilege('orders_read', 'orders.lines', 'SELECT') AND NOT has_table_privilege('orders_read', 'orders.lines', 'INSERT') " +
			"AND has_table_privilege('orders_write', 'orders.lines', 'SELECT, INSERT') AND has_sequence_privilege('orders_write', 'orders.lines_id_seq', 'USAGE') FROM pg_roles WHERE rolname = 'orders_write'",
	},
	"CREATE ROLE alice LOGIN;": {
		before: []string{"CREATE ROLE orders_read", "CREATE ROLE orders_write"},
		healed: "SELECT bool_and(pg_has_role(r.oid, 'rds_iam', 'USAGE') AND r.rolcanlogin) AND count(*) = 3 AND bool_or(pg_has_role(r.oid, 'orders_read', 'USAGE')) AND bool_or(pg_has_role(r.oid, 'orders_write', 'USAGE')) " +
			"AND bool_or(pg_has_role(r.oid, 'pg_monitor', 'USAGE')) FROM pg_roles r WHERE r.rolname IN ('alice', 'orders_app', 'monitoring')",
	},
	"ALTER ROLE alice NOLOGIN;": {
		before: []string{"CREATE ROLE alice LOGIN IN ROLE rds_iam"},
		healed: "SELECT NOT rolcanlogin AND NOT pg_has_role(oid, 'rds_iam', 'MEMBER') FROM pg_roles WHERE rolname = 'alice'",
	},
	"ALTER ROLE alice LOGIN;": {
		before: []string{"CREATE ROLE alice NOLOGIN"},
		healed: "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'alice'",
	},
	"SET search_path = pg_catalog; -- so that no function of anybody else's is called": {
		before: []string{"CREATE ROLE app_a LOGIN PASSWORD '" + password + "'"},
		healed: "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'app_a')",
	},
}

// allPages runs the SQL of every page that people read. Each block needs its state here.
func allPages(t *testing.T, h *hostile) {
	h.super("postgres", "GRANT pg_signal_backend TO "+master, "GRANT pg_monitor TO "+master+" WITH ADMIN OPTION")
	for _, block := range blocksOfSQL(t) {
		first, _, _ := strings.Cut(block, "\n")
		t.Run(first, func(t *testing.T) {
			state, known := pages[strings.TrimSpace(first)]
			if !known {
				t.Fatal("no test has run this")
			}
			if state.elsewhere != "" {
				t.Skip("run by " + state.elsewhere)
			}
			h.in(t).follows(state, block)
		})
	}
}

func (h *hostile) follows(state page, block string) {
	h.t.Helper()
	defer h.super(home, "DROP SCHEMA IF EXISTS owned CASCADE", "DROP SCHEMA IF EXISTS orders CASCADE", "DROP ROLE IF EXISTS app_a", "DROP ROLE IF EXISTS app_b",
		"DROP ROLE IF EXISTS app", "DROP ROLE IF EXISTS app_owner", "DROP ROLE IF EXISTS orders_readwrite", "DROP ROLE IF EXISTS orders_read", "DROP ROLE IF EXISTS orders_write",
		"DROP ROLE IF EXISTS orders_app", "DROP ROLE IF EXISTS monitoring", "DROP ROLE IF EXISTS alice")
	h.as(master, home, state.before...)
	if strings.Contains(block, "pg_terminate_backend") {
		defer h.connect("app_a", password, home).Close(h.t.Context())
	}
	if ask[bool](h, home, "SELECT coalesce(("+state.healed+" LIMIT 1), false)") {
		h.t.Fatal("nothing is to be done")
	}
	h.paste(home, block)
	if !ask[bool](h, home, "SELECT coalesce(("+state.healed+" LIMIT 1), false)") {
		h.t.Errorf("it does not do what the page says:\n%s", block)
	}
}

var fence = regexp.MustCompile("(?ms)^ *```sql\n(.*?)^ *```$")

// blocksOfSQL reads the SQL of all pages.
func blocksOfSQL(t *testing.T) (blocks []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range fence.FindAllStringSubmatch(string(text), -1) {
			blocks = append(blocks, found[1])
		}
		return err
	})
	if err != nil || len(blocks) == 0 {
		t.Fatalf("%d blocks, error %v", len(blocks), err)
	}
	return blocks
}
