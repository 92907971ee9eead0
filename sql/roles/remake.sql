-- The statements that would make the role $1 (oid) again, but for its password and for what it owned. Settings that hold a list
-- of names are stored already quoted (pg_dump treats them so too).
WITH role AS (
    SELECT r.*, pg_catalog.quote_ident(r.rolname) AS quoted FROM pg_catalog.pg_roles r WHERE r.oid = $1::int8::oid
), statement AS (
    SELECT 1 AS step, 'CREATE ROLE ' || r.quoted || ' LOGIN'
        || CASE WHEN r.rolcreatedb THEN ' CREATEDB' ELSE '' END || CASE WHEN r.rolcreaterole THEN ' CREATEROLE' ELSE '' END
        || CASE WHEN r.rolinherit THEN '' ELSE ' NOINHERIT' END || CASE WHEN r.rolreplication THEN ' REPLICATION' ELSE '' END
        || CASE WHEN r.rolbypassrls THEN ' BYPASSRLS' ELSE '' END
        || CASE WHEN r.rolconnlimit >= 0 THEN ' CONNECTION LIMIT ' || r.rolconnlimit ELSE '' END
        || coalesce(' VALID UNTIL ' || pg_catalog.quote_literal(r.rolvaliduntil::text), '') AS text
    FROM role r
    UNION ALL
    SELECT 2, 'GRANT ' || pg_catalog.quote_ident(g.rolname) || ' TO ' || pg_catalog.quote_ident(e.rolname)
        || coalesce(' WITH ADMIN ' || pg_catalog.upper(m.admin_option::text)
                    || ', INHERIT ' || pg_catalog.upper(pg_catalog.to_jsonb(m) ->> 'inherit_option')
                    || ', SET ' || pg_catalog.upper(pg_catalog.to_jsonb(m) ->> 'set_option'),
                    CASE WHEN m.admin_option THEN ' WITH ADMIN OPTION' ELSE '' END)
    FROM role r
    JOIN pg_catalog.pg_auth_members m ON r.oid IN (m.member, m.roleid)
    JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
    JOIN pg_catalog.pg_roles e ON e.oid = m.member
    UNION ALL
    SELECT 3, 'ALTER ROLE ' || r.quoted || coalesce(' IN DATABASE ' || pg_catalog.quote_ident(d.datname), '')
        || ' SET ' || pg_catalog.quote_ident(pg_catalog.split_part(c.setting, '=', 1)) || ' TO '
        || CASE WHEN pg_catalog.split_part(c.setting, '=', 1) IN ('local_preload_libraries', 'search_path', 'session_preload_libraries', 'temp_tablespaces')
                THEN pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1)
                ELSE pg_catalog.quote_literal(pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1)) END
    FROM role r
    JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
    CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
    UNION ALL
    SELECT 4, 'COMMENT ON ROLE ' || r.quoted || ' IS ' || pg_catalog.quote_literal(pg_catalog.shobj_description(r.oid, 'pg_authid'))
    FROM role r WHERE pg_catalog.shobj_description(r.oid, 'pg_authid') IS NOT NULL
)
SELECT ARRAY(SELECT statement.text FROM statement ORDER BY statement.step, statement.text)
