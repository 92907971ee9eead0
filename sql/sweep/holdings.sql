-- What each role that can log in, or has a row, may do beyond the ordinary: its attributes, and the roles of PostgreSQL and RDS that
-- it is a member of, directly or through others; and how many objects it owns in all databases.
WITH RECURSIVE predefined AS (
    SELECT r.oid, r.rolname::text AS name FROM pg_catalog.pg_roles r WHERE r.rolname::text ~ '^(pg|rds)_' AND r.rolname::text <> 'rds_iam'
), held AS (
    SELECT m.member, p.name FROM predefined p JOIN pg_catalog.pg_auth_members m ON m.roleid = p.oid
    UNION
    SELECT m.member, h.name FROM held h JOIN pg_catalog.pg_auth_members m ON m.roleid = h.member
    WHERE h.member NOT IN (SELECT predefined.oid FROM predefined)
), memberships AS (
    SELECT h.member, pg_catalog.array_agg(h.name ORDER BY h.name) AS names FROM held h GROUP BY h.member
), owned AS (
    SELECT d.refobjid AS owner, pg_catalog.count(*) AS objects FROM pg_catalog.pg_shdepend d
    WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.deptype = 'o' GROUP BY d.refobjid
)
SELECT r.oid::int8,
       pg_catalog.array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
           CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolreplication THEN 'replication' END,
           CASE WHEN r.rolbypassrls THEN 'bypassrls' END], NULL) || coalesce(m.names, '{}'::text[]),
       coalesce(o.objects, 0)::int8
FROM pg_catalog.pg_roles r
LEFT JOIN memberships m ON m.member = r.oid
LEFT JOIN owned o ON o.owner = r.oid
WHERE r.rolcanlogin OR EXISTS (SELECT FROM :"state_schema".user_login_status s WHERE s.role_oid = r.oid)
