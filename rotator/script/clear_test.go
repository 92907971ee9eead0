package script_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgrotator/rotator/script"
)

// Names that leavers have.
var leavers = []string{
	"dave",
	`it's "o" $$ $do$ \! :master \g |sh ` + "`sh`",
	"two\nlines \x1b[31m\t",
	strings.Repeat("ä", 31),
	`sj` + "\u82a0\u0082",
}

func allLeavers(t *testing.T, h *hostile) {
	some := leavers
	if h.server.Major() != server.Major() {
		some = leavers[1:3]
	}
	if h.server.Major() >= 16 { // whoever makes a role there becomes it
		h.as(spy, home, "ALTER DATABASE "+masked+" SET createrole_self_grant = 'set, inherit'")
		defer h.as(spy, home, "ALTER DATABASE "+masked+" RESET createrole_self_grant")
	}
	for i, name := range some {
		t.Run(name, func(t *testing.T) { clears(h.in(t), name, fmt.Sprint("s", i)) })
	}
	t.Run("a role in use", func(t *testing.T) { listsFirst(h.in(t)) })
	t.Run("an heir that exists", func(t *testing.T) { stopsAtHeir(h.in(t)) })
	t.Run("a leaver that is another by now", func(t *testing.T) { stopsAtAnother(h.in(t)) })
}

// in is the same server for a test of its own.
func (h *hostile) in(t *testing.T) *hostile {
	copied := *h
	copied.t = t
	return &copied
}

// leaver is what the report hands to the script.
func (h *hostile) leaver(name string) script.Leaver {
	h.t.Helper()
	return script.Leaver{
		Name: name, OID: ask[int64](h, home, "SELECT oid::int8 FROM pg_roles WHERE rolname = $1", name),
		Databases: ask[[]string](h, home, `SELECT coalesce(array_agg(DISTINCT coalesce(d.datname::text, '')), '{}') FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
			WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = $1)`, name)}
}

// clears makes a leaver that owns and was granted things in every database, and runs the script, which begins where everybody becomes another role.
func clears(h *hostile, name, schema string) {
	heir := script.DerivedName("former_", name)
	h.makeLeaver(name, schema)
	before := h.memberships(name, heir)
	text := strings.Join(script.Clear(h.leaver(name)), "\n")
	printed, err := h.psql(masked, text)
	if err != nil {
		h.t.Fatalf("psql: %v\n%s\n%s", err, printed, text)
	}
	if ask[bool](h, home, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name) {
		h.t.Errorf("%q is still there:\n%s", name, printed)
	}
	for _, told := range []string{" SECURITY DEFINER function that", " view that", " trigger", " rule whose"} {
		if strings.Count(printed, told) < len(h.databases) {
			h.t.Errorf("it does not tell of the %s in each database:\n%s", told, printed)
		}
	}
	if !strings.Contains(printed, "no longer a member of it: "+schema+"reader") {
		h.t.Errorf("it does not tell who was a member:\n%s", printed)
	}
	if strings.Contains(printed, "\x1b") {
		h.t.Errorf("a name reached the terminal: %q", printed)
	}
	if after := h.memberships(name, heir); after != before {
		h.t.Errorf("memberships were\n%s\nand are\n%s", before, after)
	}
	if gained := ask[string](h, home, "SELECT coalesce(string_agg(member::regrole::text, ','), '') FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = $1 AND coalesce((to_jsonb(m) ->> 'inherit_option')::bool OR (to_jsonb(m) ->> 'set_option')::bool, true)", heir); gained != "" {
		h.t.Errorf("%s has the rights of the heir", gained)
	}
	h.maskGained()
	for _, database := range h.databases {
		h.holdHeir(database, h.nameIn(database, heir), schema)
	}
}

// nameIn is how a database reads the name of a role that was made in the database home.
func (h *hostile) nameIn(database, name string) string {
	h.t.Helper()
	return ask[string](h, database, "SELECT rolname::text FROM pg_roles WHERE oid = $1::int8::oid", ask[int64](h, home, "SELECT oid::int8 FROM pg_roles WHERE rolname = $1", name))
}

// makeLeaver: the schema named common is an owner's, who is no more than the master made him.
func (h *hostile) makeLeaver(name, schema string) {
	owner, grantor, reader := schema+"owner", schema+" grantor", schema+"reader"
	h.as(master, home, "CREATE ROLE "+ident(name)+" CREATEDB", "CREATE ROLE "+owner, "CREATE ROLE "+ident(grantor), "CREATE ROLE "+reader,
		"GRANT "+ident(name)+" TO "+reader)
	for _, database := range h.databases {
		name := h.nameIn(database, name)
		h.super(database, "CREATE SCHEMA "+schema+"common AUTHORIZATION "+owner, "CREATE SCHEMA "+schema+"own AUTHORIZATION "+ident(name),
			"CREATE SCHEMA "+ident(schema+"\x1b[31m")+" AUTHORIZATION "+owner,
			"SET ROLE "+owner, "GRANT ALL ON SCHEMA "+schema+"common, "+ident(schema+"\x1b[31m")+" TO "+ident(name), "CREATE TABLE "+schema+"common.t (n int, m int)", "CREATE SEQUENCE "+schema+"common.s",
			"GRANT SELECT ON "+schema+"common.t, "+schema+"common.s TO "+ident(grantor)+", "+master+" WITH GRANT OPTION",
			"GRANT UPDATE (m) ON "+schema+"common.t TO "+ident(grantor)+" WITH GRANT OPTION", "GRANT INSERT ON "+schema+"common.t TO "+ident(name),
			"GRANT USAGE ON SCHEMA "+schema+"common TO "+ident(grantor)+", "+reader+", "+master,
			"ALTER DEFAULT PRIVILEGES IN SCHEMA "+schema+"common GRANT SELECT ON TABLES TO "+ident(name),
			"CREATE POLICY for_leaver ON "+schema+"common.t TO "+ident(name)+" USING (true)",
			"SET ROLE "+ident(grantor), "GRANT SELECT ON "+schema+"common.t, "+schema+"common.s TO "+ident(name)+" WITH GRANT OPTION", "GRANT UPDATE (m) ON "+schema+"common.t TO "+ident(name),
			"SET ROLE "+master, "GRANT SELECT ON "+schema+"common.t TO "+ident(name),
			"SET ROLE "+ident(name), "GRANT SELECT ON "+schema+"common.s TO "+reader,
			"CREATE TABLE "+schema+"own.mine (n int PRIMARY KEY)", "CREATE TABLE "+schema+"common.mine (n int PRIMARY KEY)",
			"GRANT SELECT, REFERENCES ON "+schema+"common.mine TO "+owner,
			"CREATE FUNCTION "+schema+"own.door() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT pg_catalog.current_database()::text'",
			"CREATE FUNCTION "+schema+"common.door() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'",
			"CREATE FUNCTION "+ident(schema+"\x1b[31m")+"."+ident("door\x1b[31m")+"() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
			"CREATE FUNCTION "+schema+"common.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
			"CREATE TRIGGER fires BEFORE INSERT ON "+schema+"common.mine FOR EACH ROW EXECUTE FUNCTION "+schema+"common.fires()",
			"CREATE RULE rules AS ON DELETE TO "+schema+"common.mine DO ALSO SELECT 1", "CREATE VIEW "+schema+"common.seen AS SELECT n FROM "+schema+"own.mine",
			"CREATE INDEX computed ON "+schema+"common.mine ((n + 1))",
			"CREATE TYPE "+schema+"common.kind AS ENUM ('a')", "RESET ROLE", "CREATE FOREIGN DATA WRAPPER "+schema, "GRANT USAGE ON FOREIGN DATA WRAPPER "+schema+" TO "+master+" WITH GRANT OPTION",
			"SET ROLE "+master, "GRANT USAGE ON FOREIGN DATA WRAPPER "+schema+" TO "+ident(name), "RESET ROLE", "GRANT CREATE ON DATABASE "+ident(database)+" TO "+ident(name), "SET ROLE "+ident(name),
			"CREATE SERVER "+schema+" FOREIGN DATA WRAPPER "+schema, "CREATE PUBLICATION "+schema, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "+reader, "SELECT lo_create(0)",
			"SET ROLE "+owner, "CREATE TABLE "+schema+"common.refers (n int REFERENCES "+schema+"common.mine)", "RESET ROLE")
	}
	h.super("postgres", "CREATE DATABASE "+ident(ownDatabase(schema))+" OWNER "+ident(name))
	h.super(ownDatabase(schema), "SET ROLE "+ident(name), "CREATE PUBLICATION "+schema) // what only the database's owner may have
	h.as(master, home, "ALTER ROLE "+ident(name)+" NOLOGIN")
}

// ownDatabase is the database that a leaver owns, the first that the script goes to: in any other, what it owns there is still the leaver's.
func ownDatabase(schema string) string { return "0" + schema }

// holdHeir holds what became of the leaver's objects: the heir has them and USAGE on their schemas, CREATE on none that is another's,
// and what others built on them works.
func (h *hostile) holdHeir(database, heir, schema string) {
	h.t.Helper()
	if owner := ask[string](h, database, "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ',') FROM pg_class WHERE relname IN ('mine', 'seen') AND relnamespace::regnamespace::text LIKE $1", schema+"%"); owner != heir {
		h.t.Errorf("in %q the leaver's tables are %q's, want %q", database, owner, heir)
	}
	if owner := ask[string](h, database, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1", schema+"own"); owner != heir {
		h.t.Errorf("in %q the leaver's schema is %q's", database, owner)
	}
	if owners := ask[string](h, database, "SELECT concat_ws(',', pg_get_userbyid(datdba), pg_get_userbyid(srvowner), pg_get_userbyid(pubowner)) FROM pg_database, pg_foreign_server, pg_publication WHERE datname = $2 AND srvname = $1 AND pubname = $1", schema, ownDatabase(schema)); owners != heir+","+heir+","+heir {
		h.t.Errorf("in %q the leaver's database, server and publication are %q's", database, owners)
	}
	if ask[bool](h, database, "SELECT has_database_privilege($1::text::name, current_database(), 'CREATE')", heir) {
		h.t.Errorf("in %q the heir may make schemas", database)
	}
	if got := ask[string](h, database, "SELECT concat_ws(' ', has_schema_privilege($1::text::name, $2, 'USAGE'), has_schema_privilege($1::text::name, $2, 'CREATE'))", heir, schema+"common"); got != "t f" {
		h.t.Errorf("in %q USAGE and CREATE of the heir on the common schema: %s", database, got)
	}
	h.super(database, "INSERT INTO "+schema+"common.mine VALUES (1)", "SET ROLE "+schema+"owner", "INSERT INTO "+schema+"common.refers VALUES (1)", "RESET ROLE")
	if who := ask[string](h, database, "SELECT "+schema+"common.door()"); who != heir {
		h.t.Errorf("in %q the leaver's function runs as %q", database, who)
	}
	if kept := ask[bool](h, database, fmt.Sprintf("SELECT has_table_privilege('%[1]sreader', '%[1]scommon.t', 'SELECT') OR has_table_privilege('%[1]s grantor', '%[1]scommon.t', 'SELECT WITH GRANT OPTION')", schema)); !kept {
		h.t.Errorf("in %q grants of others are gone", database)
	}
}

// stopsAtAnother: a role of the leaver's name that was made since, or that has come back, is not dropped.
func stopsAtAnother(h *hostile) {
	h.as(master, home, "CREATE ROLE frank")
	former := h.leaver("frank")
	h.as(master, home, "DROP ROLE frank", "CREATE ROLE frank")
	owning := former
	owning.Databases = []string{home}
	for _, leaver := range []script.Leaver{former, owning} {
		if printed, err := h.psql(home, strings.Join(script.Clear(leaver), "\n")); err == nil || !strings.Contains(printed, "was made again since this script was written") {
			h.t.Errorf("made again: error %v:\n%s", err, printed)
		}
	}
	now := h.leaver("frank")
	h.as(master, home, "ALTER ROLE frank LOGIN PASSWORD '"+password+"'", "ALTER ROLE frank RENAME TO frida")
	if printed, err := h.psql(home, strings.Join(script.Clear(now), "\n")); err == nil || !strings.Contains(printed, "was made again since this script was written") {
		h.t.Errorf("renamed: error %v:\n%s", err, printed)
	}
	now.Name = "frida"
	defer h.connect("frida", password, home).Close(h.t.Context())
	if printed, err := h.psql(home, strings.Join(script.Clear(now), "\n")); err == nil || !strings.Contains(printed, "it has a session") {
		h.t.Errorf("in use: error %v:\n%s", err, printed)
	}
	if made := ask[int](h, home, "SELECT count(*) FROM pg_roles WHERE rolname = 'frida'"); made != 1 {
		h.t.Error("the role was dropped")
	}
}

// listsFirst: what runs as the heir, and what it is granted, is listed before anything changes hands. Here nothing does, since the role is
// in use.
func listsFirst(h *hostile) {
	h.makeLeaver("erin", "used")
	if h.server.Major() >= 15 {
		h.super(home, "SET ROLE erin", "CREATE VIEW usedcommon.through WITH (security_invoker = on) AS SELECT n FROM usedown.mine")
	}
	h.super(home, "ALTER ROLE erin LOGIN PASSWORD '"+password+"'")
	session := h.connect("erin", password, home)
	leaver := h.leaver("erin")
	leaver.Databases = []string{home}
	printed, err := h.psql(home, strings.Join(script.Clear(leaver), "\n"))
	session.Close(h.t.Context())
	if err == nil || !strings.Contains(printed, "role erin is in use") {
		h.t.Fatalf("error %v:\n%s", err, printed)
	}
	for _, listed := range []string{`SECURITY DEFINER function that runs as the heir +\| +3 \| "used\?\[31m"\."door\?\[31m"\(\), usedcommon\.door\(\), usedown\.door\(\)`, `view that reads as the heir +\| +1 \| usedcommon\.seen`,
		`rule whose statements run as the heir +\| +1 \| rules on usedcommon\.mine`, `trigger .* whoever writes +\| +1 \| fires on usedcommon\.mine`, `schema granted to the heir.* +\| +2 \| "used\?\[31m", usedcommon`,
		`index whose .* +\| +1 \| usedcommon\.computed`, `wrapper granted to the heir.* +\| +1 \| used\n`, `database granted to the heir.* +\| +1 \| app\n`} {
		if !regexp.MustCompile(listed).MatchString(printed) {
			h.t.Errorf("it does not list %s:\n%s", listed, printed)
		}
	}
	if owner := ask[string](h, home, "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'usedcommon.mine'::regclass"); owner != "erin" {
		h.t.Errorf("the table is %q's", owner)
	}
	h.super(home, "ALTER ROLE erin NOLOGIN")
}

// The comments of the script say what kinds of things run as the heir from then on, and what it is granted.
func TestScriptSaysWhatTheHeirGets(t *testing.T) {
	t.Parallel()
	var comments strings.Builder
	for line := range strings.Lines(strings.Join(script.Clear(script.Leaver{Name: "dave", OID: 1, Databases: []string{"app"}}), "\n")) {
		if strings.HasPrefix(line, "-- ") {
			comments.WriteString(line)
		}
	}
	for _, said := range []string{"former_dave", "SECURITY DEFINER functions", "rules", "views", "USAGE on the schemas", "CREATE on these schemas", "revoked again"} {
		if !strings.Contains(comments.String(), said) {
			t.Errorf("the comments do not say %q:\n%s", said, comments.String())
		}
	}
}

func stopsAtHeir(h *hostile) {
	h.makeLeaver("carol", "heir")
	h.as("evil", home, "SET ROLE NONE")
	h.super(home, "CREATE ROLE former_carol LOGIN")
	leaver := h.leaver("carol")
	printed, err := h.psql(home, strings.Join(script.Clear(leaver), "\n"))
	if err == nil || !strings.Contains(printed, "former_carol exists already") {
		h.t.Errorf("error %v:\n%s", err, printed)
	}
	// Pasted into a session, a script goes on after an error.
	pasted := strings.ReplaceAll(strings.Join(script.Clear(leaver), "\n"), `\set ON_ERROR_STOP on`, "")
	if printed, err = h.psql(home, pasted); err != nil || !strings.Contains(printed, "Nothing was changed") {
		h.t.Errorf("error %v:\n%s", err, printed)
	}
	if owned := ask[int](h, home, "SELECT count(*) FROM pg_shdepend WHERE refobjid = (SELECT oid FROM pg_roles WHERE rolname = 'former_carol')"); owned != 0 {
		h.t.Errorf("the role that stood there before owns %d things", owned)
	}
	h.super(home, strings.Replace(regexp.MustCompile(`ALTER ROLE former_carol RENAME TO [^;]+`).FindString(printed), "...", "somebody", 1))
	if printed, err = h.psql(home, strings.Join(script.Clear(leaver), "\n")); err != nil {
		h.t.Errorf("after what the error says: %v:\n%s", err, printed)
	}
}
