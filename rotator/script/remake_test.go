package script_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/account"
	"pgrotator/rotator/script"
)

// A dropped role is made again as it was, whatever it had chosen for itself, and nothing of what it chose runs.
func allRemade(t *testing.T, h *hostile) {
	r := rand.New(rand.NewPCG(7, uint64(h.server.Major())))
	count := 5
	if h.server.Major() != server.Major() {
		count = 2
	}
	for i := range count {
		name := fmt.Sprint(i, adversarial(r, 50))
		t.Run(name, func(t *testing.T) { h.in(t).remakes(name, i, r) })
	}
}

func (h *hostile) remakes(name string, i int, r *rand.Rand) {
	h.t.Helper()
	role, group, member := ident(name), fmt.Sprint("group", i), fmt.Sprint("member", i)
	h.as(master, home, "CREATE ROLE "+role+" LOGIN CREATEDB NOINHERIT CONNECTION LIMIT 3 VALID UNTIL '2031-01-02 03:04:05+00' PASSWORD '"+password+"'",
		"CREATE ROLE "+group, "GRANT "+group+" TO "+role+" WITH ADMIN OPTION", "CREATE ROLE "+member, "GRANT "+role+" TO "+member)
	if h.server.Major() >= 16 {
		h.as(master, home, "GRANT "+role+" TO "+member+" WITH INHERIT FALSE, SET FALSE")
	}
	conn := h.connect(name, password, home)
	defer conn.Close(h.t.Context())
	for setting, value := range map[string]string{
		"search_path": `a;DROP/**/ROLE/**/evil;--, "B ""c""", ` + "'x'", "local_preload_libraries": "", "application_name": adversarial(r, 60),
		"DateStyle": "SQL, DMY",
	} {
		if _, err := conn.Exec(h.t.Context(), "SELECT set_config($1, $2, false)", setting, value); err != nil {
			h.t.Fatalf("%s: %v", setting, err)
		}
		in := ""
		if setting == "application_name" {
			in = " IN DATABASE " + ident(quotes)
		}
		h.exec(conn, "ALTER ROLE "+role+in+" SET "+setting+" FROM CURRENT")
	}
	conn.Close(h.t.Context())
	h.as(master, home, "COMMENT ON ROLE "+role+" IS "+literal(adversarial(r, 60)))

	const memberships = `SELECT string_agg(x.membership, ', ' ORDER BY x.membership) FROM (
		SELECT concat_ws(' ', m.roleid::regrole, m.member::regrole, m.admin_option, to_jsonb(m) ->> 'inherit_option', to_jsonb(m) ->> 'set_option')
		FROM pg_auth_members m WHERE $1 IN (pg_get_userbyid(m.roleid), pg_get_userbyid(m.member))) AS x (membership)`
	had := ask[string](h, home, memberships, name)
	before := h.remake(name)
	h.as(master, home, "DROP ROLE "+role)
	h.paste(masked, before)
	h.maskGained()
	if after := h.remake(name); after != before {
		h.t.Errorf("made again, the role is\n%s\nand was\n%s", after, before)
	}
	if has := ask[string](h, home, memberships, name); has != had {
		h.t.Errorf("made again, the role's memberships are %s, and were %s", has, had)
	}
}

func (h *hostile) exec(conn *pgx.Conn, statement string) {
	h.t.Helper()
	if _, err := conn.Exec(h.t.Context(), statement); err != nil {
		h.t.Fatalf("%s: %v", statement, err)
	}
}

func literal(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// remake reads what would make a role again.
func (h *hostile) remake(name string) string {
	h.t.Helper()
	session := h.session(home)
	defer session.Close(h.t.Context())
	lines, err := account.Remake(h.t.Context(), session, ask[int64](h, home, "SELECT oid::int8 FROM pg_roles WHERE rolname = $1", name))
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// What PostgreSQL would not take for a list is told, and is no statement.
func TestSettingsThatAreNoList(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`a, b`:       `ALTER ROLE "r" SET "search_path" TO 'a', 'b';`,
		` "a""b" ,c`: `ALTER ROLE "r" SET "search_path" TO 'a"b', 'c';`,
		``:           `ALTER ROLE "r" SET "search_path" TO '';`,
		`a b`:        "-- ",
		`a, `:        "-- ",
		`"a`:         "-- ",
		"a\n; x":     "-- ",
	} {
		statements := script.Remake(script.Former{Name: "r", Inherit: true, ConnectionLimit: -1, Settings: []script.Setting{{Name: "search_path", Value: value}}})
		if got := string(statements[1]); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q became %s, want %s", value, got, want)
		}
	}
}
