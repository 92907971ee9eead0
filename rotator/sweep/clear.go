package sweep

import (
	"fmt"
	"slices"

	"pgrotator/rotator/account"
	"pgrotator/rotator/postgres"
)

// clearing lists the statements, for psql and in order, by which the master user clears away what keeps a role from being
// dropped, and then drops it. What the role owned goes to the master.
func clearing(a account.Account, standing account.Obstacles, master string) []string {
	by := "CURRENT_USER"
	if master != "" {
		by = postgres.Quote(master)
	}
	statements := ended(standing.Members)
	if len(standing.Dependencies) > 0 {
		statements = append(statements, ended(standing.Circular)...)
		statements = append(statements, revokingThirds(a, standing)...)
		statements = append(statements, clearingOwned(a.Quoted, standing, by)...)
	}
	return append(statements, "DROP ROLE "+a.Quoted+";")
}

// revokingThirds revokes, in each database, what others than the objects' owners have granted to the role: DROP OWNED, run with the
// owners' privileges, revokes the owners' own grants only. It comes before those privileges are lent, with which PostgreSQL would
// take the owner for the grantor.
func revokingThirds(a account.Account, standing account.Obstacles) []string {
	shared := slices.ContainsFunc(standing.Dependencies, func(d account.Dependency) bool { return d.Database == "" && d.Thirds })
	var statements []string
	for _, d := range standing.Dependencies {
		switch {
		case d.Database == "" && len(standing.Dependencies) > 1, !d.Thirds && !shared:
			continue
		case d.Database != "":
			statements = append(statements, `\connect `+d.Quoted)
		}
		statements = append(statements, fmt.Sprintf(revokeThirds, a.OID))
	}
	return statements
}

// revokeThirds names the role by its oid, since a name could end the block's quotes. Each grantor is borrowed for the while: a REVOKE
// takes back only what the role that runs it has granted.
const revokeThirds = `DO $$
DECLARE
    master text := quote_ident(current_user);
    g      record;
    lend   bool;
BEGIN
    PERFORM set_config('search_path', '', true);
    FOR g IN
        SELECT DISTINCT r.oid, quote_ident(r.rolname) AS grantor, quote_ident(e.rolname) AS grantee, o.object
        FROM (SELECT CASE relkind WHEN 'S' THEN 'ALL ON SEQUENCE ' ELSE 'ALL ON TABLE ' END || oid::regclass, relowner, relacl FROM pg_class
              UNION ALL SELECT 'ALL (' || quote_ident(attname) || ') ON TABLE ' || c.oid::regclass, relowner, attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
              UNION ALL SELECT 'ALL ON SCHEMA ' || quote_ident(nspname), nspowner, nspacl FROM pg_namespace
              UNION ALL SELECT 'ALL ON ROUTINE ' || oid::regprocedure, proowner, proacl FROM pg_proc
              UNION ALL SELECT 'ALL ON TYPE ' || oid::regtype, typowner, typacl FROM pg_type
              UNION ALL SELECT 'ALL ON LANGUAGE ' || quote_ident(lanname), lanowner, lanacl FROM pg_language
              UNION ALL SELECT 'ALL ON LARGE OBJECT ' || oid, lomowner, lomacl FROM pg_largeobject_metadata
              UNION ALL SELECT 'ALL ON FOREIGN DATA WRAPPER ' || quote_ident(fdwname), fdwowner, fdwacl FROM pg_foreign_data_wrapper
              UNION ALL SELECT 'ALL ON FOREIGN SERVER ' || quote_ident(srvname), srvowner, srvacl FROM pg_foreign_server
              UNION ALL SELECT 'ALL ON TABLESPACE ' || quote_ident(spcname), spcowner, spcacl FROM pg_tablespace
              UNION ALL SELECT 'ALL ON DATABASE ' || quote_ident(datname), datdba, datacl FROM pg_database) AS o (object, owner, acl),
             aclexplode(o.acl) AS a, pg_roles r, pg_roles e
        WHERE a.grantee = %d AND a.grantor <> o.owner AND r.oid = a.grantor AND e.oid = a.grantee
    LOOP
        lend := NOT pg_has_role(g.oid, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END);
        IF lend THEN EXECUTE format('GRANT %%s TO %%s', g.grantor, master); END IF;
        EXECUTE 'SET LOCAL ROLE ' || g.grantor;
        EXECUTE format('REVOKE %%s FROM %%s CASCADE', g.object, g.grantee);
        EXECUTE 'SET LOCAL ROLE ' || master;
        IF lend THEN EXECUTE format('REVOKE %%s FROM %%s', g.grantor, master); END IF;
    END LOOP;
END $$;`

// clearingOwned gives the master, for the while, the privileges of the role and of those whose objects carry its grants.
// REASSIGN OWNED and DROP OWNED share a transaction: the second alone would drop the tables.
func clearingOwned(quoted string, standing account.Obstacles, by string) []string {
	var statements, back []string
	for _, lender := range slices.Insert(grantors(standing), 0, quoted) {
		statements = append(statements, fmt.Sprintf("GRANT %s TO %s;", lender, by))
		back = append(back, fmt.Sprintf("REVOKE %s FROM %s;", lender, by))
	}
	for _, d := range standing.Dependencies {
		if d.Database == "" && len(standing.Dependencies) > 1 {
			continue // what the whole cluster shares is done with any database
		}
		if d.Database != "" {
			statements = append(statements, `\connect `+d.Quoted)
		}
		statements = append(statements, fmt.Sprintf("BEGIN; REASSIGN OWNED BY %[1]s TO %[2]s; DROP OWNED BY %[1]s; COMMIT;", quoted, by))
	}
	return append(statements, back...)
}

func ended(statements []string) []string {
	list := make([]string, len(statements))
	for i, s := range statements {
		list[i] = s + ";"
	}
	return list
}

func grantors(standing account.Obstacles) []string {
	var owners []string
	for _, d := range standing.Dependencies {
		owners = append(owners, d.Grantors...)
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}
