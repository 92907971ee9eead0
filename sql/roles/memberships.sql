-- The memberships that stand between the roles $1 (oids) and their end: members that inherit from one of them or may become it,
-- and roles through which one of them is itself a member of $2, who could not be granted it. Up to PostgreSQL 15 every member
-- inherits or may SET ROLE; from 16 on ADMIN alone gives neither.
SELECT m.roleid::int8, true,
       'REVOKE ' || pg_catalog.quote_ident(g.rolname) || ' FROM ' || pg_catalog.quote_ident(r.rolname)
       || CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
               THEN ' GRANTED BY ' || pg_catalog.quote_ident(b.rolname) ELSE '' END
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
JOIN pg_catalog.pg_roles r ON r.oid = m.member
LEFT JOIN pg_catalog.pg_roles b ON b.oid = m.grantor
WHERE m.roleid = ANY ($1::int8[]::oid[])
  AND coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option')::bool OR (pg_catalog.to_jsonb(m) ->> 'set_option')::bool, true)
UNION
SELECT m.member::int8, false,
       'REVOKE ' || pg_catalog.quote_ident(g.rolname) || ' FROM ' || pg_catalog.quote_ident(r.rolname)
FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
JOIN pg_catalog.pg_roles r ON r.oid = m.member
JOIN pg_catalog.pg_roles c ON c.rolname = $2::text AND pg_catalog.pg_has_role(g.oid, c.oid, 'MEMBER')
WHERE m.member = ANY ($1::int8[]::oid[])
ORDER BY 1, 2, 3
