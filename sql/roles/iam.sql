-- Every role that RDS takes for a member of rds_iam, which is whoever holds it through any membership, also one that came with ADMIN
-- alone: whether it may log in, whether it has members itself, whether it is an administrator who is a member by accident (through
-- others, or without using it), and the roles through which it is one.
WITH RECURSIVE iam AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = 'rds_iam'
), member AS (
    SELECT m.member AS oid FROM iam JOIN pg_catalog.pg_auth_members m ON m.roleid = iam.oid
    UNION
    SELECT m.member FROM member JOIN pg_catalog.pg_auth_members m ON m.roleid = member.oid
), role AS ( -- a name that this database's encoding does not have is shown byte by byte, since its conversion may fail
    SELECT r.oid, r.rolcanlogin, r.rolcreaterole, r.rolsuper,
           CASE WHEN r.rolname::text !~ '[^ -~]' OR pg_catalog.getdatabaseencoding() = 'UTF8' THEN r.rolname::text
                ELSE (SELECT pg_catalog.string_agg(CASE WHEN b.byte BETWEEN 32 AND 126 THEN pg_catalog.chr(b.byte)
                                                        ELSE '\x' || pg_catalog.lpad(pg_catalog.to_hex(b.byte & 255), 2, '0') END, '' ORDER BY b.n)
                      FROM (SELECT n, (r.rolname)[n]::int4 AS byte FROM pg_catalog.generate_series(0, 62) AS n) AS b WHERE b.byte <> 0) END AS name
    FROM pg_catalog.pg_roles r
)
SELECT r.name, r.rolcanlogin,
       EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = r.oid),
       (r.rolcreaterole OR r.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE s.rolname = 'rds_superuser' AND pg_catalog.pg_has_role(r.oid, s.oid, 'MEMBER')))
           AND NOT (pg_catalog.pg_has_role(r.oid, iam.oid, 'USAGE')
                    AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid AND m.roleid = iam.oid)),
       ARRAY(SELECT g.name FROM pg_catalog.pg_auth_members m JOIN role g ON g.oid = m.roleid
             WHERE m.member = r.oid AND (m.roleid = iam.oid OR m.roleid IN (SELECT member.oid FROM member))
             GROUP BY g.name ORDER BY g.name COLLATE "C")
FROM role r CROSS JOIN iam
WHERE r.oid IN (SELECT member.oid FROM member)
ORDER BY r.name COLLATE "C"
