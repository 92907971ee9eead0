-- What the user to be set has beyond its partner: whoever names it in the secret must not gain it. No row = nothing.
-- $1 the user to be set; $2 its partner, who has logged in; $3 true where the secret itself names the pair.
WITH pending AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = $1::text),
     current AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = $2::text)
SELECT 'the attribute ' || a.attribute
FROM pending, current, LATERAL (VALUES
    ('SUPERUSER', pending.rolsuper AND NOT current.rolsuper),
    ('CREATEROLE', pending.rolcreaterole AND NOT current.rolcreaterole),
    ('CREATEDB', pending.rolcreatedb AND NOT current.rolcreatedb),
    ('REPLICATION', pending.rolreplication AND NOT current.rolreplication),
    ('BYPASSRLS', pending.rolbypassrls AND NOT current.rolbypassrls)) AS a (attribute, excess)
WHERE a.excess
UNION ALL
SELECT 'membership in ' || pg_catalog.quote_ident(g.rolname) || o.told
FROM pending, current, pg_catalog.pg_roles g, LATERAL (VALUES
    ('MEMBER', ''), ('MEMBER WITH ADMIN OPTION', ' with ADMIN'), ('USAGE', ' with INHERIT'),
    (CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END, ' with SET')) AS o (option, told)
WHERE g.oid NOT IN (pending.oid, current.oid) AND NOT pending.rolsuper
  AND pg_catalog.pg_has_role(pending.oid, g.oid, o.option) AND NOT pg_catalog.pg_has_role(current.oid, g.oid, o.option)
UNION ALL
SELECT 'ADMIN on ' || pg_catalog.quote_ident(current.rolname)
FROM pending, current
WHERE NOT pending.rolsuper AND pg_catalog.pg_has_role(pending.oid, current.oid, 'MEMBER WITH ADMIN OPTION')
UNION ALL
SELECT 'objects or grants of its own in ' || coalesce('database ' || pg_catalog.quote_ident(d.datname), 'the whole cluster')
FROM pending
JOIN pg_catalog.pg_shdepend s ON s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = pending.oid
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
WHERE $3::bool AND s.classid <> 'pg_catalog.pg_auth_members'::pg_catalog.regclass
  AND NOT EXISTS ( -- temporary tables of this database end with their session
      SELECT FROM pg_catalog.pg_class c
      WHERE s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = s.objid AND c.relpersistence = 't'
        AND d.datname = pg_catalog.current_database())
GROUP BY d.datname
ORDER BY 1
