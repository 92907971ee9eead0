-- By what an existing user is known as one of the pair that neither of the two can write: setup's record, and the comment that a
-- DBA gives it. $1 the user; $2 its partner, who has logged in; $3 the pair's shared role.
SELECT EXISTS (
           SELECT FROM pg_catalog.pg_roles o
           WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%'
             AND pg_catalog.shobj_description(o.oid, 'pg_authid') = pg_catalog.json_build_object('role', $3::text, 'users',
                     pg_catalog.json_build_array(least($1::text COLLATE "C", $2::text), greatest($1::text COLLATE "C", $2::text)))::text
             -- From 16 on, whoever made such a role holds no ADMIN on the pair by that alone.
             AND (pg_catalog.current_setting('server_version_num')::int < 160000 OR 2 = (
                 SELECT count(*) FROM pg_catalog.pg_roles u
                 WHERE u.rolname IN ($1::text, $2::text) AND pg_catalog.pg_has_role(o.oid, u.oid, 'MEMBER WITH ADMIN OPTION')))),
       EXISTS (
           SELECT FROM pg_catalog.pg_roles t
           WHERE t.rolname = $1::text AND pg_catalog.shobj_description(t.oid, 'pg_authid') = 'pgrotator: twin of ' || $2::text)
