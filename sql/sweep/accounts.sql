-- Every role of the cluster with its row, and whether it could be locked and dropped: by setup's functions, whose owner is $1
-- ('' = there are none), or by the session's role itself. $2 is setup's owner role ('' = there is none), on which its master has ADMIN.
-- $3 is the secret's pair.
WITH RECURSIVE reach AS ( -- the roles whose memberships the owner of the functions, and the session's role, hold
    SELECT r.oid AS holder, r.oid FROM pg_catalog.pg_roles r WHERE r.rolname IN (nullif($1::text, ''), current_user)
    UNION
    SELECT h.holder, m.roleid FROM reach h JOIN pg_catalog.pg_auth_members m ON m.member = h.oid
), admin AS (
    SELECT DISTINCT h.holder, m.roleid FROM reach h JOIN pg_catalog.pg_auth_members m ON m.member = h.oid WHERE m.admin_option
), closer AS (
    SELECT r.oid, r.rolname = $1::text AS is_owner, r.rolsuper, pg_catalog.current_setting('server_version_num')::int >= 160000 AS needs_admin
    FROM pg_catalog.pg_roles r WHERE r.rolcreaterole AND r.rolname IN (nullif($1::text, ''), current_user)
       OR r.rolsuper AND r.rolname = current_user
), iam AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = 'rds_iam'
    UNION
    SELECT m.member FROM iam JOIN pg_catalog.pg_auth_members m ON m.roleid = iam.oid
), role AS ( -- a name that this database's encoding does not have is shown byte by byte, since its conversion may fail
    SELECT r.oid, r.rolname::text AS name, r.rolcanlogin, r.rolsuper, r.rolreplication,
           r.rolname::text !~ '[^ -~]' OR pg_catalog.getdatabaseencoding() = 'UTF8' AS plain,
           (SELECT pg_catalog.string_agg(CASE WHEN b.byte BETWEEN 32 AND 126 THEN pg_catalog.chr(b.byte)
                                              ELSE '\x' || pg_catalog.lpad(pg_catalog.to_hex(b.byte & 255), 2, '0') END, '' ORDER BY b.n)
            FROM (SELECT n, (r.rolname)[n]::int4 AS byte FROM pg_catalog.generate_series(0, 62) AS n) AS b WHERE b.byte <> 0) AS bytes
    FROM pg_catalog.pg_roles r
), pair AS ( -- X_a and X_b, both members of X
    SELECT x.oid AS x, a.oid AS a, b.oid AS b
    FROM role x
    JOIN role a ON a.name = x.name || '_a' AND pg_catalog.pg_has_role(a.oid, x.oid, 'MEMBER')
    JOIN role b ON b.name = x.name || '_b' AND pg_catalog.pg_has_role(b.oid, x.oid, 'MEMBER')
), paired AS (
    SELECT pair.x AS oid FROM pair UNION SELECT pair.a FROM pair UNION SELECT pair.b FROM pair
), over AS ( -- who holds ADMIN on which user of the pair, directly or as a member of whoever does
    SELECT m.roleid AS user_oid, m.member AS holder FROM pg_catalog.pg_auth_members m
    JOIN pg_catalog.pg_roles u ON u.oid = m.roleid WHERE u.rolname = ANY ($3::text[]) AND m.admin_option
    UNION
    SELECT o.user_oid, m.member FROM over o JOIN pg_catalog.pg_auth_members m ON m.roleid = o.holder
), master AS ( -- as sql/master/admin.sql asks it of a master
    SELECT o.holder AS oid FROM over o GROUP BY o.holder
    HAVING count(DISTINCT o.user_oid) = (SELECT count(*) FROM pg_catalog.pg_roles u WHERE u.rolname = ANY ($3::text[]))
), locks AS (
    SELECT DISTINCT ON (a.user_name) a.user_name, (a.detail || pg_catalog.jsonb_build_object('at', a.happened_at))::text AS detail
    FROM :"state_schema".user_login_action a WHERE a.action = 'locked' ORDER BY a.user_name, a.happened_at DESC NULLS LAST
)
SELECT r.oid::int8, CASE WHEN r.plain THEN r.name ELSE r.bytes END, r.plain,
       CASE WHEN r.plain THEN pg_catalog.quote_ident(r.name) ELSE '' END, r.rolcanlogin, r.rolsuper,
       r.oid IN (SELECT iam.oid FROM iam),
       r.oid IN (SELECT paired.oid FROM paired),
       r.oid IN (SELECT b.subowner FROM pg_catalog.pg_subscription b),
       EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles o ON o.oid = m.roleid
               WHERE o.rolname = nullif($2::text, '') AND m.member = r.oid AND m.admin_option),
       r.oid IN (SELECT master.oid FROM master),
       EXISTS (SELECT FROM closer c WHERE c.is_owner AND CASE WHEN c.needs_admin
               THEN (c.oid, r.oid) IN (SELECT admin.holder, admin.roleid FROM admin) ELSE NOT r.rolreplication END),
       EXISTS (SELECT FROM closer c WHERE NOT c.is_owner AND (c.rolsuper OR CASE WHEN c.needs_admin
               THEN (c.oid, r.oid) IN (SELECT admin.holder, admin.roleid FROM admin) ELSE NOT r.rolreplication END)),
       s.user_name IS NOT NULL, coalesce(s.status, ''), s.last_login_time, coalesce(pg_catalog.to_jsonb(s) ->> 'last_login_source', ''), s.status_changed_at, s.locked_at,
       (pg_catalog.to_jsonb(s) ->> 'first_seen_at')::timestamptz,
       CASE WHEN s.locked_at IS NOT NULL THEN coalesce(l.detail, '') ELSE '' END
FROM role r
LEFT JOIN :"state_schema".user_login_status s ON s.user_name = r.name
LEFT JOIN locks l ON l.user_name = r.name
ORDER BY r.name COLLATE "C"
