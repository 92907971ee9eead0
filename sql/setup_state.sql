-- What setup must know before it touches anything. $1 the AWSCURRENT user; $2 its partner; $3 the shared role.
-- A record is what an earlier setup wrote into the comment of a pair's schema; only such schemas count as belong to the role
-- of their own name, which setup makes with CREATEROLE and without LOGIN.
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $2::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $3::text),
       pg_catalog.current_setting('password_encryption'),
       ARRAY(SELECT pg_catalog.obj_description(n.oid, 'pg_namespace')
             FROM pg_catalog.pg_namespace n
             JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner AND o.rolname = n.nspname
             WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%'
               AND pg_catalog.obj_description(n.oid, 'pg_namespace') IS NOT NULL)
