-- What keeps the roles $1 (oids) from being dropped, in each database and ('') in the whole cluster; and whose objects carry
-- their grants, where $2, the one who would clear up, has not the owner's privileges: nobody else can revoke those. The last
-- column tells of objects whose grants name third roles too, which may have granted in the owner's place: only the ACL itself,
-- in its own database, tells grantors from grantees.
SELECT s.refobjid::int8,
       coalesce(d.datname::text, ''),
       coalesce(pg_catalog.quote_ident(d.datname), ''),
       count(DISTINCT (s.classid, s.objid)),
       coalesce(pg_catalog.array_agg(DISTINCT pg_catalog.quote_ident(r.rolname)) FILTER (WHERE r.oid IS NOT NULL), '{}'),
       pg_catalog.bool_or(t.third)
FROM pg_catalog.pg_shdepend s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
LEFT JOIN pg_catalog.pg_shdepend o ON s.deptype <> 'o' AND o.deptype = 'o' AND o.dbid = s.dbid AND o.classid = s.classid
    AND o.objid = s.objid AND o.refclassid = s.refclassid AND o.refobjid <> s.refobjid
LEFT JOIN pg_catalog.pg_roles r ON r.oid = o.refobjid AND NOT coalesce(
    (SELECT pg_catalog.pg_has_role(c.oid, r.oid, 'USAGE') FROM pg_catalog.pg_roles c WHERE c.rolname = $2::text), false)
CROSS JOIN LATERAL (SELECT s.deptype = 'a' AND EXISTS (
        SELECT FROM pg_catalog.pg_shdepend x
        WHERE x.deptype = 'a' AND x.dbid = s.dbid AND x.classid = s.classid AND x.objid = s.objid
          AND x.refclassid = s.refclassid AND x.refobjid <> s.refobjid)) AS t (third)
WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND s.refobjid = ANY ($1::int8[]::oid[])
  AND NOT (s.classid = 'pg_catalog.pg_auth_members'::pg_catalog.regclass AND EXISTS (
        SELECT FROM pg_catalog.pg_auth_members am
        WHERE (pg_catalog.to_jsonb(am) ->> 'oid')::oid = s.objid AND s.refobjid IN (am.roleid, am.member)))
GROUP BY s.refobjid, d.datname
ORDER BY s.refobjid, d.datname NULLS FIRST
