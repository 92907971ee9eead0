-- What the master has to run before an upgrade from PostgreSQL 15 or older, for the owner role $1 to keep its power over the users $2
-- and the master its own over all of them and the shared role $3: from 16 on nobody but a superuser could give it. Setup gives it too.
WITH owner AS (
    SELECT r.oid, r.rolinherit, pg_catalog.quote_ident(r.rolname) AS quoted FROM pg_catalog.pg_roles r
    WHERE r.rolname = $1::text AND pg_catalog.current_setting('server_version_num')::int < 160000
), member AS (
    SELECT u.oid, pg_catalog.quote_ident(u.rolname) AS quoted FROM pg_catalog.pg_roles u WHERE u.rolname = ANY ($2::text[])
), administered AS (
    SELECT owner.oid, owner.quoted FROM owner UNION ALL SELECT member.oid, member.quoted FROM member
    UNION ALL SELECT x.oid, pg_catalog.quote_ident(x.rolname) FROM pg_catalog.pg_roles x WHERE x.rolname = $3::text
)
SELECT ARRAY(
    SELECT 'ALTER ROLE ' || owner.quoted || ' NOINHERIT' FROM owner WHERE owner.rolinherit
    UNION ALL
    SELECT 'SET ROLE NONE; GRANT ' || member.quoted || ' TO ' || owner.quoted || ' WITH ADMIN OPTION' FROM owner, member
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = member.oid AND m.member = owner.oid AND m.admin_option)
    UNION ALL
    SELECT 'SET ROLE NONE; GRANT ' || a.quoted || ' TO CURRENT_USER WITH ADMIN OPTION' FROM owner, administered a
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = a.oid AND m.member <> owner.oid AND m.admin_option))
