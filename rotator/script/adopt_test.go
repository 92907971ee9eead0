package script_test

import (
	"fmt"
	"strings"
	"testing"

	"pgrotator/rotator/script"
)

func allAdopted(t *testing.T, h *hostile) {
	some := leavers[1:]
	if h.server.Major() != server.Major() {
		some = leavers[1:3]
	}
	for i, name := range some {
		t.Run(name, func(t *testing.T) { adopts(h.in(t), name, fmt.Sprint("a", i)) })
	}
}

// adopts has the script give a shared role what a user owns and was granted in every database. The user has all of it still.
func adopts(h *hostile, name, schema string) {
	h.makeLeaver(name, schema)
	pair := script.Adoption{User: name, Partner: schema + "partner", Shared: schema + ` "shared" ` + "\\", Databases: h.databases}
	before, privileges := h.memberships(pair.Shared), map[string]string{}
	has := fmt.Sprintf("SELECT concat_ws(' ', pg_has_role(u, c.relowner, 'USAGE'), has_table_privilege(u, '%[1]scommon.t', 'SELECT WITH GRANT OPTION'), has_column_privilege(u, '%[1]scommon.t', 'm', 'UPDATE'), has_sequence_privilege('%[1]sreader', '%[1]scommon.s', 'SELECT'), has_schema_privilege(u, '%[1]scommon', 'CREATE')) "+
		"FROM pg_class c, (SELECT $1::text::name) AS x (u) WHERE c.oid = '%[1]scommon.mine'::regclass", schema)
	for _, database := range h.databases {
		privileges[database] = ask[string](h, database, has, h.nameIn(database, name))
	}
	for _, again := range []bool{false, true} {
		printed, err := h.psql(masked, strings.Join(script.Adopt(pair), "\n"))
		if err != nil || again == strings.Contains(printed, "changed: ") || strings.Contains(printed, "\x1b") {
			h.t.Fatalf("psql: %v\n%s", err, printed)
		}
	}
	h.maskGained()
	if after := h.memberships(pair.Shared); after != before {
		h.t.Errorf("memberships were\n%s\nand are\n%s", before, after)
	}
	for _, database := range h.databases {
		if owned := ask[string](h, database, "SELECT coalesce(string_agg(pg_describe_object(classid, objid, objsubid), ', '), '') FROM pg_shdepend s, pg_database d WHERE d.datname = current_database() AND s.dbid IN (0, d.oid) AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1::text::name) AND classid NOT IN ('pg_default_acl'::regclass, 'pg_auth_members'::regclass)", h.nameIn(database, name)); owned != "" {
			h.t.Errorf("in %q the user still has %s", database, owned)
		}
		for _, who := range []string{name, pair.Shared} {
			if now := ask[string](h, database, has, h.nameIn(database, who)); now != privileges[database] {
				h.t.Errorf("in %q %q may %s, and the user could %s", database, who, now, privileges[database])
			}
		}
	}
}
