package setup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgrotator/rotator/internal/localpg"
	"pgrotator/rotator/internal/localpg/pgtest"
	"pgrotator/rotator/internal/localtest"
)

// estate is what an application has that has worked as one user for years, or as a user and its clone: objects and grants of every kind, in two
// databases, among those of others.
type estate struct {
	*localtest.Scene
	t         *testing.T
	databases []string
	names     *strings.Replacer
	clone     bool
	maker     string // of the users; from 16 on the master has no ADMIN on them by itself
	masterARN string
}

// newEstate makes the user {app}, its clone where asked, a DBA's role {dba}, a {report} reader, a {group} and {other}. A maker of users, who
// is not the master, has made the users. The secret names {app} alone.
func newEstate(t *testing.T, pg *localpg.Server, clone bool) *estate {
	t.Helper()
	s := localtest.New(t, pg, nil)
	app := s.Shared
	s.A, s.B, s.Shared = app, app+"_b", app+"_owner"
	if clone {
		s.B = app + "_clone"
	}
	arn := s.CreateMaster()
	e := &estate{Scene: s, t: t, maker: app + "maker", masterARN: arn, databases: []string{s.Database, app + "second"}, clone: clone, names: strings.NewReplacer(
		"{master}", s.Master, "{app}", s.A, "{clone}", s.B, "{owner}", s.Shared, "{dba}", app+"dba", "{report}", app+"report", "{group}", app+"group", "{other}", app+"other", "{second}", app+"second", "{maker}", app+"maker", "{database}", s.Database)}
	e.super("", "CREATE ROLE {maker} LOGIN CREATEROLE CREATEDB PASSWORD 'maker'")
	byMaker := e.all(login("{app}"), "ALTER ROLE {app} CREATEDB", "ALTER ROLE {app} SET search_path = own, public", "ALTER ROLE {app} SET work_mem = '5MB'",
		"ALTER ROLE {app} IN DATABASE {database} SET enable_sort = off")
	if clone {
		byMaker = append(byMaker, e.all(login("{clone}"), "GRANT {app} TO {clone}")...)
	}
	s.SQLAs(pg.URL(e.maker, "maker", s.Database), byMaker...)
	asMaster(s, e.all("CREATE ROLE {dba}", "CREATE ROLE {report}", "CREATE ROLE {group}", "CREATE ROLE {other}", "GRANT {group} TO {app}", "CREATE DATABASE {second}")...)
	e.super("", "ALTER DATABASE {second} OWNER TO {app}")
	for _, database := range e.databases {
		e.super(database, objects...)
		if clone {
			e.super(database, objectsOfClone...)
		}
	}
	s.CreateSecret(nil)
	return e
}

// objects are made by the superuser, who becomes whose they are.
var objects = []string{
	"GRANT CREATE ON DATABASE CURRENT_DATABASE TO {app}, {dba}", "GRANT ALL ON SCHEMA public TO {dba}",
	"SET ROLE {dba}", "CREATE SCHEMA dba", "GRANT USAGE, CREATE ON SCHEMA dba TO {app}", "GRANT USAGE ON SCHEMA dba TO {report}, {group}",
	"CREATE TABLE dba.orders (n int PRIMARY KEY, state text, secret text)", "INSERT INTO dba.orders VALUES (1, 'open', 's'), (2, 'shut', 's')",
	"GRANT SELECT (n, state), UPDATE (state) ON dba.orders TO {app}", "CREATE TABLE dba.lines (n int)", "GRANT SELECT, INSERT ON dba.lines TO {app} WITH GRANT OPTION",
	"CREATE TABLE dba.tenants (tenant int)", "INSERT INTO dba.tenants VALUES (1), (2)", "ALTER TABLE dba.tenants ENABLE ROW LEVEL SECURITY",
	"GRANT SELECT ON dba.tenants TO {app}, {report}", "CREATE POLICY one ON dba.tenants TO {app}, {report} USING (tenant = 1)",
	"CREATE TABLE dba.shared (n int)", "GRANT SELECT ON dba.shared TO {group}", "CREATE SEQUENCE dba.numbers", "GRANT USAGE ON SEQUENCE dba.numbers TO {app}",
	"CREATE FUNCTION dba.add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2'", "REVOKE ALL ON FUNCTION dba.add FROM PUBLIC", "GRANT EXECUTE ON FUNCTION dba.add TO {app}",
	"CREATE DOMAIN dba.amount AS int", "REVOKE ALL ON TYPE dba.amount FROM PUBLIC", "GRANT USAGE ON TYPE dba.amount TO {app}",
	"ALTER DEFAULT PRIVILEGES IN SCHEMA dba GRANT SELECT ON TABLES TO {app}", "SELECT lo_create(77001)", "GRANT SELECT ON LARGE OBJECT 77001 TO {app}",
	"SET ROLE {app}", "GRANT SELECT ON dba.lines TO {report}",
	"CREATE SCHEMA own", "GRANT USAGE ON SCHEMA own TO {report}, {other}", "CREATE TABLE own.orders (n serial PRIMARY KEY, state text)", "INSERT INTO own.orders (state) VALUES ('open')",
	"GRANT SELECT ON own.orders TO {other} WITH GRANT OPTION", "CREATE INDEX ON own.orders (state)", "CREATE TABLE dba.mine (n int)", "CREATE VIEW own.seen AS SELECT n FROM dba.orders",
	"GRANT SELECT ON own.seen TO {other}", "CREATE MATERIALIZED VIEW own.held AS SELECT n FROM own.orders", "CREATE TYPE own.kind AS ENUM ('a')", "CREATE DOMAIN dba.percent AS int",
	"CREATE FUNCTION own.count() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM dba.lines'", "CREATE FUNCTION dba.count() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
	"CREATE FUNCTION own.fires() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO dba.lines VALUES (0); RETURN NEW; END'",
	"CREATE TRIGGER fires BEFORE INSERT ON own.orders FOR EACH ROW EXECUTE FUNCTION own.fires()",
	"SELECT lo_create(77002)", "CREATE PUBLICATION own", "CREATE STATISTICS own.stats ON n, state FROM own.orders", "CREATE COLLATION own.plain FROM \"C\"",
	"CREATE TEXT SEARCH CONFIGURATION own.words (COPY = pg_catalog.simple)", "CREATE AGGREGATE own.total(int) (SFUNC = int4pl, STYPE = int)", "CREATE TABLE own.parts (n int) PARTITION BY RANGE (n)",
	"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {report}", "ALTER DEFAULT PRIVILEGES IN SCHEMA own GRANT USAGE ON SEQUENCES TO {report} WITH GRANT OPTION",
	"ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
	"SET ROLE {other}", "GRANT SELECT ON own.orders TO {report}", "RESET ROLE",
	"CREATE FOREIGN DATA WRAPPER remote", "CREATE SERVER remote FOREIGN DATA WRAPPER remote", "GRANT USAGE ON FOREIGN DATA WRAPPER remote TO {master} WITH GRANT OPTION",
	"SET ROLE {master}", "GRANT USAGE ON FOREIGN DATA WRAPPER remote TO {app}", "RESET ROLE", "ALTER SERVER remote OWNER TO {dba}", "SET ROLE {dba}",
	"GRANT USAGE ON FOREIGN SERVER remote TO {app}", "SET ROLE {app}", "CREATE USER MAPPING FOR {app} SERVER remote OPTIONS (user 'far', password 'it''s \"far\"')", "CREATE SERVER mine FOREIGN DATA WRAPPER remote", "RESET ROLE",
	// As on a database that came from before 15: nobody may make functions where the user has one.
	"REVOKE CREATE ON SCHEMA dba FROM {app}",
}

var objectsOfClone = []string{
	"SET ROLE {dba}", "GRANT DELETE ON dba.lines TO {clone}", "CREATE TABLE dba.archive (n int)", "GRANT SELECT ON dba.archive TO {clone} WITH GRANT OPTION", "CREATE POLICY two ON dba.tenants TO {clone} USING (tenant = 2)",
	"GRANT CREATE ON SCHEMA dba TO {clone}", "SET ROLE {app}", "GRANT SELECT ON own.parts TO {clone} WITH GRANT OPTION",
	"SET ROLE {clone}", "CREATE TABLE dba.made (n int)", "CREATE FUNCTION dba.made() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT lo_create(77003)", "GRANT SELECT ON dba.archive TO {report}",
	"GRANT SELECT ON own.parts TO {report}", "CREATE SCHEMA made", "ALTER DEFAULT PRIVILEGES IN SCHEMA made GRANT SELECT ON TABLES TO {report}", "RESET ROLE",
}

// acts are what users of the application do, each undone again. Some are refused before, and are to be afterwards.
var acts = []string{
	"INSERT INTO own.orders (state) VALUES ('new')", "INSERT INTO own.orders VALUES (nextval('own.orders_n_seq'), 'new')", "ALTER TABLE own.orders ADD m int", "DROP TABLE own.orders CASCADE", "CREATE INDEX ON own.orders (n)",
	"TRUNCATE own.orders", "INSERT INTO dba.mine VALUES (1)", "DROP TABLE dba.mine", "SELECT * FROM own.seen", "CREATE OR REPLACE VIEW own.seen AS SELECT n FROM dba.orders WHERE n > 0", "REFRESH MATERIALIZED VIEW own.held",
	"ALTER TYPE own.kind ADD VALUE 'b'", "DROP DOMAIN dba.percent", "SELECT own.count()", "ALTER FUNCTION own.count() STABLE", "DROP FUNCTION dba.count()", "CREATE TABLE own.new (n own.kind)", "DROP SCHEMA own CASCADE",
	"SELECT lo_put(77002, 0, 'x')", "SELECT lo_unlink(77002)", "SELECT lo_get(77001)", "SELECT lo_put(77001, 0, 'x')", "DROP PUBLICATION own", "ALTER PUBLICATION own ADD TABLE own.orders", "DROP STATISTICS own.stats",
	"DROP COLLATION own.plain", "DROP TEXT SEARCH CONFIGURATION own.words", "DROP AGGREGATE own.total(int)", "CREATE TABLE own.part PARTITION OF own.parts DEFAULT", "DROP SERVER mine", "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM {report}",
	"SELECT n, state FROM dba.orders", "SELECT secret FROM dba.orders", "UPDATE dba.orders SET state = 'x' WHERE n = 1", "UPDATE dba.orders SET secret = 'x' WHERE n = 1", "DELETE FROM dba.orders WHERE n = 1",
	"SELECT * FROM dba.lines", "INSERT INTO dba.lines VALUES (1)", "DO $$ BEGIN GRANT INSERT ON dba.lines TO {other}; ASSERT has_table_privilege('{other}', 'dba.lines', 'INSERT'); END $$", "DO $$ BEGIN REVOKE SELECT ON dba.lines FROM {report}; ASSERT NOT has_table_privilege('{report}', 'dba.lines', 'SELECT'); END $$", "DROP TABLE dba.lines", "SELECT * FROM dba.shared", "SET LOCAL ROLE {group}", "SET LOCAL ROLE {dba}",
	"SELECT nextval('dba.numbers')", "SELECT setval('dba.numbers', 1)", "SELECT dba.add(1, 2)", "CREATE TABLE own.priced (n dba.amount)", "CREATE FUNCTION dba.new() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"CREATE SCHEMA another", "ALTER DATABASE CURRENT_DATABASE CONNECTION LIMIT 50", "CREATE TEMP TABLE t (n int)", "DO $$ BEGIN ASSERT (SELECT array_agg(tenant ORDER BY tenant) FROM dba.tenants) <@ ARRAY[1, 2]; END $$",
	"DO $$ BEGIN ASSERT 1 = ANY (SELECT tenant FROM dba.tenants); END $$", "CREATE FOREIGN TABLE own.far (n int) SERVER remote",
	"DO $$ BEGIN ASSERT (SELECT umoptions = ARRAY['user=far', 'password=it''s \"far\"'] FROM pg_user_mappings WHERE srvname = 'remote' AND usename = current_user); END $$",
	"DO $$ BEGIN CREATE TABLE own.defaulted (n int); ASSERT has_table_privilege('{report}', 'own.defaulted', 'SELECT'); CREATE SEQUENCE own.counted; ASSERT has_sequence_privilege('{report}', 'own.counted', 'USAGE WITH GRANT OPTION'); END $$",
	"DO $$ BEGIN CREATE FUNCTION own.private() RETURNS int LANGUAGE sql AS 'SELECT 1'; ASSERT NOT has_function_privilege('{other}', 'own.private()', 'EXECUTE'); END $$",
	"REVOKE SELECT ON own.orders FROM {other} CASCADE", "CREATE ROLE gained", "SHOW work_mem", "DO $$ BEGIN ASSERT current_setting('work_mem') = '5MB' AND current_setting('search_path') = 'own, public'; END $$",
}

var actsOfClone = []string{
	"INSERT INTO dba.made VALUES (1)", "DROP TABLE dba.made", "DROP FUNCTION dba.made()", "SELECT lo_put(77003, 0, 'x')", "DELETE FROM dba.lines", "DO $$ BEGIN GRANT SELECT ON dba.archive TO {other}; ASSERT has_table_privilege('{other}', 'dba.archive', 'SELECT'); END $$", "DO $$ BEGIN REVOKE SELECT ON dba.archive FROM {report}; ASSERT NOT has_table_privilege('{report}', 'dba.archive', 'SELECT'); END $$", "DROP TABLE dba.archive",
	"CREATE FUNCTION dba.new() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP SCHEMA made", "DO $$ BEGIN ASSERT 2 = ANY (SELECT tenant FROM dba.tenants); END $$", "DO $$ BEGIN CREATE TABLE made.defaulted (n int); ASSERT has_table_privilege('{report}', 'made.defaulted', 'SELECT'); END $$",
}

// others hold of everybody else, before and after, as the superuser sees it.
const others = `SELECT concat_ws(' ', has_table_privilege('{report}', 'own.orders', 'SELECT'), has_table_privilege('{other}', 'own.orders', 'SELECT WITH GRANT OPTION'), has_table_privilege('{report}', 'dba.lines', 'SELECT'),
	has_table_privilege('{other}', 'own.seen', 'SELECT'), has_schema_privilege('{other}', 'own', 'USAGE'), pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = 'dba.orders'::regclass)),
	(SELECT string_agg(format('%s %s', relname, pg_get_userbyid(relowner)), ',' ORDER BY relname) FROM pg_class WHERE relowner::regrole::text ~ '{dba}|{report}|{other}'),
	(SELECT string_agg(r::regrole::text, ',') FROM pg_policy, unnest(polroles) r WHERE r::regrole::text = '{report}'))`

// all puts the names into statements.
func (e *estate) all(statements ...string) []string {
	for i, statement := range statements {
		statements[i] = e.names.Replace(statement)
	}
	return statements
}

// super runs statements in one session of the superuser's, "" = in the secret's database.
func (e *estate) super(database string, statements ...string) {
	e.t.Helper()
	conn := e.connectTo(database)
	defer conn.Close(context.WithoutCancel(e.t.Context()))
	for _, statement := range statements {
		statement = e.names.Replace(strings.ReplaceAll(statement, "CURRENT_DATABASE", localtest.Ident(conn.Config().Database)))
		if _, err := conn.Exec(e.t.Context(), statement); err != nil {
			e.t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (e *estate) connectTo(database string) *pgx.Conn {
	e.t.Helper()
	name, password := e.PG.Superuser()
	if database == "" {
		database = e.Database
	}
	return pgtest.Connect(e.t, e.PG.URL(name, password, database))
}

// connect logs in to a database as the application does.
func (e *estate) connect(c localtest.Credential, database string) *pgx.Conn {
	e.t.Helper()
	return pgtest.Connect(e.t, e.PG.URL(c.Username, c.Password, database))
}

// tries tells of each act whether a session may do it: "" or the refusal's SQLSTATE.
func (e *estate) tries(conn *pgx.Conn, acts []string) map[string]string {
	e.t.Helper()
	outcome := map[string]string{}
	for _, act := range acts {
		outcome[act] = e.try(conn, act)
	}
	return outcome
}

func (e *estate) try(conn *pgx.Conn, act string) string {
	e.t.Helper()
	tx, err := conn.Begin(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	_, err = tx.Exec(e.t.Context(), e.names.Replace(strings.ReplaceAll(act, "CURRENT_DATABASE", localtest.Ident(conn.Config().Database))))
	if rollback := tx.Rollback(e.t.Context()); rollback != nil {
		e.t.Fatal(rollback)
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// same holds that a session may do what another could before, and no more.
func (e *estate) same(who string, before, after map[string]string) {
	e.t.Helper()
	for act, could := range before {
		if can := after[act]; (can == "") != (could == "") {
			e.t.Errorf("%s: %s: SQLSTATE %q before, %q now", who, e.names.Replace(act), could, can)
		}
	}
}

// before tells what the user, or it and its clone together, may do in each database.
func (e *estate) before(acts []string) map[string]map[string]string {
	e.t.Helper()
	outcome := map[string]map[string]string{}
	for _, database := range e.databases {
		conn := e.connect(localtest.Credential{Username: e.A, Password: localtest.PasswordA}, database)
		outcome[database] = e.tries(conn, acts)
		conn.Close(e.t.Context())
		if !e.clone {
			continue
		}
		conn = e.connect(localtest.Credential{Username: e.B, Password: localtest.PasswordA}, database)
		for act, refused := range e.tries(conn, acts) {
			if refused == "" {
				outcome[database][act] = ""
			}
		}
		conn.Close(e.t.Context())
	}
	return outcome
}

func (e *estate) ofOthers() (all []string) {
	e.t.Helper()
	for _, database := range e.databases {
		conn := e.connectTo(database)
		var one string
		if err := conn.QueryRow(e.t.Context(), e.names.Replace(others)).Scan(&one); err != nil {
			e.t.Fatal(err)
		}
		conn.Close(e.t.Context())
		all = append(all, fmt.Sprint(database, ": ", one))
	}
	return all
}

// ofMaster lists what the master is a member of with the rights of: what is lent to it is given back. Up to PostgreSQL 15 setup leaves it
// ADMIN, which has them, on the pair.
func (e *estate) ofMaster() (all string) {
	e.t.Helper()
	e.Ask(`SELECT coalesce(string_agg(m.roleid::regrole::text, ' ' ORDER BY m.roleid), '') FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
		WHERE m.member = $1::regrole AND coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true)
		AND r.rolname NOT IN ($2, $3, $4, $5)`, []any{e.Master, e.A, e.B, e.Shared, "rotation_" + e.Shared}, &all)
	if e.PG.Major() >= 16 {
		var own string
		e.Ask(`SELECT coalesce(string_agg(m.roleid::regrole::text, ' '), '') FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
			WHERE m.member = $1::regrole AND r.rolname IN ($2, $3, $4, $5) AND ((to_jsonb(m) ->> 'inherit_option')::bool OR (to_jsonb(m) ->> 'set_option')::bool)`,
			[]any{e.Master, e.A, e.B, e.Shared, "rotation_" + e.Shared}, &own)
		all += own
	}
	return all
}
