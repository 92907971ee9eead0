-- Lends whoever runs an adoption, until return.sql, what it takes: the users and the shared role, the grantors and owners of what the users
-- were granted, the owners of the tables, schemas and databases that they have something in. No superuser is lent, and nobody whom
-- one may not grant: what this keeps from being moved is told by refuse.sql.
DO $do$
DECLARE
    users   oid[] := current_setting('pgrotator.users')::oid[];
    shared  oid := current_setting('pgrotator.shared')::oid;
    me      name := current_user;
    modern  bool := current_setting('server_version_num')::int >= 160000;
    becomes text := CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END;
    here    oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    lent    oid[] := '{}';
    item    record;
BEGIN
    FOR item IN
        WITH granted AS (
            SELECT g.owner, g.grantor FROM json_to_recordset(current_setting('pgrotator.grants')::json) AS g (owner oid, grantor oid)
        ), needed AS (
            SELECT g.owner FROM granted g UNION SELECT g.grantor FROM granted g
            UNION SELECT c.relowner FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polroles && users
            UNION SELECT a.defaclrole FROM pg_default_acl a, aclexplode(a.defaclacl) AS e WHERE e.grantee = ANY (users)
            UNION SELECT n.nspowner FROM pg_shdepend s
                  CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) AS i
                  JOIN pg_namespace n ON i.schema = quote_ident(n.nspname)
                  WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY (users) AND s.deptype = 'o' AND s.dbid = here
            UNION SELECT d.datdba FROM pg_database d WHERE d.oid = here
        )
        SELECT r.oid, r.oid = ANY (users || shared) AS own FROM pg_roles r
        WHERE NOT r.rolsuper AND r.rolname !~ '^(pg_|rds)' AND NOT (pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, becomes))
          AND (r.oid = ANY (users || shared) OR r.oid IN (SELECT needed.owner FROM needed))
        ORDER BY own DESC, r.oid
    LOOP
        BEGIN
            EXECUTE format('GRANT %s TO %I', item.oid::regrole, me) || CASE WHEN modern THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
            lent := lent || item.oid;
        EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
            IF item.own THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('pgrotator.lent', lent::text, true);
END $do$;
