-- Whether the session's role holds ADMIN on every user of the pair that exists, of which there is at least one. $1 the pair.
SELECT count(*) > 0 AND bool_and(pg_catalog.pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))
FROM pg_catalog.pg_roles r
WHERE r.rolname = ANY ($1::text[])
