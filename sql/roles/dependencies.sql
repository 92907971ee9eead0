-- How many objects keep the roles $1 (oids) from being dropped, in each database and ('') in what all databases share. A database whose
-- name this one's encoding does not have is told by its oid, since the name's conversion may fail.
SELECT s.refobjid::int8, coalesce(CASE WHEN n.plain THEN d.datname::text ELSE '(oid ' || d.oid || ')' END, ''), coalesce(CASE WHEN NOT n.plain THEN d.oid END, 0)::int8,
       count(DISTINCT (s.classid, s.objid))
FROM pg_catalog.pg_shdepend s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
CROSS JOIN LATERAL (SELECT d.datname::text !~ '[^ -~]' OR pg_catalog.getdatabaseencoding() = 'UTF8') AS n (plain)
WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND s.refobjid = ANY ($1::int8[]::oid[])
  AND NOT (s.classid = 'pg_catalog.pg_auth_members'::pg_catalog.regclass AND EXISTS (
        SELECT FROM pg_catalog.pg_auth_members am
        WHERE (pg_catalog.to_jsonb(am) ->> 'oid')::oid = s.objid AND s.refobjid IN (am.roleid, am.member)))
GROUP BY s.refobjid, d.oid, d.datname, n.plain
ORDER BY s.refobjid, d.datname NULLS FIRST
