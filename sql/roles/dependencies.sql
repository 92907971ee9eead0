-- How many objects keep the roles $1 (oids) from being dropped, in each database and ('') in what all databases share.
SELECT s.refobjid::int8, coalesce(d.datname::text, ''), count(DISTINCT (s.classid, s.objid))
FROM pg_catalog.pg_shdepend s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND s.refobjid = ANY ($1::int8[]::oid[])
  AND NOT (s.classid = 'pg_catalog.pg_auth_members'::pg_catalog.regclass AND EXISTS (
        SELECT FROM pg_catalog.pg_auth_members am
        WHERE (pg_catalog.to_jsonb(am) ->> 'oid')::oid = s.objid AND s.refobjid IN (am.roleid, am.member)))
GROUP BY s.refobjid, d.datname
ORDER BY s.refobjid, d.datname NULLS FIRST
