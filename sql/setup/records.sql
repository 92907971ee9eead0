-- The records that setup wrote into the comments of owner roles, as JSON lists: the role's name, the comment, and those of the pair
-- that exist and that the role could not set, since it lacks ADMIN on them (from PostgreSQL 16 on). A comment of any other form than
-- setup's is none: a cast of it could fail.
       ARRAY(SELECT pg_catalog.json_build_array(o.rolname, d.record, ARRAY(
                        SELECT u.name FROM pg_catalog.json_array_elements_text(CASE WHEN f.whole THEN d.record::json -> 'users' ELSE '[]' END) AS u (name)
                        JOIN pg_catalog.pg_roles r ON r.rolname = u.name
                        WHERE pg_catalog.current_setting('server_version_num')::int >= 160000
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = r.oid AND m.member = o.oid AND m.admin_option)))::text
             FROM pg_catalog.pg_roles o
             CROSS JOIN LATERAL (SELECT pg_catalog.shobj_description(o.oid, 'pg_authid')) AS d (record)
             CROSS JOIN LATERAL (SELECT d.record ~ '^\{"role" : "([^"\\[:cntrl:]]|\\["\\bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*", "users" : \["([^"\\[:cntrl:]]|\\["\\bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*", "([^"\\[:cntrl:]]|\\["\\bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"\]\}$') AS f (whole)
             WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%' AND f.whole
               -- Roles of all databases: a record in whose names this one's encoding cannot be converted for the client would fail the statement.
               AND CASE pg_catalog.getdatabaseencoding() WHEN 'UTF8' THEN true WHEN 'LATIN1' THEN true
                        WHEN 'WIN1252' THEN d.record !~ '[\u0081\u008d\u008f\u0090\u009d]'
                        WHEN 'SQL_ASCII' THEN d.record ~ '^([\u0001-\u007f]|[\u00c2-\u00df][\u0080-\u00bf]|[\u00e0-\u00ef][\u0080-\u00bf]{2}|[\u00f0-\u00f4][\u0080-\u00bf]{3})*$'
                        ELSE d.record !~ '[^ -~]' END)
