package script_test

import (
	"cmp"
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

const password = "Password-of_everybody.1"

// hostile is a server on which a stranger, the role evil, has made whatever PostgreSQL lets a role make that may create in the
// databases: each of it moves the sequence public.sprung of its database when somebody else runs it.
type hostile struct {
	t         *testing.T
	server    *localpg.Server
	databases []string // all with traps
}

// master is as RDS makes its master user: no superuser.
const master = "master"

// Databases of the hostile server: the master's own, and two of the stranger's, whose owner settles search_path and encoding.
const (
	home   = "app"
	lure   = "host=evil.example port=1 user=evil"
	quotes = `it's "a" \ b`
	latin  = "latin1" // where the names of roles made elsewhere read differently
)

// masked is the database of spy, who may make roles: whoever logs in to it becomes the role mask, which spy administers.
const masked, spy, mask = "masked", "spy", "mask"

// A conversion must exist between a database's encoding and a client's.
var (
	encoding       = map[string]string{latin: " TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'"}
	clientEncoding = map[string]string{latin: "LATIN1"}
)

func newHostile(t *testing.T, server *localpg.Server) *hostile {
	t.Helper()
	h := &hostile{t: t, server: server, databases: []string{home, lure, quotes, latin}}
	h.super("postgres", "CREATE ROLE rds_superuser", "CREATE ROLE rds_iam", "CREATE ROLE rds_password",
		"CREATE ROLE "+master+" LOGIN CREATEROLE CREATEDB PASSWORD '"+password+"' IN ROLE rds_superuser",
		"GRANT rds_superuser, rds_password, rds_iam TO "+master+" WITH ADMIN OPTION",
		"CREATE DATABASE "+ident(home)+" OWNER "+master)
	h.as(master, home, "CREATE ROLE evil LOGIN CREATEDB PASSWORD '"+password+"'", "GRANT CREATE ON DATABASE "+ident(home)+" TO evil",
		"GRANT ALL ON SCHEMA public TO PUBLIC")
	for _, database := range append(h.databases[1:], masked) {
		h.as("evil", home, "CREATE DATABASE "+ident(database)+encoding[database], "ALTER DATABASE "+ident(database)+" SET search_path = public, pg_catalog",
			"ALTER DATABASE "+ident(database)+" SET standard_conforming_strings = off", "ALTER DATABASE "+ident(database)+" SET client_encoding = '"+cmp.Or(clientEncoding[database], "SJIS")+"'",
			"ALTER DATABASE "+ident(database)+" SET client_min_messages = error")
		h.super(database, "GRANT ALL ON SCHEMA public TO PUBLIC")
	}
	h.as("evil", home, "ALTER DATABASE "+ident(quotes)+" SET default_transaction_read_only = on", "ALTER DATABASE "+ident(quotes)+" SET role = 'evil'")
	h.as(master, home, "GRANT evil TO "+master) // so that it becomes evil when it logs in to that database
	for _, database := range append(h.databases, masked) {
		h.as("evil", database, traps...)
	}
	h.mask()
	return h
}

// mask makes the database masked.
func (h *hostile) mask() {
	h.t.Helper()
	h.as(master, home, "CREATE ROLE "+spy+" LOGIN CREATEROLE PASSWORD '"+password+"'")
	h.super("postgres", "ALTER DATABASE "+masked+" OWNER TO "+spy)
	h.as(spy, masked, "CREATE ROLE "+mask+" CREATEROLE", "GRANT "+mask+" TO "+master, "ALTER DATABASE "+masked+" SET role = '"+mask+"'")
	h.as(spy, masked, "GRANT CREATE ON DATABASE "+masked+" TO "+mask+", "+master)
	if became := h.logsIn(master, masked); became != mask {
		h.t.Fatalf("in %s the master is %q", masked, became)
	}
}

// maskGained holds that nothing that was made or granted while somebody began as mask is mask's.
func (h *hostile) maskGained() {
	h.t.Helper()
	if held := ask[string](h, home, `SELECT coalesce(string_agg(pg_describe_object(classid, objid, 0), ', '), '') FROM (
			SELECT 'pg_authid'::regclass AS classid, roleid AS objid FROM pg_auth_members WHERE member = $1::regrole OR grantor = $1::regrole
			UNION ALL SELECT classid, objid FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype = 'o') AS held`, mask); held != "" {
		h.t.Errorf("%s has got %s", mask, held)
	}
}

// traps shadow what a careless statement would call by an unqualified name. The better match wins over pg_catalog's own, and where
// public comes first any match does.
var traps = []string{
	"CREATE SEQUENCE public.sprung",
	"GRANT ALL ON SEQUENCE public.sprung TO PUBLIC",
	`CREATE FUNCTION public.spring() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		IF current_user <> 'evil' THEN PERFORM pg_catalog.nextval('public.sprung'); END IF; END $$`,
	`CREATE FUNCTION public.quote_ident(pg_catalog.name) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.quote_ident($1); END $$`,
	`CREATE FUNCTION public.quote_ident(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.quote_ident($1); END $$`,
	`CREATE FUNCTION public.format(pg_catalog.text, pg_catalog.name) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.format($1, $2); END $$`,
	`CREATE FUNCTION public.format(pg_catalog.text, pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.format($1, $2); END $$`,
	`CREATE FUNCTION public.now() RETURNS pg_catalog.timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.now(); END $$`,
	`CREATE FUNCTION public.set_config(pg_catalog.text, pg_catalog.text, pg_catalog.bool) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.set_config($1, $2, $3); END $$`,
	`CREATE FUNCTION public.current_setting(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN pg_catalog.current_setting($1); END $$`,
	`CREATE FUNCTION public.pg_has_role(pg_catalog.oid, pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN true; END $$`,
	`CREATE FUNCTION public.pg_terminate_backend(pg_catalog.int4) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN true; END $$`,
	`CREATE FUNCTION public.same(pg_catalog.name, pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN true; END $$`,
	`CREATE OPERATOR public.= (LEFTARG = pg_catalog.name, RIGHTARG = pg_catalog.text, FUNCTION = public.same)`,
	`CREATE OPERATOR public.<> (LEFTARG = pg_catalog.name, RIGHTARG = pg_catalog.text, FUNCTION = public.same)`,
	`CREATE FUNCTION public.same(pg_catalog.text, pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN true; END $$`,
	`CREATE OPERATOR public.= (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = public.same)`,
	`CREATE FUNCTION public.same(pg_catalog.oid, pg_catalog.oid) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN true; END $$`,
	`CREATE OPERATOR public.= (LEFTARG = pg_catalog.oid, RIGHTARG = pg_catalog.oid, FUNCTION = public.same)`,
	`CREATE FUNCTION public.joined(pg_catalog.text, pg_catalog.name) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN $1; END $$`,
	`CREATE OPERATOR public.|| (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.name, FUNCTION = public.joined)`,
	`CREATE FUNCTION public.holds(pg_catalog.anyelement) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN true; END $$`,
	`CREATE DOMAIN public.text AS pg_catalog.text CHECK (public.holds(VALUE))`,
	`CREATE DOMAIN public.oid AS pg_catalog.oid CHECK (public.holds(VALUE))`,
	`CREATE DOMAIN public.name AS pg_catalog.name CHECK (public.holds(VALUE))`,
	`CREATE DOMAIN public.regclass AS pg_catalog.regclass CHECK (public.holds(VALUE))`,
	`CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring(); RETURN NEW; END $$`,
	`CREATE SCHEMA ` + master,
	`GRANT ALL ON SCHEMA ` + master + ` TO PUBLIC`,
	`CREATE TABLE ` + master + `.user_login_status (user_name pg_catalog.text, last_login_time pg_catalog.timestamptz, status pg_catalog.text, locked_at pg_catalog.timestamptz, role_oid pg_catalog.oid)`,
	`INSERT INTO ` + master + `.user_login_status VALUES ('alice', pg_catalog.now(), 'Locked', pg_catalog.now())`,
	`CREATE TRIGGER trap BEFORE UPDATE ON ` + master + `.user_login_status FOR EACH ROW EXECUTE FUNCTION public.trap()`,
	`CREATE VIEW ` + master + `.pg_roles AS SELECT r.*, public.now() AS trap FROM pg_catalog.pg_roles r`,
	`CREATE VIEW public.pg_roles AS SELECT r.*, public.now() AS trap FROM pg_catalog.pg_roles r`,
	`CREATE VIEW public.pg_stat_activity AS SELECT a.*, public.now() AS trap FROM pg_catalog.pg_stat_activity a`,
	`CREATE VIEW public.pg_auth_members AS SELECT a.*, public.now() AS trap FROM pg_catalog.pg_auth_members a`,
	`GRANT ALL ON ALL TABLES IN SCHEMA public, ` + master + ` TO PUBLIC`,
}

// nothingSprung holds that no trap was run by anybody, not even in a transaction that was undone.
func (h *hostile) nothingSprung() {
	h.t.Helper()
	for _, database := range append(h.databases, masked) {
		if ask[bool](h, database, "SELECT is_called FROM public.sprung") {
			h.t.Errorf("a function of the stranger ran in database %q", database)
		}
	}
}

// psql runs a script as the master, as a DBA would with psql -f, and gives what it printed.
func (h *hostile) psql(database, script string) (string, error) {
	h.t.Helper()
	return h.psqlAs(master, database, script)
}

func (h *hostile) psqlAs(user, database, script string, environment ...string) (string, error) {
	h.t.Helper()
	command := exec.CommandContext(h.t.Context(), "psql", "-Xq", h.server.URL(user, password, database))
	command.Stdin = strings.NewReader(script + "\n")
	command.Env = append(command.Environ(), environment...)
	printed, err := command.CombinedOutput()
	return string(printed), err
}

// paste runs statements as a DBA would who pastes them into psql. At a terminal psql takes the encoding from the locale.
func (h *hostile) paste(database string, script string) string {
	h.t.Helper()
	printed, err := h.psqlAs(master, database, "\\set ON_ERROR_STOP on\n"+script, "PGCLIENTENCODING=UTF8")
	if err != nil {
		h.t.Fatalf("psql: %v\n%s\n%s", err, script, printed)
	}
	return printed
}

// super runs statements as the superuser, over a connection that no setting of a database's owner touches.
func (h *hostile) super(database string, statements ...string) {
	h.t.Helper()
	name, secret := h.server.Superuser()
	h.run(h.connect(name, secret, database), statements)
}

func (h *hostile) as(user, database string, statements ...string) {
	h.t.Helper()
	h.run(h.connect(user, password, database), statements)
}

func (h *hostile) run(conn *pgx.Conn, statements []string) {
	h.t.Helper()
	defer conn.Close(context.WithoutCancel(h.t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(h.t.Context(), statement); err != nil {
			h.t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (h *hostile) connect(user, secret, database string) *pgx.Conn {
	h.t.Helper()
	config, err := pgx.ParseConfig(h.server.URL(user, secret, "postgres"))
	if err != nil {
		h.t.Fatal(err)
	}
	config.Database = database
	for setting, value := range map[string]string{"search_path": "pg_catalog", "client_encoding": "UTF8", "standard_conforming_strings": "on",
		"default_transaction_read_only": "off", "role": user} {
		config.RuntimeParams[setting] = value
	}
	conn, err := pgx.ConnectConfig(h.t.Context(), config)
	if err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// ask reads a single value as the superuser.
func ask[T any](h *hostile, database, query string, args ...any) (value T) {
	h.t.Helper()
	name, secret := h.server.Superuser()
	conn := h.connect(name, secret, database)
	defer conn.Close(context.WithoutCancel(h.t.Context()))
	if err := conn.QueryRow(h.t.Context(), query, args...).Scan(&value); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return value
}

// memberships lists who is a member of what, but of these. Other tests make pairs on the same server, as the superuser.
func (h *hostile) memberships(but ...string) string {
	h.t.Helper()
	return ask[string](h, home, `SELECT coalesce(string_agg(format('%s %s %s', roleid::regrole, member::regrole, grantor::regrole), ',' ORDER BY roleid, member), '')
		FROM pg_auth_members WHERE pg_get_userbyid(roleid) <> ALL ($1) AND grantor <> 10`, but)
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

// needsPsql skips a test that runs what people run where they could not.
func needsPsql(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed")
	}
}

// Every statement that people are shown, run by real psql as a master that is no superuser: what it is for is healed, and nothing of
// the stranger's ran.
func TestMatrixHostileDatabase(t *testing.T) {
	t.Parallel()
	needsPsql(t)
	localtest.EachMajor(t, server, localpg.Options{}, func(t *testing.T, server *localpg.Server) {
		h := newHostile(t, server)
		for _, part := range []struct {
			name string
			all  func(*testing.T, *hostile)
		}{
			{"cures", allCures}, {"leavers", allLeavers}, {"adopted", allAdopted}, // in this order: who is adopted has a leaver's name, and stays
			{"remade", allRemade}, {"pages", allPages}, {"teardown", allTeardowns}, {"unreadable names", unreadableNames},
		} {
			t.Run(part.name, func(t *testing.T) { part.all(t, h) })
		}
		h.nothingSprung()
	})
}

// The traps are traps: a careless statement springs them, in each database.
func TestTrapsSpring(t *testing.T) {
	t.Parallel()
	needsPsql(t)
	h := newHostile(t, pgtest.Start(t, localpg.Options{Major: 15}))
	for database, careless := range map[string]string{
		home:   "DO $$ BEGIN PERFORM quote_ident(current_user); END $$; UPDATE user_login_status SET status = 'Active';",
		lure:   "BEGIN READ WRITE; SELECT now(); COMMIT;",
		quotes: "SET ROLE NONE; BEGIN READ WRITE; SELECT 'x'::text; COMMIT;",
		masked: "SELECT now();",
	} {
		if printed, err := h.psql(database, careless); err != nil {
			t.Fatal(err, printed)
		}
		if !ask[bool](h, database, "SELECT is_called FROM public.sprung") {
			t.Errorf("in database %q nothing sprang", database)
		}
	}
}
