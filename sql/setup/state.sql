-- What setup must know before it touches anything. $1 the AWSCURRENT user; $2 its partner; $3 the shared role.
-- A record is what an earlier setup wrote into the comment of a pair's owner role, here behind that role's name.
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $1::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $2::text),
       EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = $3::text),
       ARRAY(SELECT pg_catalog.json_build_array(o.rolname, pg_catalog.shobj_description(o.oid, 'pg_authid'))::text
             FROM pg_catalog.pg_roles o
             WHERE o.rolcreaterole AND NOT o.rolcanlogin AND o.rolname LIKE 'rotation\_%'
               AND pg_catalog.shobj_description(o.oid, 'pg_authid') IS NOT NULL)
