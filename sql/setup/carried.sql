-- What a role that is there already, pgrotator.role, has beside the pair, pgrotator.username and pgrotator.partner, into pgrotator.carried,
-- '' = nothing: attributes, memberships, objects and grants in every database, which whoever becomes it gets, and members, who get what
-- the pair makes of it, also by ADMIN alone; but for those who have power over it anyway.
DO $do$
DECLARE
    shared  pg_catalog.pg_roles;
    carried pg_catalog.text;
BEGIN
    SELECT r.* INTO shared FROM pg_catalog.pg_roles r WHERE r.rolname = pg_catalog.current_setting('pgrotator.role');
    SELECT pg_catalog.string_agg(c.what, ', ' ORDER BY c.place, c.what) INTO carried
    FROM (
        SELECT 1, 'the attribute ' || a.attribute
        FROM (VALUES ('LOGIN', shared.rolcanlogin), ('SUPERUSER', shared.rolsuper), ('CREATEROLE', shared.rolcreaterole), ('CREATEDB', shared.rolcreatedb),
                     ('REPLICATION', shared.rolreplication), ('BYPASSRLS', shared.rolbypassrls)) AS a (attribute, has)
        WHERE a.has
        UNION ALL
        SELECT DISTINCT 2, 'membership in ' || pg_catalog.quote_ident(g.rolname)
        FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
        WHERE m.member = shared.oid
        UNION ALL
        SELECT 3, CASE WHEN s.deptype = 'o' THEN 'objects in ' ELSE 'grants or policies in ' END
                  || coalesce('database ' || pg_catalog.quote_ident(d.datname), 'the whole cluster') || ' (' || pg_catalog.count(*) || ')'
        FROM pg_catalog.pg_shdepend s LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
        WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = shared.oid
        GROUP BY s.deptype = 'o', d.datname
        UNION ALL
        SELECT DISTINCT 4, 'the member ' || pg_catalog.quote_ident(r.rolname)
        FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member
        WHERE m.roleid = shared.oid AND NOT r.rolsuper AND r.rolname <> current_user
          AND r.rolname NOT IN (pg_catalog.current_setting('pgrotator.username'), pg_catalog.current_setting('pgrotator.partner'))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles g WHERE g.rolname = 'rds_superuser' AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER'))
    ) AS c (place, what);
    -- A name may hold what this database's encoding, or the reader's terminal, does not have.
    PERFORM pg_catalog.set_config('pgrotator.carried', coalesce(pg_catalog.regexp_replace(carried,
        CASE pg_catalog.getdatabaseencoding() WHEN 'UTF8' THEN '[[:cntrl:]]' ELSE '[^ -~]' END, '?', 'g'), ''), false);
END $do$;
