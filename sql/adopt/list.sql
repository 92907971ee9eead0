-- Lists, as JSON in pgrotator.grants, what the users pgrotator.users were granted and have granted in this database and in what all databases
-- share: the object, its owner, grantor, grantee, privileges, whether with grant option, and whether the role pgrotator.shared (an oid; 0 = it
-- does not exist) lacks them. The owner of a parameter is the bootstrap superuser (10).
DO $do$
DECLARE
    users  oid[] := current_setting('pgrotator.users')::oid[];
    shared oid := current_setting('pgrotator.shared')::oid;
    -- pg_parameter_acl is PostgreSQL 15's. Each part of a parameter's name is quoted.
    parameters text := CASE WHEN to_regclass('pg_catalog.pg_parameter_acl') IS NULL THEN '' ELSE
        $query$ UNION ALL SELECT 'PARAMETER ' || (SELECT string_agg(quote_ident(n), '.') FROM unnest(string_to_array(p.parname, '.')) AS n), '', 10::oid, p.paracl
                FROM pg_parameter_acl p WHERE s.classid = 'pg_parameter_acl'::regclass AND p.oid = s.objid $query$ END;
    listed text;
BEGIN
    EXECUTE format($query$
        SELECT json_agg(g) FROM (
            SELECT o.object, o.owner, a.grantor, a.grantee, a.is_grantable AS grantable, string_agg(a.privilege_type || o.columns, ', ' ORDER BY a.privilege_type) AS privileges,
                   bool_or(a.grantee = ANY ($1) AND NOT coalesce($2 <> 0 AND pg_has_role($2, o.owner, 'USAGE'), false) AND NOT EXISTS (
                       SELECT FROM aclexplode(o.acl) AS h
                       WHERE h.privilege_type = a.privilege_type AND (h.is_grantable OR NOT a.is_grantable)
                         AND (h.grantee = 0 OR $2 <> 0 AND pg_has_role($2, h.grantee, 'USAGE')))
                       -- Who logs in needs CONNECT; the shared role does not.
                       AND NOT (a.privilege_type = 'CONNECT' AND cardinality($1) = 2 AND (SELECT bool_and(has_database_privilege(u.oid, s.objid, 'CONNECT')) FROM unnest($1) AS u (oid)))) AS lacking
            FROM (SELECT DISTINCT s.classid, s.objid, s.objsubid FROM pg_shdepend s
                  WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY ($1) AND s.deptype = 'a'
                    AND s.dbid IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))) AS s
            CROSS JOIN LATERAL (
                SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, '', c.relowner, c.relacl
                FROM pg_class c WHERE s.classid = 'pg_class'::regclass AND s.objsubid = 0 AND c.oid = s.objid AND c.relpersistence <> 't'
                UNION ALL SELECT 'TABLE ' || c.oid::regclass, ' (' || quote_ident(t.attname) || ')', c.relowner, t.attacl FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid
                WHERE s.classid = 'pg_class'::regclass AND c.oid = s.objid AND t.attnum = s.objsubid AND s.objsubid <> 0 AND c.relpersistence <> 't'
                UNION ALL SELECT 'SCHEMA ' || quote_ident(n.nspname), '', n.nspowner, n.nspacl FROM pg_namespace n WHERE s.classid = 'pg_namespace'::regclass AND n.oid = s.objid
                UNION ALL SELECT 'ROUTINE ' || p.oid::regprocedure, '', p.proowner, p.proacl FROM pg_proc p WHERE s.classid = 'pg_proc'::regclass AND p.oid = s.objid
                UNION ALL SELECT 'TYPE ' || t.oid::regtype, '', t.typowner, t.typacl FROM pg_type t WHERE s.classid = 'pg_type'::regclass AND t.oid = s.objid
                UNION ALL SELECT 'LANGUAGE ' || quote_ident(l.lanname), '', l.lanowner, l.lanacl FROM pg_language l WHERE s.classid = 'pg_language'::regclass AND l.oid = s.objid
                UNION ALL SELECT 'LARGE OBJECT ' || l.oid, '', l.lomowner, l.lomacl FROM pg_largeobject_metadata l WHERE s.classid = 'pg_largeobject'::regclass AND l.oid = s.objid
                UNION ALL SELECT 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname), '', w.fdwowner, w.fdwacl FROM pg_foreign_data_wrapper w
                WHERE s.classid = 'pg_foreign_data_wrapper'::regclass AND w.oid = s.objid
                UNION ALL SELECT 'FOREIGN SERVER ' || quote_ident(f.srvname), '', f.srvowner, f.srvacl FROM pg_foreign_server f WHERE s.classid = 'pg_foreign_server'::regclass AND f.oid = s.objid
                UNION ALL SELECT 'TABLESPACE ' || quote_ident(t.spcname), '', t.spcowner, t.spcacl FROM pg_tablespace t WHERE s.classid = 'pg_tablespace'::regclass AND t.oid = s.objid
                UNION ALL SELECT 'DATABASE ' || quote_ident(d.datname), '', d.datdba, d.datacl FROM pg_database d WHERE s.classid = 'pg_database'::regclass AND d.oid = s.objid
                %s) AS o (object, columns, owner, acl)
            CROSS JOIN LATERAL aclexplode(o.acl) AS a
            WHERE a.grantee = ANY ($1) OR a.grantor = ANY ($1)
            GROUP BY o.object, o.owner, a.grantor, a.grantee, a.is_grantable) AS g $query$, parameters) INTO listed USING users, shared;
    PERFORM set_config('pgrotator.grants', coalesce(listed, '[]'), true);
END $do$;
