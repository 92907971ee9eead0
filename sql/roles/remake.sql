-- What would make the role $1 (oid) again, but for its password and what it owned, as JSON. From PostgreSQL 16 on whoever makes a role
-- gets ADMIN on it from the bootstrap superuser (10): that comes by itself, and cannot be granted by anybody. Where the database's encoding
-- is not UTF8, what is not ASCII may be of another, and its conversion may fail: it becomes the replacement character, which no statement
-- can hold.
SELECT (CASE WHEN pg_catalog.getdatabaseencoding() = 'UTF8' THEN f.role
             ELSE pg_catalog.regexp_replace(f.role, '[^\x01-\x7f]', '\\ufffd', 'g') END)::json
FROM (SELECT pg_catalog.json_build_object(
    'name', r.rolname, 'createdb', r.rolcreatedb, 'createrole', r.rolcreaterole, 'inherit', r.rolinherit, 'replication', r.rolreplication,
    'bypassrls', r.rolbypassrls, 'connectionLimit', r.rolconnlimit, 'validUntil', coalesce(r.rolvaliduntil::text, ''),
    'comment', coalesce(pg_catalog.shobj_description(r.oid, 'pg_authid'), ''),
    'memberships', (
        SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                   'role', g.rolname, 'member', e.rolname, 'admin', m.admin_option,
                   'inherit', pg_catalog.to_jsonb(m) -> 'inherit_option', 'set', pg_catalog.to_jsonb(m) -> 'set_option')
                   ORDER BY g.rolname, e.rolname), '[]')
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
        JOIN pg_catalog.pg_roles e ON e.oid = m.member
        WHERE r.oid IN (m.member, m.roleid)
          AND NOT (m.roleid = r.oid AND m.grantor = 10 AND m.admin_option AND NOT coalesce(
              (pg_catalog.to_jsonb(m) ->> 'inherit_option')::bool OR (pg_catalog.to_jsonb(m) ->> 'set_option')::bool, true))),
    'settings', (
        SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('database', coalesce(d.datname, ''), 'name', c.name,
                   'value', pg_catalog.substr(c.setting, pg_catalog.length(c.name) + 2)) ORDER BY d.datname NULLS FIRST, c.name), '[]')
        FROM pg_catalog.pg_db_role_setting s
        LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
        CROSS JOIN LATERAL (SELECT pg_catalog.split_part(u.setting, '=', 1), u.setting FROM pg_catalog.unnest(s.setconfig) AS u (setting)) AS c (name, setting)
        WHERE s.setrole = r.oid))::text
FROM pg_catalog.pg_roles r
WHERE r.oid = $1::int8::oid) AS f (role)
